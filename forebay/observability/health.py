"""Questions to our own parts: gRPC health over a Unix socket, and HTTP over a Unix socket (Envoy's admin, recorder)."""

import asyncio
import http.client
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

DEADLINE: Final = 2.0  # seconds, for every question here
LONGEST_ANSWER: Final = 64 << 20


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer; status 0 when there was none (no socket, nobody listening, too slow, no HTTP)."""

    status: int
    body: bytes = b""


async def check(path: Path, service: str = "") -> bool:
    """Whether the gRPC server behind the Unix socket `path` says that `service` is SERVING. Never raises on failure."""
    return await _status(path, service) == int(health_pb2.HealthCheckResponse.SERVING)


async def answers(path: Path) -> bool:
    """Whether the gRPC server behind the Unix socket `path` says anything at all. Never raises on failure."""
    return await _status(path, "") is not None


async def _status(path: Path, service: str) -> int | None:
    # connections of its own: those of the process remember that a server was gone, and wait before they try again
    async with grpc.aio.insecure_channel(f"unix:{path}", [("grpc.use_local_subchannel_pool", 1)]) as channel:
        try:
            answer = await health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=service), timeout=DEADLINE
            )
        except grpc.RpcError:
            return None  # whatever is wrong, it is not serving
    return int(answer.status)


async def get(path: Path, target: str, deadline: float = DEADLINE) -> Answer:
    """GET `target` from the HTTP server behind the Unix socket `path`, off the event loop. Never raises on failure."""
    return await asyncio.to_thread(request, path, "GET", target, deadline)


def request(path: Path, method: str, target: str, deadline: float = DEADLINE) -> Answer:
    """`method` `target` at the HTTP server behind the Unix socket `path`; blocks. Never raises on failure."""
    connection = _UnixConnection(path, deadline)
    try:
        connection.request(method, target)
        answer = connection.getresponse()
        return Answer(answer.status, answer.read(LONGEST_ANSWER))
    except (OSError, http.client.HTTPException):
        return Answer(0)
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, deadline: float) -> None:
        super().__init__("localhost", timeout=deadline)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))
