"""The strict parser: what it refuses, and that places and values are right."""

import json
import math
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from extproc.messages.json_spans import MAX_DEPTH, MAX_VALUES, Node, parse
from extproc.messages.refusal import Refused
from forebay.outcomes import Reason

BAD: list[tuple[bytes, Reason, int | None]] = [
    (b"", Reason.EMPTY_BODY, None),
    (b" \r\n\t", Reason.EMPTY_BODY, None),
    (b"{", Reason.MALFORMED_JSON, 1),
    (b"[", Reason.MALFORMED_JSON, 1),
    (b"[1", Reason.MALFORMED_JSON, 2),
    (b"[1,]", Reason.MALFORMED_JSON, 3),
    (b"[,1]", Reason.MALFORMED_JSON, 1),
    (b'{"a":1,}', Reason.MALFORMED_JSON, 7),
    (b'{"a"}', Reason.MALFORMED_JSON, 4),
    (b'{"a":}', Reason.MALFORMED_JSON, 5),
    (b'{"a" 1}', Reason.MALFORMED_JSON, 5),
    (b"{a:1}", Reason.MALFORMED_JSON, 1),
    (b"{'a':1}", Reason.MALFORMED_JSON, 1),
    (b'{"a":1]', Reason.MALFORMED_JSON, 6),
    (b"[1}", Reason.MALFORMED_JSON, 2),
    (b"[1 2]", Reason.MALFORMED_JSON, 3),
    (b"[] []", Reason.MALFORMED_JSON, 3),
    (b"{}x", Reason.MALFORMED_JSON, 2),
    (b"{}\0", Reason.MALFORMED_JSON, 2),
    (b"[NaN]", Reason.MALFORMED_JSON, 1),
    (b"[Infinity]", Reason.MALFORMED_JSON, 1),
    (b"[-Infinity]", Reason.MALFORMED_JSON, 1),
    (b"[01]", Reason.MALFORMED_JSON, 2),
    (b"[-]", Reason.MALFORMED_JSON, 1),
    (b"[+1]", Reason.MALFORMED_JSON, 1),
    (b"[1.]", Reason.MALFORMED_JSON, 2),
    (b"[.5]", Reason.MALFORMED_JSON, 1),
    (b"[1e]", Reason.MALFORMED_JSON, 2),
    (b"[0x1]", Reason.MALFORMED_JSON, 2),
    (b"[1_0]", Reason.MALFORMED_JSON, 2),
    (b"[tru]", Reason.MALFORMED_JSON, 1),
    (b"[True]", Reason.MALFORMED_JSON, 1),
    (b"[nulll]", Reason.MALFORMED_JSON, 5),
    (b"[1]//x", Reason.MALFORMED_JSON, 3),
    (b"\x0b[1]", Reason.MALFORMED_JSON, 0),
    (b'["a\nb"]', Reason.MALFORMED_JSON, 3),
    (b'["a\0b"]', Reason.MALFORMED_JSON, 3),
    (b'["\\x41"]', Reason.MALFORMED_JSON, 2),
    (b'["\\u12g4"]', Reason.MALFORMED_JSON, 2),
    (b'["\\u12"]', Reason.MALFORMED_JSON, 2),
    (b'["abc', Reason.MALFORMED_JSON, 5),
    (b'["abc\\"]', Reason.MALFORMED_JSON, 8),
    (b'\\"a"', Reason.MALFORMED_JSON, 0),
    (b'{"a"\\:1}', Reason.MALFORMED_JSON, 4),
    (b"[1\\\\5]", Reason.MALFORMED_JSON, 2),
    ("[\u00a01]".encode(), Reason.MALFORMED_JSON, 1),
    (b"\xef\xbb\xbf{}", Reason.INVALID_ENCODING, 0),
    (b"\xff\xfe{\0}\0", Reason.INVALID_ENCODING, 0),
    (b'["a\xffb"]', Reason.INVALID_ENCODING, 3),
    (b'["\xc0\xaf"]', Reason.INVALID_ENCODING, 2),
    (b'["\xed\xa0\x80"]', Reason.INVALID_ENCODING, 2),
    (b'["a\\ud800"]', Reason.INVALID_ENCODING, 3),
    (b'["\\udc00\\ud800"]', Reason.INVALID_ENCODING, 2),
    (b'["\\ud83d\\ude00\\ud83dx"]', Reason.INVALID_ENCODING, 14),
    (b'{"\\udfff":1}', Reason.INVALID_ENCODING, 2),
    (b'{"a":1,"a":2}', Reason.DUPLICATE_KEY, 7),
    (b'{"model":1,"mod\\u0065l":2}', Reason.DUPLICATE_KEY, 11),
    (b'[{"x":{"b":1,"\\u0062":2}}]', Reason.DUPLICATE_KEY, 13),
    (b'{"":1,"":2}', Reason.DUPLICATE_KEY, 6),
    (b"[1e400]", Reason.INVALID_VALUE, None),
    (b"[-1e400]", Reason.INVALID_VALUE, None),
    (b"[" + b"9" * 5000 + b"]", Reason.INVALID_VALUE, None),
    (b"[" * 100_000, Reason.TOO_DEEP, None),
    (b'{"a":' * 100_000, Reason.TOO_DEEP, None),
    (b"[0" + b",0" * MAX_VALUES + b"]", Reason.CAP_EXCEEDED, None),
]


