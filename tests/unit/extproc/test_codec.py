"""Envoy's messages and ours, both ways."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.codec import ANSWERS, ProcessingRequest, ProcessingResponse, UnreadableMessage, decode, encode
from extproc.transaction import effects as fx
from extproc.transaction import events as e
from forebay import contract
from forebay.outcomes import Outcome, Reason

NAMES = st.text("abcdefghijklmnopqrstuvwxyz-", min_size=1, max_size=200)
LATIN = st.text(st.characters(max_codepoint=255), max_size=200)


def sent(effect: fx.Effect) -> Any:
    """The message that Envoy reads."""
    return ProcessingResponse.FromString(encode(effect))


def with_headers(kind: str, **fields: str) -> ProcessingRequest:
    """A message of `kind` with these headers."""
    request = ProcessingRequest()
    part = getattr(request, kind)
    part.SetInParent()
    for name, value in fields.items():
        header = part.headers.headers.add()
        header.key, header.raw_value = name.replace("_", "-"), value.encode("latin-1")
    return request


def test_request_headers_keep_their_order_and_repeats() -> None:
    """A header that came twice is there twice."""
    request = with_headers("request_headers", accept="a")
    again = request.request_headers.headers.headers.add()
    again.key, again.raw_value = "accept", b"b"
    event = decode(request, 5, 6)
    assert isinstance(event, e.RequestHeadersReceived)
    assert event.headers.all("accept") == ["a", "b"]
    assert (event.at, event.wall_ns, event.end_of_stream) == (5, 6, False)


def test_a_header_that_is_no_utf8_is_read_all_the_same() -> None:
    """Header values are bytes; every byte has a character in Latin-1."""
    event = decode(with_headers("request_headers", cookie="\xff"), 0, 0)
    assert isinstance(event, e.RequestHeadersReceived)
    assert event.headers.get("cookie") == "\xff"


def test_claims_come_from_the_verified_jwt_alone() -> None:
    """The payload that Envoy's filter left in its own namespace, lists and numbers included."""
    request = with_headers("request_headers")
    payload = {"sub": "u1", "roles": ["admin", "ops"], "exp": 12.0, "nested": {"a": None}}
    request.metadata_context.filter_metadata[contract.JWT_METADATA].update({contract.JWT_PAYLOAD: payload})
    event = decode(request, 0, 0)
    assert isinstance(event, e.RequestHeadersReceived)
    assert event.claims == payload


def test_without_a_jwt_there_are_no_claims() -> None:
    """An API key says nothing about a person."""
    event = decode(with_headers("request_headers"), 0, 0)
    assert isinstance(event, e.RequestHeadersReceived)
    assert event.claims == {}


def test_bodies_are_taken_as_they_are() -> None:
    """Bytes in, bytes out, with the end told."""
    request = ProcessingRequest()
    request.response_body.body, request.response_body.end_of_stream = b"\x00\xff", True
    assert decode(request, 7, 0) == e.ResponseBodyReceived(b"\x00\xff", True, 7)


def test_an_empty_message_is_refused() -> None:
    """What is not understood must not be taken for nothing to do."""
    with pytest.raises(UnreadableMessage):
        decode(ProcessingRequest(), 0, 0)


def test_a_forwarded_request_sets_its_length_and_picks_its_route_anew() -> None:
    """Envoy answers 500 to a changed body without its exact length, and re-routes only when told."""
    effect = fx.ForwardRequest((("content-length", "2"),), ("cookie",), b"{}", {"verdict": "pass"})
    response = sent(effect)
    common = response.request_body.response
    assert common.clear_route_cache
    assert common.body_mutation.body == b"{}"
    assert [h.header.raw_value for h in common.header_mutation.set_headers] == [b"2"]
    assert list(common.header_mutation.remove_headers) == ["cookie"]
    assert response.dynamic_metadata[contract.CALL]["verdict"] == "pass"
    assert json.loads(response.dynamic_metadata[contract.CALL]["forwarded"]) == {"verdict": "pass"}


def test_an_unchanged_body_is_not_sent_back() -> None:
    """Twenty megabytes need not travel twice."""
    response = sent(fx.ForwardRequest((), (), None, {}))
    assert not response.request_body.response.HasField("body_mutation")


def test_a_local_answer_names_its_details() -> None:
    """By them Envoy's own error pages leave it alone."""
    response = sent(fx.RespondLocally(403, (("content-type", "application/json"),), b"{}", "forebay_secret", {}))
    assert response.immediate_response.status.code == 403
    assert response.immediate_response.details == "forebay_secret"
    assert response.immediate_response.body == b"{}"


