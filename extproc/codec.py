"""Envoy's ext_proc messages <-> events and effects. Pure; the only file here that knows the protobuf.

Source: envoy/service/ext_proc/v3/external_processor.proto (API level of the pinned envoy-data-plane).
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import orjson

from extproc.protobuf import delimited, key, nested, struct, text, varint
from extproc.transaction import effects as fx
from extproc.transaction import events as e
from forebay import contract
from forebay.envoy_api.messages import message

ProcessingRequest = message("envoy.service.ext_proc.v3.ProcessingRequest")
ProcessingResponse = message("envoy.service.ext_proc.v3.ProcessingResponse")

_STREAMED, _BUFFERED, _BUFFERED_PARTIAL, _FULL_DUPLEX = 1, 2, 3, 4  # ProcessingMode.BodySendMode
_SEND = 1  # ProcessingMode.HeaderSendMode

_JWT = contract.JWT_METADATA


class UnreadableMessage(Exception):
    """Envoy sent a message this version does not know. The exchange must end closed."""


def decode(request: Any, at: int, wall_ns: int) -> e.Event:
    """The event in a ProcessingRequest. `at` is monotonic, `wall_ns` the time of day; both nanoseconds.

    Raises UnreadableMessage for an empty or unknown message.
    """
    kind = request.WhichOneof("request")
    decoder = _DECODERS.get(kind)
    if decoder is None:
        raise UnreadableMessage(str(kind))
    return decoder(request, at, wall_ns)


def encode(effect: fx.Effect) -> bytes:
    """The ProcessingResponse that carries out an answer to Envoy, as bytes. Raises KeyError for any other effect."""
    kind = type(effect)
    prepared = _ALWAYS_THE_SAME.get(kind)
    return _ENCODERS[kind](effect) if prepared is None else prepared


# --- requests -----------------------------------------------------------------------------------------------------


def _headers(http_headers: Any) -> e.Headers:
    return e.Headers(tuple([(h.key, h.raw_value.decode("latin-1") or h.value) for h in http_headers.headers.headers]))


def _claims(request: Any) -> dict[str, object]:
    known = request.metadata_context.filter_metadata
    if _JWT not in known:
        return {}
    payload = known[_JWT].fields.get(contract.JWT_PAYLOAD)
    if payload is None or payload.WhichOneof("kind") != "struct_value":
        return {}
    return {name: _plain(value) for name, value in payload.struct_value.fields.items()}


def _plain(value: Any) -> object:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        return {name: _plain(item) for name, item in value.struct_value.fields.items()}
    if kind == "list_value":
        return [_plain(item) for item in value.list_value.values]
    return None if kind in {None, "null_value"} else getattr(value, kind)


def _request_headers(request: Any, at: int, wall_ns: int) -> e.Event:
    part = request.request_headers
    return e.RequestHeadersReceived(_headers(part), _claims(request), part.end_of_stream, at, wall_ns)


def _request_body(request: Any, at: int, wall_ns: int) -> e.Event:
    return e.RequestBodyReceived(request.request_body.body, at)


def _request_trailers(request: Any, at: int, wall_ns: int) -> e.Event:
    return e.RequestTrailersReceived(at)


def _response_headers(request: Any, at: int, wall_ns: int) -> e.Event:
    part = request.response_headers
    return e.ResponseHeadersReceived(_headers(part), part.end_of_stream, at)


def _response_body(request: Any, at: int, wall_ns: int) -> e.Event:
    part = request.response_body
    return e.ResponseBodyReceived(part.body, part.end_of_stream, at)


def _response_trailers(request: Any, at: int, wall_ns: int) -> e.Event:
    return e.ResponseTrailersReceived(at)


_DECODERS: dict[str | None, Callable[[Any, int, int], e.Event]] = {
    "request_headers": _request_headers,
    "request_body": _request_body,
    "request_trailers": _request_trailers,
    "response_headers": _response_headers,
    "response_body": _response_body,
    "response_trailers": _response_trailers,
}


# --- responses ----------------------------------------------------------------------------------------------------
# As bytes. What never changes is made of message objects once; the rest is written field by field.

_DYNAMIC_METADATA, _REQUEST_BODY, _RESPONSE_BODY = b"\x42", b"\x1a", b"\x22"  # ProcessingResponse 8, 3, 4
_IMMEDIATE_RESPONSE = b"\x3a"  # ProcessingResponse 7
_STATUS, _HEADERS, _ANSWER, _DETAILS = b"\x0a", b"\x12", b"\x1a", b"\x2a"  # ImmediateResponse 1, 2, 3, 5
_CODE = b"\x08"  # HttpStatus 1
_RESPONSE = b"\x0a"  # BodyResponse 1: CommonResponse
_HEADER_MUTATION, _BODY_MUTATION = b"\x12", b"\x1a"  # CommonResponse 2, 3
_CLEAR_ROUTE_CACHE = b"\x28\x01"  # CommonResponse 5
_SET_HEADERS, _REMOVE_HEADERS = b"\x0a", b"\x12"  # HeaderMutation 1, 2
_HEADER, _OVERWRITING = b"\x0a", b"\x18\x02"  # HeaderValueOption 1, 3: OVERWRITE_IF_EXISTS_OR_ADD
_NAME, _RAW_VALUE = b"\x0a", b"\x1a"  # HeaderValue 1, 3
_BODY, _STREAMED_RESPONSE = b"\x0a", b"\x1a"  # BodyMutation 1, 3; StreamedBodyResponse 1
_END_OF_STREAM = b"\x10\x01"  # StreamedBodyResponse 2


_CALL, _VERDICT, _TIMING = key(contract.CALL), key(contract.VERDICT), key(contract.TIMING)
_FORWARDED, _ANSWERED = key(contract.CALL_FORWARDED), key(contract.CALL_ANSWERED)


def _metadata(instalment: bytes, metadata: fx.Metadata | None, timing: str = "") -> bytes:
    if not metadata:
        return b""
    call = {instalment: text(orjson.dumps(metadata))}
    verdict = metadata.get(contract.VERDICT)
    if verdict is not None:  # for Envoy's own eyes
        call[_VERDICT] = text(str(verdict).encode())
    return delimited(_DYNAMIC_METADATA, struct({_CALL: nested(struct(call) + _timed(timing))}))


@lru_cache(1024)
def _timed(timing: str) -> bytes:
    """One more field of the call."""
    return struct({_TIMING: text(timing.encode())}) if timing else b""


@lru_cache(1024)  # names, routes and types of the config; of what differs by call, lengths and buckets
def _set_header(name: str, value: str) -> bytes:
    header = delimited(_NAME, name.encode()) + delimited(_RAW_VALUE, value.encode("latin-1", "replace"))
    return delimited(_SET_HEADERS, delimited(_HEADER, header) + _OVERWRITING)


@lru_cache(64)  # names are the callers' own, up to 60 KiB of them
def _remove_headers(names: tuple[str, ...]) -> bytes:
    return b"".join([delimited(_REMOVE_HEADERS, name.encode()) for name in names])


def _forward_request(effect: fx.ForwardRequest) -> bytes:
    mutation = b"".join([_set_header(name, value) for name, value in effect.set_headers])
    common = delimited(_HEADER_MUTATION, mutation + _remove_headers(effect.remove_headers)) + _CLEAR_ROUTE_CACHE
    if effect.body is not None:
        common += delimited(_BODY_MUTATION, delimited(_BODY, effect.body))
    metadata = _metadata(_FORWARDED, effect.metadata, effect.timing)
    return delimited(_REQUEST_BODY, delimited(_RESPONSE, common)) + metadata


def _respond_locally(effect: fx.RespondLocally) -> bytes:
    immediate = (
        delimited(_STATUS, _CODE + varint(effect.status))
        + delimited(_HEADERS, b"".join([_set_header(name, value) for name, value in effect.headers]))
        + delimited(_ANSWER, effect.body)
        + delimited(_DETAILS, effect.details.encode())
    )
    return delimited(_IMMEDIATE_RESPONSE, immediate) + _metadata(_ANSWERED, effect.metadata, effect.timing)


def _send_piece(effect: fx.SendPiece) -> bytes:
    end = _END_OF_STREAM if effect.end_of_stream else b""
    before = _before_piece(len(effect.body), len(end))
    return b"".join([before, effect.body, end, _metadata(_ANSWERED, effect.metadata)])


@lru_cache(1024)  # by far the most are some hundred bytes
def _before_piece(size: int, behind: int) -> bytes:
    """What stands before a piece of so many bytes, with so many behind it."""
    before = _BODY + varint(size)
    for tag in (_STREAMED_RESPONSE, _BODY_MUTATION, _RESPONSE, _RESPONSE_BODY):
        before = tag + varint(len(before) + size + behind) + before
    return before


def _replace_answer(effect: fx.ReplaceAnswer) -> bytes:
    mutation = delimited(_HEADER_MUTATION, _set_header("content-length", str(len(effect.body))))
    common = mutation + delimited(_BODY_MUTATION, delimited(_BODY, effect.body))
    return delimited(_RESPONSE_BODY, delimited(_RESPONSE, common)) + _metadata(_ANSWERED, effect.metadata)


def _bytes(response: Any) -> bytes:
    data: bytes = response.SerializeToString()
    return data


def _go_on(kind: str) -> bytes:
    response = ProcessingResponse()
    getattr(response, kind).SetInParent()
    return _bytes(response)


def _read_answer(body_mode: int, without: tuple[str, ...] = ()) -> bytes:
    response = ProcessingResponse()
    response.response_headers.SetInParent()
    response.mode_override.response_header_mode = _SEND
    response.mode_override.response_body_mode = body_mode
    response.mode_override.response_trailer_mode = _SEND
    if without:
        response.response_headers.response.header_mutation.remove_headers.extend(without)
    return _bytes(response)


_PASS_BODY, _PASS_TRAILERS = _go_on("response_body"), _go_on("response_trailers")

_ALWAYS_THE_SAME: dict[type[fx.Effect], bytes] = {
    fx.ContinueRequestHeaders: _go_on("request_headers"),
    fx.WatchAnswer: _read_answer(_STREAMED),
    fx.AwaitAnswer: _read_answer(_BUFFERED),
    fx.HoldAnswer: _read_answer(_BUFFERED_PARTIAL),
    # with the provider's length a caller over HTTP/1 would wait for what never comes
    fx.RewriteAnswer: _read_answer(_FULL_DUPLEX, without=("content-length",)),
    fx.Release: _go_on("response_headers"),
    fx.LeaveAnswer: _go_on("response_headers"),
}
_ENCODERS: dict[type[fx.Effect], Callable[[Any], bytes]] = {
    fx.ForwardRequest: _forward_request,
    fx.RespondLocally: _respond_locally,
    fx.SendPiece: _send_piece,
    fx.PassChunk: lambda effect: _PASS_BODY + _metadata(_ANSWERED, effect.metadata),
    fx.ReplaceAnswer: _replace_answer,
    fx.PassTrailers: lambda effect: _PASS_TRAILERS + _metadata(_ANSWERED, effect.metadata),
}
ANSWERS = frozenset({*_ENCODERS, *_ALWAYS_THE_SAME})
