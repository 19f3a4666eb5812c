"""Strings, keys and the rest of a text that may be JSON."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.streams.json_prefix import MAX_DEPTH, MAX_SCALAR, JsonPrefix, Kind


def runs(text: str, cuts: list[int]) -> list[tuple[Kind, str]]:
    """Neighbours of one kind are one run."""
    prefix = JsonPrefix()
    found: list[tuple[Kind, str]] = []
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    for start, end in itertools.pairwise(places):
        for kind, run in prefix.feed(text[start:end]):
            if found and found[-1][0] is kind:
                found[-1] = (kind, found[-1][1] + run)
            else:
                found.append((kind, run))
    return found


def test_keys_and_values_are_told_apart() -> None:
    """What is between their quotes, escapes as they stand."""
    assert runs(' {"a\\"": "b\\\\", "c": ["d", 1, {"": ""}]}\n', []) == [
        (Kind.OUTSIDE, ' {"'),
        (Kind.KEY, 'a\\"'),
        (Kind.OUTSIDE, '": "'),
        (Kind.VALUE, "b\\\\"),
        (Kind.OUTSIDE, '", "'),
        (Kind.KEY, "c"),
        (Kind.OUTSIDE, '": ["'),
        (Kind.VALUE, "d"),
        (Kind.OUTSIDE, '", 1, {"": ""}]}\n'),
    ]


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Hello", "Hello"), ('"x"', '"x"'), ("[EMAIL", "EMAIL"), ("[1](x)", "(x)"), ('{"a":1} {', "{"), ("[1 2]", "2]"),
        ("[01]", "]"), ("[nul]", "]"), ("[tru e]", " e]"), ("{1", "1"), ('{"a"}', "}"), ("[1}", "}"), ("[,", ","),
        ('{"a":,', ","), ("[1,]", "]"), ('{"a":1,}', "}"), ("[-]", "]"), ("{:", ":"), ("[1:", ":"), ('["a" "b"', '"b"'),
        ("[" * (MAX_DEPTH + 1), "["), ("[" + "1" * (MAX_SCALAR + 1), "1"), ("[1.]", "]"), ("[1,2x", "x"), ("]", "]"),
    ],
)  # fmt: skip
def test_from_the_first_odd_character_it_is_text(text: str, plain: str) -> None:
    """A text that could not go on as JSON does not."""
    assert runs(text, [])[-1] == (Kind.TEXT, plain)
    assert runs(text, list(range(len(text))))[-1] == (Kind.TEXT, plain)


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(st.lists(VALUES) | st.dictionaries(st.text(), VALUES), st.booleans(), st.sampled_from([None, 1]))
def test_whatever_is_json_reads_as_json(value: Any, ascii_only: bool, indent: int | None) -> None:
    """Nothing of it is taken for plain text, and what stands in values are its strings."""
    text = json.dumps(value, ensure_ascii=ascii_only, indent=indent)
    found = runs(text, [])
    assert all(kind is not Kind.TEXT for kind, _ in found)
    assert [json.loads(f'"{run}"') for kind, run in found if kind is Kind.VALUE] == [s for s in strings(value) if s]


def strings(value: Any) -> list[str]:
    """Every string value, in order."""
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [text for item in inner for text in strings(item)]


PIECES = st.sampled_from(["{", "}", "[", "]", ",", ":", '"', "\\", "\\u00", "1", "true", "x", " ", "-", "é", '"a":'])


@given(st.lists(PIECES, max_size=25), st.lists(st.integers(0, 60)))
def test_no_cut_changes_a_run(pieces: list[str], cuts: list[int]) -> None:
    """Together the runs are the text, and each is the same however it came."""
    text = "".join(pieces)
    assert runs(text, cuts) == runs(text, [])
    assert "".join(run for _, run in runs(text, cuts)) == text
