"""The small HTTP server."""

import asyncio
import http.client
from pathlib import Path

from forebay.config.resolved import Address
from forebay.observability import health
from forebay.record import endpoint as module
from forebay.record.endpoint import Endpoint, Page


async def hello(accept: str) -> Page:
    return Page(200, "text/plain", f"hello {accept}".encode())


ENDPOINT = {"/hello": hello}


async def raw(path: Path, content: bytes) -> bytes:
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(content)
    writer.write_eof()
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    return answer


def test_pages_are_served_over_a_unix_socket(tmp_path: Path) -> None:
    """A socket left by a killed process is replaced."""

    async def run() -> None:
        path = tmp_path / "r.sock"
        path.touch()
        async with await Endpoint(ENDPOINT).on_socket(path):
            assert await health.get(path, "/hello?x=1") == health.Answer(200, b"hello ")
            assert (await health.get(path, "/none")).status == 404

    asyncio.run(run())


def test_pages_are_served_over_tcp(tmp_path: Path) -> None:
    """With the Accept header handed on."""

    def ask(port: int) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        connection.request("GET", "/hello", headers={"accept": "text/plain"})
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return answer.status, content

    async def run() -> None:
        async with await Endpoint(ENDPOINT).on_address(Address("127.0.0.1", 0)) as server:
            port = server.sockets[0].getsockname()[1]
            assert await asyncio.to_thread(ask, port) == (200, b"hello text/plain")

    asyncio.run(run())


def test_other_methods_and_broken_requests_change_nothing(tmp_path: Path) -> None:
    """It answers or closes, and goes on serving."""

    async def run() -> None:
        path = tmp_path / "r.sock"
        async with await Endpoint(ENDPOINT).on_socket(path):
            assert (await raw(path, b"POST /hello HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 405 ")
            assert (await raw(path, b"HEAD /hello HTTP/1.1\r\n\r\n")).endswith(b"\r\n\r\n")
            for content in (b"", b"GET", b"\r\n\r\n", b"\xff\xfe\r\n\r\n", b"x" * (2 * module.LONGEST_REQUEST)):
                await raw(path, content)
            assert (await health.get(path, "/hello")).status == 200

    asyncio.run(run())
