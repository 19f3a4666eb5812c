"""Lines of Envoy's file, read closed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forebay.record.line import LONGEST, Line, Torn, read

REQUEST = json.dumps({"kind": "DownstreamEnd", "id": "r1", "forwarded": "{}"}).encode()


def test_a_request_line_is_read() -> None:
    """Envoy's name for the end of a request."""
    line = read(REQUEST)
    assert isinstance(line, Line)
    assert line.kind == "request"
    assert line.values["id"] == "r1"


def test_an_attempt_line_is_read() -> None:
    """Envoy's name for the end of an upstream request."""
    line = read(b'{"kind":"UpstreamEnd"}')
    assert isinstance(line, Line)
    assert line.kind == "attempt"


def test_what_is_no_line_is_torn_whole() -> None:
    """Other kinds, other types, broken JSON."""
    for raw in (b"", b"x", b"[]", b"1", b'{"kind":"TcpConnectionEnd"}', b'{"kind":1}', b'{"kind":["UpstreamEnd"]}'):
        assert read(raw) == Torn(len(raw), None)


def test_a_whole_line_behind_a_torn_one_is_found() -> None:
    """What Envoy leaves that was killed while writing and started again."""
    for cut in range(1, len(REQUEST)):
        torn = read(REQUEST[:cut] + REQUEST)
        assert isinstance(torn, Torn), cut
        assert torn.length == cut
        assert torn.rest is not None
        assert torn.rest.values["id"] == "r1"


def test_a_line_beyond_the_longest_is_torn() -> None:
    """Envoy's lines are a few KB."""
    raw = b'{"kind":"UpstreamEnd","x":"' + b"a" * LONGEST + b'"}'
    assert read(raw) == Torn(len(raw), None)


def test_a_deep_line_is_torn() -> None:
    """The parser's own depth limit is no crash."""
    raw = b'{"kind":' * 200_000
    assert read(raw[: LONGEST - 1]) == Torn(LONGEST - 1, None)


@given(st.binary(max_size=300))
def test_no_bytes_raise(raw: bytes) -> None:
    """Total."""
    assert isinstance(read(raw), Line | Torn)


def test_the_instalments_of_a_call_are_put_together() -> None:
    """They come as text; what was said later counts."""
    raw = {"forwarded": '{"verdict":"pass","model":"chat","reason":"ok"}', "answered": '{"reason":"late","usage":{}}'}
    line = read(json.dumps({"kind": "DownstreamEnd", **raw}).encode())
    assert isinstance(line, Line)
    assert line.call == {"verdict": "pass", "model": "chat", "reason": "late", "usage": {}}


def test_where_the_processor_was_not_asked_nothing_is_said() -> None:
    """Envoy prints null or a dash where there is no metadata and no filter state."""
    line = read(b'{"kind":"DownstreamEnd","processor":"rh:5:0","forwarded":null,"answered":"-"}')
    assert isinstance(line, Line)
    assert line.processor == {"request_header_latency_us": 5, "request_header_call_status": 0}
    assert line.call == {}
    nothing = read(b'{"kind":"DownstreamEnd","processor":null}')
    assert isinstance(nothing, Line)
    assert nothing.processor == {}


@pytest.mark.parametrize("text", ['{"model":', "[]", "1", "null"])
def test_an_instalment_that_is_no_object_makes_the_line_unreadable(text: str) -> None:
    """Rather than a record with a part of it missing."""
    line = read(json.dumps({"kind": "DownstreamEnd", "forwarded": text}).encode())
    assert isinstance(line, Torn)
    assert line.rest is None
