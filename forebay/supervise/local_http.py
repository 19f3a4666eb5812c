"""One HTTP request over a Unix socket: readiness of our own parts, Envoy's admin interface, a mock's controls."""

import asyncio
import contextlib
from pathlib import Path

_TIMEOUT = 5.0


class NoAnswer(Exception):
    """Nobody listens on the socket, or what came back is no HTTP answer. Try again, or look at the part's log."""


async def ask(socket: Path, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
    """Send one request and read its answer. Returns status and body. Raises NoAnswer."""
    try:
        async with asyncio.timeout(_TIMEOUT):
            return await _exchange(socket, method, path, body)
    except (OSError, TimeoutError, ValueError, IndexError) as error:
        raise NoAnswer(f"{socket.name}: {type(error).__name__}") from None


async def is_ok(socket: Path, path: str) -> bool:
    """Whether GET `path` is answered 200. False also when nobody listens."""
    try:
        status, _ = await ask(socket, "GET", path)
    except NoAnswer:
        return False
    return status == 200


async def _exchange(socket: Path, method: str, path: str, body: bytes) -> tuple[int, bytes]:
    reader, writer = await asyncio.open_unix_connection(socket)
    try:
        head = f"{method} {path} HTTP/1.1\r\nhost: forebay\r\nconnection: close\r\ncontent-length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        answer = await reader.read()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    fields, _, content = answer.partition(b"\r\n\r\n")
    lines = fields.decode("latin-1").split("\r\n")
    if any(line.lower() == "transfer-encoding: chunked" for line in lines[1:]):
        content = _joined(content)
    return int(lines[0].split(" ")[1]), content


def _joined(chunked: bytes) -> bytes:
    whole = bytearray()
    while chunked:
        size, _, chunked = chunked.partition(b"\r\n")
        length = int(size, 16)
        whole += chunked[:length]
        chunked = chunked[length + 2 :] if length else b""
    return bytes(whole)
