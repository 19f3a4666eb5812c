"""Questions to our own parts."""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from grpc_health.v1 import health as servicer
from grpc_health.v1 import health_pb2, health_pb2_grpc

from forebay.observability import health


def test_a_serving_part_is_healthy(tmp_path: Path) -> None:
    """By its own word, as a whole and for each service."""
    states = servicer.HealthServicer()
    states.set("config", health_pb2.HealthCheckResponse.SERVING)
    states.set("policy", health_pb2.HealthCheckResponse.NOT_SERVING)
    server = grpc.server(ThreadPoolExecutor(1))
    health_pb2_grpc.add_HealthServicer_to_server(states, server)
    server.add_insecure_port(f"unix:{tmp_path}/g.sock")
    server.start()

    async def ask() -> list[bool]:
        return [await health.check(tmp_path / "g.sock", service) for service in ("", "config", "policy", "unknown")]

    try:
        assert asyncio.run(ask()) == [True, True, False, False]
    finally:
        server.stop(None).wait()


def test_a_part_that_is_not_there_is_not_healthy(tmp_path: Path) -> None:
    """No socket, or a socket where nobody speaks."""
    assert asyncio.run(health.check(tmp_path / "none")) is False
    assert asyncio.run(health.get(tmp_path / "none", "/ready")) == health.Answer(0)


def test_a_mute_part_is_given_up(tmp_path: Path) -> None:
    """Within the deadline."""
    with socket.socket(socket.AF_UNIX) as mute:
        mute.bind(str(tmp_path / "m"))
        mute.listen()
        assert health.request(tmp_path / "m", "GET", "/", 0.1) == health.Answer(0)


def test_an_answer_is_handed_on(tmp_path: Path) -> None:
    """Status and body, whatever the status is."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        body = head.split(b" HTTP")[0]
        writer.write(b"HTTP/1.1 503 No\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    async def run() -> health.Answer:
        async with await asyncio.start_unix_server(answer, tmp_path / "h"):
            return await asyncio.to_thread(health.request, tmp_path / "h", "POST", "/reopen_logs")

    assert asyncio.run(run()) == health.Answer(503, b"POST /reopen_logs")
