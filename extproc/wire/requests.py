"""The head of a call: is it a well-formed HTTP/2 request (RFC 9113 §8), is it gRPC, is it served here?"""

import re
from typing import Final

from extproc.wire.errors import CallRefused, Status
from extproc.wire.events import Request
from extproc.wire.header_blocks import Headers

_NAME: Final = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")  # a token without capitals
_VALUE: Final = re.compile(rb"(?:[^\x00\r\n \t](?:[^\x00\r\n]*[^\x00\r\n \t])?)?")
_PSEUDO: Final = {b":method", b":scheme", b":authority", b":path"}
_NEEDED: Final = {b":method", b":scheme", b":path"}
_OF_HTTP_1: Final = {b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade"}
_CONTENT_TYPE: Final = re.compile(rb"application/grpc(?:[+;].*)?", re.IGNORECASE | re.DOTALL)
_TIMEOUT: Final = re.compile(rb"([0-9]{1,8})([HMSmun])")
_LENGTH: Final = re.compile(rb"[0-9]{1,18}")
_SECONDS: Final = {b"H": 3600.0, b"M": 60.0, b"S": 1.0, b"m": 1e-3, b"u": 1e-6, b"n": 1e-9}


class Malformed:
    """No request at all: a stream error."""


MALFORMED: Final = Malformed()
Head = Request | CallRefused | Malformed


def read_request(headers: Headers) -> Head:
    """A Request, or why there is none: CallRefused for what is HTTP but not gRPC, MALFORMED for what is not HTTP."""
    pseudo: dict[bytes, bytes] = {}
    metadata: list[tuple[bytes, bytes]] = []
    for name, value in headers:
        if name[:1] == b":":
            if metadata or name not in _PSEUDO or name in pseudo or _VALUE.fullmatch(value) is None:
                return MALFORMED
            pseudo[name] = value
        elif not _permitted(name, value):
            return MALFORMED
        else:
            metadata.append((name, value))
    lengths = {value for name, value in metadata if name == b"content-length"}
    if not pseudo.keys() >= _NEEDED or not pseudo[b":path"] or not _one_number(lengths):
        return MALFORMED
    try:
        return _call(pseudo, dict(metadata), tuple(metadata), int(lengths.pop()) if lengths else None)
    except CallRefused as refused:
        return refused


def are_trailers(headers: Headers) -> bool:
    """Whether these may stand at the end of a request."""
    return all(name[:1] != b":" and _permitted(name, value) for name, value in headers)


def _permitted(name: bytes, value: bytes) -> bool:
    if _NAME.fullmatch(name) is None or _VALUE.fullmatch(value) is None or name in _OF_HTTP_1:
        return False
    return name != b"te" or value == b"trailers"


def _one_number(values: set[bytes]) -> bool:
    return not values or (len(values) == 1 and _LENGTH.fullmatch(min(values)) is not None)


def _call(pseudo: dict[bytes, bytes], named: dict[bytes, bytes], metadata: Headers, length: int | None) -> Request:
    if _CONTENT_TYPE.fullmatch(named.get(b"content-type", b"")) is None:
        raise CallRefused(Status.INTERNAL, "the content-type is not application/grpc", http=415)
    if pseudo[b":method"] != b"POST":
        raise CallRefused(Status.UNIMPLEMENTED, "gRPC calls are made by POST")
    if named.get(b"grpc-encoding", b"identity") != b"identity":
        raise CallRefused(Status.UNIMPLEMENTED, "compressed messages are not accepted")
    return Request(pseudo[b":path"].decode("latin-1"), _timeout(named.get(b"grpc-timeout")), metadata, length)


def _timeout(value: bytes | None) -> float | None:
    if value is None:
        return None
    found = _TIMEOUT.fullmatch(value)
    if found is None:
        raise CallRefused(Status.INTERNAL, "the grpc-timeout cannot be read")
    return int(found[1]) * _SECONDS[found[2]]
