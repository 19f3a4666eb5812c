"""Just enough HTTP/1.1 for a provider whose only callers are Envoy and tests."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

HEAD_LIMIT = 128 * 1024
BODY_LIMIT = 64 * 1024 * 1024  # above the largest request any listener of ours lets through


class BadRequest(Exception):
    """The peer does not speak HTTP/1.1 as we read it. Answer 400 with the message and close."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request, body included. Header names are lower case, in the order received, repeats kept."""

    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The first value of a header (name in lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection, or None when the peer closed it between two requests.

    Raises BadRequest for what is no HTTP/1.1 or too large, and IncompleteReadError when the peer leaves in the middle.
    """
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise
    except asyncio.LimitOverrunError:
        raise BadRequest("the header block is too large") from None
    method, path, headers = _parse_head(head)
    named = dict(reversed(headers))
    if named.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunked(reader)
    else:
        body = await reader.readexactly(_size(named.get("content-length", "0"), 10))
    return Request(method, path, tuple(headers), body)


def _parse_head(head: bytes) -> tuple[str, str, list[tuple[str, str]]]:
    lines = head[:-4].decode("latin-1").split("\r\n")
    words = lines[0].split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest("the request line is malformed")
    headers: list[tuple[str, str]] = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest("a header line is malformed")
        headers.append((name.lower(), value.strip()))
    return words[0], words[1], headers


def _size(text: str, base: int) -> int:
    try:
        size = int(text, base)
    except ValueError:
        raise BadRequest("a length is not a number") from None
    if not 0 <= size <= BODY_LIMIT:
        raise BadRequest("the body is too large")
    return size


async def _read_chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := _size((await reader.readuntil(b"\r\n")).split(b";")[0].decode("latin-1").strip(), 16):
        if len(body) + size > BODY_LIMIT:
            raise BadRequest("the body is too large")
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while await reader.readuntil(b"\r\n") != b"\r\n":
        pass  # trailers mean nothing to a provider
    return bytes(body)


class Answer:
    """The way back. Every write waits until a slow reader has taken what was sent before."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        # A small buffer: what a slow reader has not taken stays ungenerated instead of piling up here.
        writer.transport.set_write_buffer_limits(high=64 * 1024)

    async def whole(self, status: int, body: bytes, headers: Iterable[tuple[str, str]]) -> None:
        """Send a complete answer with its length."""
        self._writer.write(_head(status, [*headers, ("content-length", str(len(body)))]) + body)
        await self._writer.drain()

    async def begin(self, status: int, headers: Iterable[tuple[str, str]]) -> None:
        """Send the head of a chunked answer; `piece` and `end` follow."""
        self._writer.write(_head(status, [*headers, ("transfer-encoding", "chunked")]))
        await self._writer.drain()

    async def piece(self, data: bytes) -> None:
        """Send one chunk; nothing for empty data, which would end the answer."""
        if data:
            self._writer.write(b"%x\r\n%b\r\n" % (len(data), data))
            await self._writer.drain()

    async def end(self) -> None:
        """Send the last chunk."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    def reset(self) -> None:
        """Break the connection off at once, without a clean end."""
        self._writer.transport.abort()


def _head(status: int, headers: Iterable[tuple[str, str]]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unknown"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
