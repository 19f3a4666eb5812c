"""Placeholders back into values, in a text that grows."""

import itertools
import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.placeholders import plan
from extproc.findings import Span, Text
from extproc.messages.restore import restore as restore_whole
from extproc.streams.json_prefix import Kind
from extproc.streams.restoring import MAX_BROUGHT, MAX_RESTORED, Restorer, Restoring, replacements
from extproc.streams.rewriting import ExhaustedError

A, B, C = "[EMAIL_ADDRESS_x7k2mq]", "[PERSON_aaaaaa]", "[1PASSWORD_SECRET_KEY_zzzzzz]"
VALUES = {A: 'o"brien\n@é.org', B: A, C: "https://v.example/"}
LONGEST = len(C) * 6  # every character of it spelled as an escape


def fed(text: str, cuts: list[int] | range, links: bool = False) -> tuple[str, int, int]:
    """What comes out in all, how many values are back, and the most that was held."""
    restoring = Restoring(VALUES, links)
    restorer, out, most = restoring.channel(), "", 0
    for start, end in itertools.pairwise([0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]):
        out += restorer.feed(text[start:end])
        most = max(most, restorer.held)
    out += restorer.feed("", True)
    assert restorer.held == 0
    return out, restoring.restored, most


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        (f"to {A}, {A}", f"to {VALUES[A]}, {VALUES[A]}"),
        (f"{A} said", f"{VALUES[A]} said"),
        (f"[{A}]", f"[{VALUES[A]}]"),
        (f"{{broken {A}", f"{{broken {VALUES[A]}"),
        (f'{{"k": "{A}", "{A}": 1}}', json.dumps({"k": VALUES[A], A: 1}, ensure_ascii=False)),
        (f'["{A}"] and {A}', f'["o\\"brien\\n@é.org"] and {VALUES[A]}'),
        (f'{{"k": "{A}', '{"k": "o\\"brien\\n@é.org'),
        ('["\\u005bEMAIL_\\u0041DDRESS_x7k2mq\\u005D"]', '["o\\"brien\\n@é.org"]'),
        ('["\\\\u005bEMAIL_ADDRESS_x7k2mq]"]', '["\\\\u005bEMAIL_ADDRESS_x7k2mq]"]'),
        (f'["\\ud83d\\ude00{A}\\u00"]', '["\\ud83d\\ude00o\\"brien\\n@é.org\\u00"]'),
        (f'["\\uZZ{A}"]', '["\\uZZo\\"brien\\n@é.org"]'),
        (f"[12] {C}, [1PA", "[12] https://v.example/, [1PA"),
        (B, A),
        (f"({A}", f"({VALUES[A]}"),
    ],
)
def test_a_placeholder_is_restored_wherever_it_is_cut(text: str, restored: str) -> None:
    """Whole, in two pieces at every place, and character by character."""
    assert fed(text, [])[0] == restored
    assert all(fed(text, [place])[0] == restored for place in range(len(text)))
    assert fed(text, range(len(text)))[0] == restored


@pytest.mark.parametrize(
    "text",
    [
        "[EMAIL_ADDRESS_x7k2mr]",
        "EMAIL_ADDRESS_x7k2mq",
        A.lower(),
        A[:-1],
        A.replace("_", " "),
        "[",
        "[]",
        "{",
        "",
        "\\[",
    ],
)
def test_what_only_looks_alike_is_let_pass(text: str) -> None:
    """Only exact placeholders of this exchange are restored."""
    assert fed(text, range(len(text)))[:2] == (text, 0)


@pytest.mark.parametrize(
    ("text", "restored"),
    [
        (f"![x](/a?{A}) {A}", f"![x](/a?{A}) {VALUES[A]}"),
        (f"https://e/{A} {A}", f"https://e/{A} {VALUES[A]}"),
        (f'["https:\\/\\/e\\u002f{A}", "{A}"]', f'["https:\\/\\/e\\u002f{A}", "o\\"brien\\n@é.org"]'),
        (f'{{"u":"https://e","v":"{B}"}}', f'{{"u":"https://e","v":"{A}"}}'),
        (f'["![](https://e/?","{B}",")"] {B}', f'["![](https://e/?","{B}",")"] {A}'),
        (f"[1](/x {B}) {B}", f"[1](/x {B}) {A}"),
        (f"{C}{B}", f"https://v.example/{B}"),
        (f"{C}(https {B})", f"https://v.example/(https {A})"),
    ],
)
def test_nothing_is_restored_in_a_target(text: str, restored: str) -> None:
    """Told from what the reader gets, in JSON string by string, and as somebody reads it who sees no JSON."""
    assert all(fed(text, cuts)[0] == restored for cuts in ([], range(len(text)), *([at] for at in range(len(text)))))


def test_targets_are_restored_where_that_is_allowed() -> None:
    """Then the rule is that of an answer without streaming."""
    assert fed(f"https://e/{C}", [], links=True)[0] == "https://e/https://v.example/"


def test_only_what_a_match_could_need_is_held() -> None:
    """No beginning of a placeholder, nothing held."""
    restorer = Restoring(VALUES).channel()
    held = [
        (text, restorer.feed(text), restorer.held)
        for text in ("a [", "x] [E", "MAIL", "x", "[EMAIL_ADDRESS_x7k2mq", "] [1")
    ]
    assert held == [
        ("a [", "a ", 1),
        ("x] [E", "[x] ", 2),
        ("MAIL", "", 6),
        ("x", "[EMAILx", 0),
        ("[EMAIL_ADDRESS_x7k2mq", "", 21),
        ("] [1", 'o"brien\n@é.org ', 2),
    ]