@pytest.mark.parametrize(
    ("effect", "mode"),
    [
        (fx.WatchAnswer(), 1),
        (fx.HoldAnswer(), 3),
        (fx.AwaitAnswer(), 2),
        (fx.RewriteAnswer(), 4),
        (fx.Release(), 0),
    ],
)
def test_how_an_answer_is_read_is_asked_for_with_its_headers(effect: fx.Effect, mode: int) -> None:
    """In pieces, whole, as much as fits, both ways at once or not at all; with trailers, a body may end by them."""
    response = sent(effect)
    assert response.WhichOneof("response") == "response_headers"
    assert response.mode_override.response_body_mode == mode
    assert response.HasField("mode_override") == (mode != 0)


def test_only_answers_to_envoy_can_be_encoded() -> None:
    """Work and ends are the driver's."""
    assert fx.Conclude not in ANSWERS
    with pytest.raises(KeyError):
        sent(fx.Conclude(Outcome.COMPLETED, Reason.OK))


def test_a_rewritten_answer_loses_its_length() -> None:
    """It will be of another, and over HTTP/1 the caller would wait for the rest."""
    response = sent(fx.RewriteAnswer())
    assert list(response.response_headers.response.header_mutation.remove_headers) == ["content-length"]


def test_a_piece_says_whether_it_is_the_last() -> None:
    """An empty one with the end is the way to end an answer."""
    response = sent(fx.SendPiece(b"", True, {"reason": "x"}))
    mutation = response.response_body.response.body_mutation
    assert mutation.WhichOneof("mutation") == "streamed_response"
    assert (mutation.streamed_response.body, mutation.streamed_response.end_of_stream) == (b"", True)
    assert json.loads(response.dynamic_metadata[contract.CALL]["answered"]) == {"reason": "x"}
    going_on = sent(fx.SendPiece(b"x", False, None)).response_body.response.body_mutation
    assert not going_on.streamed_response.end_of_stream


def test_times_stand_beside_the_call_where_envoy_finds_them() -> None:
    """They are for the caller, not for the record."""
    for effect in (
        fx.ForwardRequest((), (), None, {"verdict": "pass"}, "auth;dur=0.1"),
        fx.RespondLocally(403, (), b"{}", "forebay_secret", {"verdict": "refuse"}, "auth;dur=0.1"),
    ):
        call = sent(effect).dynamic_metadata[contract.CALL]
        assert call[contract.TIMING] == "auth;dur=0.1"
        assert call[contract.VERDICT] in {"pass", "refuse"}
        assert "timing" not in str(call["forwarded" if call[contract.VERDICT] == "pass" else "answered"])
    untold = sent(fx.ForwardRequest((), (), None, {"verdict": "pass"})).dynamic_metadata[contract.CALL]
    assert set(untold) == {"forwarded", contract.VERDICT}


@given(
    st.lists(st.tuples(NAMES, LATIN), max_size=6),
    st.lists(NAMES, max_size=40),
    st.none() | st.binary(max_size=70_000),
    st.dictionaries(st.text(max_size=9), st.text(max_size=20_000) | st.integers(0, 2**53) | st.none(), max_size=5),
)
def test_what_is_written_as_bytes_is_what_protobuf_reads(
    headers: list[tuple[str, str]], removed: list[str], body: bytes | None, metadata: dict[str, object]
) -> None:
    """Of every length, and in every character of a header."""
    response = sent(fx.ForwardRequest(tuple(headers), tuple(removed), body, metadata))
    common = response.request_body.response
    set_headers = common.header_mutation.set_headers
    assert [(each.header.key, each.header.raw_value.decode("latin-1")) for each in set_headers] == headers
    assert {each.append_action for each in set_headers} <= {2}
    assert list(common.header_mutation.remove_headers) == removed
    assert (common.body_mutation.body, common.HasField("body_mutation")) == (body or b"", body is not None)
    if metadata:
        assert json.loads(response.dynamic_metadata[contract.CALL]["forwarded"]) == metadata
    answer = sent(fx.RespondLocally(403, tuple(headers), body or b"", "forebay_secret", metadata)).immediate_response
    assert [
        (each.header.key, each.header.raw_value.decode("latin-1")) for each in answer.headers.set_headers
    ] == headers
    assert (answer.status.code, answer.body, answer.details) == (403, body or b"", "forebay_secret")
    whole = sent(fx.ReplaceAnswer(body or b"", metadata)).response_body.response
    assert whole.header_mutation.set_headers[0].header.raw_value == str(len(body or b"")).encode()
    assert whole.body_mutation.body == (body or b"")
    piece = sent(fx.SendPiece(body or b"", False, metadata)).response_body.response.body_mutation.streamed_response
    assert piece.body == (body or b"")
