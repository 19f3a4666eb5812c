"""Envoy's ext_proc messages <-> events and effects. Pure; the only file here that knows the protobuf.

Source: envoy/service/ext_proc/v3/external_processor.proto (API level of the pinned envoy-data-plane).
"""

from collections.abc import Callable
from typing import Any

from extproc.transaction import effects as fx
from extproc.transaction import events as e
from forebay import contract
from forebay.envoy_api.messages import message

ProcessingRequest = message("envoy.service.ext_proc.v3.ProcessingRequest")
ProcessingResponse = message("envoy.service.ext_proc.v3.ProcessingResponse")

_OVERWRITE = 2  # HeaderValueOption.HeaderAppendAction.OVERWRITE_IF_EXISTS_OR_ADD
_STREAMED, _BUFFERED, _FULL_DUPLEX = 1, 2, 4  # ProcessingMode.BodySendMode
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


def encode(effect: fx.Effect) -> Any:
    """The ProcessingResponse that carries out an answer to Envoy. Raises KeyError for any other effect."""
    return _ENCODERS[type(effect)](effect)


# --- requests -----------------------------------------------------------------------------------------------------


def _headers(http_headers: Any) -> e.Headers:
    return e.Headers(
        tuple((h.key, h.raw_value.decode("latin-1") if h.raw_value else h.value) for h in http_headers.headers.headers)
    )


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


def _with_metadata(response: Any, metadata: fx.Metadata | None) -> Any:
    if metadata:
        response.dynamic_metadata.update({contract.CALL: dict(metadata)})
    return response


def _set(mutation: Any, headers: tuple[tuple[str, str], ...]) -> None:
    for name, value in headers:
        option = mutation.set_headers.add()
        option.header.key = name
        option.header.raw_value = value.encode("latin-1", "replace")
        option.append_action = _OVERWRITE


def _continue_request_headers(effect: fx.ContinueRequestHeaders) -> Any:
    response = ProcessingResponse()
    response.request_headers.SetInParent()
    return response


def _forward_request(effect: fx.ForwardRequest) -> Any:
    response = ProcessingResponse()
    common = response.request_body.response
    _set(common.header_mutation, effect.set_headers)
    common.header_mutation.remove_headers.extend(effect.remove_headers)
    if effect.body is not None:
        common.body_mutation.body = effect.body
    common.clear_route_cache = True
    return _with_metadata(response, effect.metadata)


def _respond_locally(effect: fx.RespondLocally) -> Any:
    response = ProcessingResponse()
    immediate = response.immediate_response
    immediate.status.code = effect.status
    _set(immediate.headers, effect.headers)
    immediate.body = effect.body
    immediate.details = effect.details
    return _with_metadata(response, effect.metadata)


def _response_headers_answer(body_mode: int | None) -> Any:
    response = ProcessingResponse()
    response.response_headers.SetInParent()
    if body_mode is not None:
        response.mode_override.response_header_mode = _SEND
        response.mode_override.response_body_mode = body_mode
        response.mode_override.response_trailer_mode = _SEND
    return response


def _rewrite_answer(effect: fx.RewriteAnswer) -> Any:
    response = _response_headers_answer(_FULL_DUPLEX)
    # with the provider's length a caller over HTTP/1 would wait for what never comes
    response.response_headers.response.header_mutation.remove_headers.append("content-length")
    return response


def _send_piece(effect: fx.SendPiece) -> Any:
    response = ProcessingResponse()
    streamed = response.response_body.response.body_mutation.streamed_response
    streamed.body = effect.body
    streamed.end_of_stream = effect.end_of_stream
    return _with_metadata(response, effect.metadata)


def _pass_chunk(effect: fx.PassChunk) -> Any:
    response = ProcessingResponse()
    response.response_body.SetInParent()
    return _with_metadata(response, effect.metadata)


def _swallow_chunk(effect: fx.SwallowChunk) -> Any:
    response = ProcessingResponse()
    response.response_body.response.body_mutation.clear_body = True
    return response


def _replace_answer(effect: fx.ReplaceAnswer) -> Any:
    response = ProcessingResponse()
    common = response.response_body.response
    _set(common.header_mutation, (("content-length", str(len(effect.body))),))
    common.body_mutation.body = effect.body
    return _with_metadata(response, effect.metadata)


def _pass_trailers(effect: fx.PassTrailers) -> Any:
    response = ProcessingResponse()
    response.response_trailers.SetInParent()
    return _with_metadata(response, effect.metadata)


_ENCODERS: dict[type[fx.Effect], Callable[[Any], Any]] = {
    fx.ContinueRequestHeaders: _continue_request_headers,
    fx.ForwardRequest: _forward_request,
    fx.RespondLocally: _respond_locally,
    fx.WatchAnswer: lambda effect: _response_headers_answer(_STREAMED),
    fx.AwaitAnswer: lambda effect: _response_headers_answer(_BUFFERED),
    fx.HoldAnswer: lambda effect: _response_headers_answer(_STREAMED),
    fx.RewriteAnswer: _rewrite_answer,
    fx.SendPiece: _send_piece,
    fx.SwallowChunk: _swallow_chunk,
    fx.Release: lambda effect: _response_headers_answer(None),
    fx.LeaveAnswer: lambda effect: _response_headers_answer(None),
    fx.PassChunk: _pass_chunk,
    fx.ReplaceAnswer: _replace_answer,
    fx.PassTrailers: _pass_trailers,
}
ANSWERS = frozenset(_ENCODERS)
