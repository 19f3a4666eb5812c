"""Both ends of HTTP/1.1 as the tests need them: pieces, ends and cuts are seen as they come.

Connection   a client
Provider     a server; a handler answers each Call
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Self

_LIMIT = 1 << 26


@dataclass(slots=True)
class Reply:
    """An HTTP answer as it arrived; `complete` is false if it was cut."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    complete: bool = True


class Connection:
    """One HTTP/1.1 connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> Self:
        """To a port of this machine."""
        return cls(*await asyncio.open_connection("127.0.0.1", port, limit=_LIMIT))

    async def send(self, path: str, body: bytes | None, headers: dict[str, str]) -> None:
        """Writes a POST, or a GET if there is no body."""
        fields = {"host": "gateway.test", **headers}
        if body is not None:
            fields |= {"content-type": "application/json", "content-length": str(len(body))}
        lines = [f"{'GET' if body is None else 'POST'} {path} HTTP/1.1", *(f"{k}: {v}" for k, v in fields.items())]
        self._writer.write("\r\n".join([*lines, "", ""]).encode() + (body or b""))
        await self._writer.drain()

    async def head(self) -> Reply:
        """Status and headers, as soon as they are there. Raises ConnectionError if the connection is cut first."""
        try:
            first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
        except asyncio.IncompleteReadError:
            raise ConnectionResetError("cut before an answer") from None
        pairs = (line.partition(": ") for line in lines if line)
        return Reply(int(first.split()[1]), {name.lower(): value for name, _, value in pairs})

    async def reply(self) -> Reply:
        """The whole answer, or what came of it."""
        got = await self.head()
        got.complete = False
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            async for piece in _pieces(self._reader, got.headers):
                got.body += piece
            got.complete = True
        return got

    def close(self) -> None:
        """Leaves, whatever is under way."""
        self._writer.close()


async def _pieces(reader: asyncio.StreamReader, headers: dict[str, str]) -> AsyncIterator[bytes]:
    """The body's pieces as they come. Raises IncompleteReadError or ConnectionError where it is cut."""
    left = int(headers.get("content-length", 0))
    while left and (piece := await reader.read(min(left, 1 << 16))):
        left -= len(piece)
        yield piece
    if left:
        raise ConnectionResetError("cut in the body")
    while headers.get("transfer-encoding") == "chunked":
        size = int(await reader.readuntil(b"\r\n"), 16)
        piece = (await reader.readexactly(size + 2))[:-2]
        if not size:
            return
        yield piece


# --- provider ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Call:
    """One request as a provider got it, and its means to answer."""

    path: str
    headers: dict[str, str]
    body: bytes
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter

    async def answer(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        """The whole answer at once."""
        await self.begin(status, length=len(body), **headers)
        self._writer.write(body)
        await self._writer.drain()

    async def begin(self, status: int = 200, *, length: int | None = None, **headers: str) -> None:
        """Status and headers alone."""
        framing = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
        fields = {"content_type": "application/json", **headers}
        lines = [f"HTTP/1.1 {status} Status", framing]
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in fields.items()]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())
        await self._writer.drain()

    async def chunk(self, data: bytes) -> None:
        """One chunk; waits while Envoy does not read. Raises ConnectionError once Envoy has cut the call."""
        self._writer.write(b"%x\r\n%s\r\n" % (len(data), data))
        await self._writer.drain()

    async def end(self, trailers: bytes = b"") -> None:
        """The last chunk; `trailers` are lines."""
        self._writer.write(b"0\r\n" + trailers + b"\r\n")
        await self._writer.drain()

    async def raw(self, data: bytes) -> None:
        """Bytes of a body whose length was stated."""
        self._writer.write(data)
        await self._writer.drain()

    def reset(self) -> None:
        """Breaks the connection off."""
        self._writer.transport.abort()

    async def cut(self) -> None:
        """Returns when Envoy has closed the connection."""
        with contextlib.suppress(ConnectionError):
            await self._reader.read(1)


Handler = Callable[[Call], Coroutine[Any, Any, None]]


def answering(status: int = 200, body: bytes = b"{}") -> Handler:
    """A handler that always says the same."""

    async def handler(call: Call) -> None:
        await call.answer(status, body)

    return handler


class Provider:
    """An HTTP/1.1 server that keeps the calls it gets."""

    port: int

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.calls: list[Call] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listens on any free port."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_LIMIT)
        self.port = self._server.sockets[0].getsockname()[1]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin1").split("\r\n")
                headers = {name: value for name, _, value in (line.partition(": ") for line in lines if line)}
                body = b"".join([piece async for piece in _pieces(reader, headers)])
                self.calls.append(Call(first.split()[1], headers, body, reader, writer))
                await self.handler(self.calls[-1])

    async def stop(self) -> None:
        """Raises what a handler raised."""
        self._server.close()
        for task in self._tasks:
            task.cancel()
        ends = await asyncio.gather(*self._tasks, return_exceptions=True)
        for end in ends:
            if isinstance(end, Exception):
                raise end