@pytest.mark.parametrize(("body", "reason", "at"), BAD, ids=range(len(BAD)))
def test_a_body_that_could_be_read_in_two_ways_is_refused(body: bytes, reason: Reason, at: int | None) -> None:
    """Each with its reason and the byte at fault."""
    with pytest.raises(Refused) as caught:
        parse(body, 64)
    assert (caught.value.reason, caught.value.fields.get("at")) == (reason, at)
    assert str(caught.value)


def test_depth_is_counted_in_open_containers() -> None:
    """The cap itself passes, one more does not, and no cap is above the parser's own."""
    assert parse(b"[[1]]", 2)
    with pytest.raises(Refused):
        parse(b"[[[1]]]", 2)
    with pytest.raises(Refused):
        parse(b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), 10_000)


def _plain(node: Node) -> Any:
    if isinstance(node.value, dict):
        return {key: _plain(child) for key, child in node.value.items()}
    return [_plain(child) for child in node.value] if isinstance(node.value, list) else node.value


def _check_places(body: bytes, node: Node) -> None:
    assert _plain(node) == json.loads(body[node.start : node.end])
    if isinstance(node.value, dict):
        for key, child in node.value.items():
            decoded, _ = json.JSONDecoder().raw_decode(body[child.key_start :].decode())
            assert decoded == key
            _check_places(body, child)
    elif isinstance(node.value, list):
        for child in node.value:
            assert child.key_start == node.key_start or child.start > node.start
            _check_places(body, child)


TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
SCALARS = st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    SCALARS | TEXT, lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5), max_leaves=20
)


@given(VALUES, st.booleans(), st.sampled_from([None, 1, "\t"]))
def test_values_agree_with_the_standard_library(value: object, ascii_only: bool, indent: int | str | None) -> None:
    """And every span cuts out exactly the JSON text of its value."""
    body = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    node = parse(body, 100)
    assert _plain(node) == value
    _check_places(body, node)


FRAGMENTS = st.sampled_from(
    [
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b'"',
        b"\\",
        b"\\\\",
        b'\\"',
        b"\\u00",
        b"e9",
        b"a",
        b'"k"',
        b'"k":',
        b"1",
        b"0",
        b"-",
        b".",
        b"e1",
        b"true",
        b"null",
        b"NaN",
        b" ",
        b"\n",
        b"\xc3\xa9",
        b"\xe9",
        b"\\ud83d",
        b"\\ude00",
        b"\x00",
    ]
)


def _finite(token: str) -> float:
    raise ValueError(token)


def _strict(pairs: list[tuple[str, object]]) -> dict[str, object]:
    if len(dict(pairs)) != len(pairs):
        raise ValueError("duplicate")
    return dict(pairs)


@given(st.lists(FRAGMENTS, max_size=14).map(b"".join))
@example(b'"\\\\"')
@example(b'["\\\\\\"",1]')
def test_it_accepts_exactly_what_a_strict_reading_of_the_standard_library_accepts(body: bytes) -> None:
    """Random fragments: same values where both accept, and neither accepts what the other refuses."""
    try:
        expected = json.loads(body.decode(), parse_constant=_finite, object_pairs_hook=_strict)
        json.dumps(expected, ensure_ascii=False).encode()  # lone surrogates do not encode
    except (ValueError, RecursionError):
        with pytest.raises(Refused):
            parse(body, 100)
    else:
        assert _plain(parse(body, 100)) == expected


def test_numbers_keep_their_kind() -> None:
    """1 is an integer, 1.0 and 1e3 are not."""
    values = _plain(parse(b"[1,1.0,1e3,-0,true]", 4))
    assert [type(value) for value in values] == [int, float, float, int, bool]
    assert math.isclose(values[2], 1000)
