"""A small HTTP/1.1 server for /metrics, /livez and /readyz: GET only, one request a connection, bounded."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final

from forebay.config.resolved import Address
from forebay.observability.logging import describe

DEADLINE: Final = 10.0  # seconds for a request to come in, and again for its answer to go out
MOST_CONNECTIONS: Final = 64
LONGEST_REQUEST: Final = 16_384

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Page:
    """An answer: status, content type, body."""

    status: int
    content_type: str
    body: bytes


Handler = Callable[[str], Awaitable[Page]]  # given the Accept header
PLAIN: Final = "text/plain; charset=utf-8"


class Endpoint:
    """The pages of `handlers`, by path. Serves on any number of addresses at once."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers
        self._open = 0

    async def on_socket(self, path: Path) -> asyncio.Server:
        """Serve on the Unix socket `path`, replacing one left by a killed process. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)  # noqa: PTH108  -- asyncio's rule against pathlib; the call is one of a few microseconds
        return await asyncio.start_unix_server(self._connection, path, limit=LONGEST_REQUEST)

    async def on_address(self, address: Address) -> asyncio.Server:
        """Serve on a TCP address. Raises OSError when it is taken."""
        return await asyncio.start_server(self._connection, address.host, address.port, limit=LONGEST_REQUEST)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open <= MOST_CONNECTIONS:
                async with asyncio.timeout(DEADLINE):
                    head = await reader.readuntil(b"\r\n\r\n")
                page = await self._answer(head)
                async with asyncio.timeout(DEADLINE):
                    writer.write(_encoded(page, head.startswith(b"HEAD ")))
                    await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            _log.info("an http client of the recorder went wrong", extra={"fields": {"error": describe(error)}})
        finally:
            self._open -= 1
            writer.close()

    async def _answer(self, head: bytes) -> Page:
        lines = head.decode("latin-1").split("\r\n")
        method, _, rest = lines[0].partition(" ")
        handler = self._handlers.get(rest.partition(" ")[0].partition("?")[0])
        if method not in ("GET", "HEAD"):
            return Page(405, PLAIN, b"GET only\n")
        if handler is None:
            return Page(404, PLAIN, f"try {', '.join(self._handlers)}\n".encode())
        accept = next((line[7:] for line in lines[1:] if line.lower().startswith("accept:")), "")
        return await handler(accept.strip())


def _encoded(page: Page, head_only: bool) -> bytes:
    head = (
        f"HTTP/1.1 {page.status} {HTTPStatus(page.status).phrase}\r\n"
        f"content-type: {page.content_type}\r\ncontent-length: {len(page.body)}\r\nconnection: close\r\n\r\n"
    )
    return head.encode("latin-1") + (b"" if head_only else page.body)
