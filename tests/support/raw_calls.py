"""Calls without an HTTP library: many at once, as slowly as a test wants, and exact about how an answer ended."""

from __future__ import annotations

import asyncio
import json
import socket
from collections import Counter
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
CHAT = "/v1/chat/completions"


class BrokenOff(Exception):
    """The answer ended before it was whole; `reply` is what had come."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(f"{reply.status}, {len(reply.body)} bytes")
        self.reply = reply


@dataclass(frozen=True)
class Reply:
    """A whole answer. `body` is what the transfer encoding held."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = field(default=b"", repr=False)

    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The error's code; None for an answer that is no error."""
        return self.json()["error"]["code"] if self.status >= 400 else None

    @property
    def text(self) -> str:
        """What a chat completion says."""
        return self.json()["choices"][0]["message"]["content"]

    @property
    def deltas(self) -> list[str]:
        """What the events of a stream say, without those that say nothing. Fails unless the stream ends in [DONE]."""
        events = [event for event in self.body.split(b"\n\n") if event]
        assert events[-1] == b"data: [DONE]", events[-1][:80]
        chunks = [json.loads(event.removeprefix(b"data: ")) for event in events[:-1]]
        said = [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]
        return [text for text in said if text]

    @property
    def id(self) -> str:
        """x-request-id, by which the record is found."""
        return self.headers["x-request-id"]

    @property
    def provider(self) -> str:
        """Who answered."""
        return self.headers.get("x-forebay-provider", "")


@dataclass(frozen=True)
class Pace:
    """How slowly an answer is read: so many bytes, then a pause."""

    size: int = 64 * 1024
    pause: float = 0.0
    first: float = 0.0  # a pause of its own between head and body


def chat(text: str, model: str = "chat", **more: Any) -> bytes:
    """A chat request."""
    return json.dumps({"model": model, "messages": [{"role": "user", "content": text}], **more}).encode()


async def call(
    origin: str, key: str, body: bytes, *, path: str = CHAT, pace: Pace | None = None, timeout: float = 60
) -> Reply:
    """One POST on a connection of its own.

    Raises BrokenOff for an answer that is not whole (status 0: not even its head came), TimeoutError.
    """
    url = urlsplit(origin)
    async with asyncio.timeout(timeout):
        connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        connection.setblocking(False)
        if pace is not None:  # what the kernel would take for a slow reader is not read slowly
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, pace.size)
        try:
            await asyncio.get_running_loop().sock_connect(connection, (url.hostname, url.port))
        except BaseException:
            connection.close()
            raise
        reader, writer = await asyncio.open_connection(sock=connection, limit=256 * 1024)
        try:
            writer.write(_head(url.netloc, key, path, len(body)) + body)
            return await _answer(reader, pace or Pace())
        finally:
            writer.transport.abort()


def _head(host: str, key: str, path: str, length: int) -> bytes:
    lines = (
        f"POST {path} HTTP/1.1",
        f"host: {host}",
        f"authorization: Bearer {key}",
        "content-type: application/json",
        "connection: close",
        f"content-length: {length}",
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


async def _answer(reader: asyncio.StreamReader, pace: Pace) -> Reply:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        raise BrokenOff(Reply(0)) from None
    first, *lines = head[:-4].decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    await asyncio.sleep(pace.first)
    received = bytearray()
    broken = False
    try:
        while data := await reader.read(pace.size):
            received += data
            if pace.pause:
                await asyncio.sleep(pace.pause)
    except ConnectionError:
        broken = True
    chunked = headers.get("transfer-encoding") == "chunked"
    body, whole = _dechunked(bytes(received)) if chunked else (bytes(received), True)
    reply = Reply(int(first.split(" ")[1]), headers, body)
    if broken or not whole or len(body) < int(headers.get("content-length", 0)):
        raise BrokenOff(reply)
    return reply


def _dechunked(received: bytes) -> tuple[bytes, bool]:
    """The chunks' content, and whether the last chunk is there."""
    parts, at = [], 0
    while True:
        end = received.find(b"\r\n", at)
        if end < 0:
            return b"".join(parts), False
        size = int(received[at:end], 16)
        if size == 0:
            return b"".join(parts), True
        parts.append(received[end + 2 : end + 2 + size])
        at = end + 2 + size + 2


async def together(calls: Iterable[Awaitable[T]]) -> list[T]:
    """Everything at once; the first exception is raised when all have ended."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return outcomes  # type: ignore[return-value]


async def statuses(calls: Iterable[Awaitable[Reply]]) -> Counter[str]:
    """How many ended how: a status, with the error's code if it is one, or the name of an exception."""
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    return Counter(
        f"{outcome.status} {outcome.code or ''}".strip() if isinstance(outcome, Reply) else type(outcome).__name__
        for outcome in outcomes
    )
