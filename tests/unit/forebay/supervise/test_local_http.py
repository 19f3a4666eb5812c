"""One request over a Unix socket."""

import asyncio
from pathlib import Path

import pytest

from forebay.supervise.local_http import NoAnswer, ask, is_ok

ANSWERS = {
    "with_length": b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello",
    "chunked": b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS.keys())
def test_status_and_body_of_an_answer_come_back(tmp_path: Path, answer: bytes) -> None:
    """Both ways of ending a body."""

    async def story() -> None:
        async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"POST /x HTTP/1.1\r\n")
            assert await reader.readexactly(2) == b"{}"
            writer.write(answer)
            writer.close()

        async with await asyncio.start_unix_server(accept, tmp_path / "s"):
            assert await ask(tmp_path / "s", "POST", "/x", b"{}") == (200, b"hello")

    asyncio.run(story())


def test_nobody_there_is_no_answer(tmp_path: Path) -> None:
    """For readiness that simply means: not yet."""
    with pytest.raises(NoAnswer):
        asyncio.run(ask(tmp_path / "none", "GET", "/"))
    assert asyncio.run(is_ok(tmp_path / "none", "/")) is False


def test_rubbish_is_no_answer(tmp_path: Path) -> None:
    """Whoever answers something else than HTTP is not who we asked."""

    async def story() -> None:
        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"rubbish")
            writer.close()

        async with await asyncio.start_unix_server(accept, tmp_path / "s"):
            with pytest.raises(NoAnswer):
                await ask(tmp_path / "s", "GET", "/")

    asyncio.run(story())