def test_the_text_goes_on_after_a_release() -> None:
    """What was let go is not taken back; what follows is restored as ever."""
    restorer = Restoring(VALUES).channel()
    assert restorer.feed("[EMAIL_", True) == "[EMAIL_"
    assert restorer.feed(f"ADDRESS_x7k2mq] {B} ") == f"ADDRESS_x7k2mq] {A} "


def test_a_key_that_is_no_placeholder_is_refused() -> None:
    """The shape is what bounds the text held."""
    for key in ("", "x", "[x]", "[A B_aaaaaa]", f"{A} "):
        with pytest.raises(ValueError, match="brackets"):
            Restoring({key: "x"})


@pytest.mark.parametrize(
    ("value", "times"), [("x", MAX_RESTORED + 1), ("x" * (MAX_BROUGHT // 9), 10), ("\n" * (MAX_BROUGHT // 3), 2)]
)
def test_an_answer_brings_in_no_more_than_its_bound(value: str, times: int) -> None:
    """A provider that repeats one placeholder must not make the gateway write gigabytes."""
    restorer = Restoring({A: value}).channel()
    text = '["' + A * (times - 1)
    assert len(restorer.feed(f"{text} ")) >= len(value) * (times - 1)
    with pytest.raises(ExhaustedError):
        restorer.feed(A, True)


def test_a_whole_text_is_restored_at_once() -> None:
    """And the replacements of a text are told with their places, for whoever edits bytes."""
    restoring = Restoring(VALUES)
    assert (restoring.whole(f"x {B}"), restoring.whole("plain")) == (f"x {A}", "plain")
    assert replacements(f"{A}x{B}", restoring) == [(0, 22, VALUES[A]), (23, 38, A)]
    assert replacements(f'["{A}"]', restoring) == [(2, 24, 'o\\"brien\\n@é.org')]


PIECES = st.sampled_from(
    [A, B, C, A[:9], A[9:], "x", "é", "\n", '"', "😀", "[", "]", " ", "{", "}", ":", ",", "\\", "\\u005b", "](", ")",
     "https://", "<a ", ">", "1"]
)  # fmt: skip
TEXTS = st.lists(PIECES, max_size=15).map("".join)
CUTS = st.lists(st.integers(0, 120), max_size=8)


@given(TEXTS, CUTS, st.booleans())
def test_no_cut_changes_the_outcome(text: str, cuts: list[int], links: bool) -> None:
    """Nor does it ever hold more than one placeholder, however spelled."""
    whole = fed(text, [], links)
    some, each = fed(text, cuts, links), fed(text, range(len(text)), links)
    assert whole[:2] == some[:2] == each[:2]
    assert max(some[2], each[2]) < LONGEST


@given(TEXTS)
def test_nothing_but_placeholders_changes(text: str) -> None:
    """Put the placeholders back and the text is what it was."""
    out, at, parts = fed(text, [])[0], 0, []
    for start, end, new in replacements(text, Restoring(VALUES)):
        parts += [text[at:start], new]
        at = end
    assert "".join([*parts, text[at:]]) == out


@given(st.lists(st.sampled_from([A, B, "x", "é", "\n", '"', "😀", " "])).map("".join), st.booleans(), CUTS)
def test_the_outcome_is_that_of_an_unstreamed_answer(argument: str, ascii_only: bool, cuts: list[int]) -> None:
    """In text and in JSON, with the code that restores whole answers."""
    for text in ("x" + argument, json.dumps({"k": [argument], A: 1}, ensure_ascii=ascii_only)):
        body, count = restore_whole(orjson.dumps([text]), VALUES)
        assert [fed(text, cuts)[0]] == orjson.loads(body)
        assert fed(text, cuts)[1] == count


WORDS = st.lists(
    st.sampled_from(["eve@example.org", "+49 30 901820", "hello", "é", '"', "\n", A, "[", "{"]), max_size=8
)


@given(WORDS, CUTS)
def test_what_was_redacted_comes_back_as_it_was(words: list[str], cuts: list[int]) -> None:
    """restore(redact(x)) == x, also when x holds a look-alike. Keys of JSON stay redacted, so x is none."""
    words = ["said", *words]
    text = " ".join(words)
    spans, at = [], 0
    for word in words:
        if "@" in word or word.startswith("+"):
            spans.append(Span(at, at + len(word), "EMAIL_ADDRESS" if "@" in word else "PHONE_NUMBER"))
        at += len(word) + 1
    redaction = plan([Text("x", "user", text, 0, 0)], [spans], b"k" * 64, "acme")
    redacted, at = "", 0
    for start, end, stand_in in redaction.replacements[0]:
        redacted += text[at:start] + stand_in
        at = end
    redacted += text[at:]
    restorer, out = Restoring(redaction.values).channel(), ""
    for start, end in itertools.pairwise([0, *sorted(cut for cut in cuts if cut < len(redacted)), len(redacted)]):
        out += restorer.feed(redacted[start:end])
    assert out + restorer.feed("", True) == text


def test_a_restorer_shows_no_values() -> None:
    """Nor do the exchange's own words."""
    restoring = Restoring(VALUES)
    assert "brien" not in repr(restoring) + repr(restoring.channel()) + repr(Kind.VALUE)
    assert isinstance(restoring.channel(), Restorer)
