"""The wire against h2spec: every rule of HTTP/2 and HPACK that a server can be asked about.

h2spec calls `GET /`, which is no gRPC call, and expects a body; so here everything well-formed is a call, and it is
answered with a message as soon as it is half-closed.
"""

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from subprocess import run

import pytest

from extproc.wire import events as e
from extproc.wire.connection import Connection
from extproc.wire.header_blocks import Headers
from extproc.wire.limits import Limits
from extproc.wire.requests import Head, read_request

H2SPEC = shutil.which("h2spec", path=str(Path(__file__).parents[2] / ".tools" / "bin"))
# h2spec has 100 streams at most to open, and its own encoder goes on with a table of 4096 bytes whatever our SETTINGS
# say (which RFC 9113 §4.3.1 wants answered by COMPRESSION_ERROR): so the usual size of 0 is not used here.
LIMITS = Limits(streams=100, header_table=4096)


def read_anything(headers: Headers) -> Head:
    """A call of `/`, if only it is a well-formed request."""
    pseudo = tuple((name, b"POST" if name == b":method" else value) for name, value in headers)
    return read_request((*pseudo, (b"content-type", b"application/grpc")))


class Hello(asyncio.Protocol):
    """Answers every call with one message."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greets."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.connection = Connection(["/"], LIMITS, read_anything)
        transport.write(self.connection.data_to_send())

    def data_received(self, data: bytes) -> None:
        """Answers."""
        for event in self.connection.receive(data):
            if isinstance(event, e.StreamHalfClosed):
                self.connection.send(event.stream_id, b"hello")
                self.connection.end(event.stream_id)
        self.transport.write(self.connection.data_to_send())
        if self.connection.lost:
            self.transport.close()


@pytest.fixture
def port() -> Iterator[int]:
    """Of a server in a thread of its own."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(loop.create_server(Hello, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    yield server.sockets[0].getsockname()[1]
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    server.close()
    loop.run_until_complete(asyncio.sleep(0.05))
    loop.close()


@pytest.mark.skipif(
    H2SPEC is None and os.environ.get("CI") != "true", reason="needs h2spec, which 'make tools' builds (with Go)"
)
def test_h2spec_finds_nothing_to_complain_of(port: int) -> None:
    """All of its cases pass; none is left out."""
    command = [str(H2SPEC), "-h", "127.0.0.1", "-p", str(port), "-o", "1"]
    said = run(command, capture_output=True, text=True, timeout=120).stdout
    assert "145 tests, 145 passed, 0 skipped, 0 failed" in said, said[said.find("Failures:") :]
