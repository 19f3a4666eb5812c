"""What does the transport of an empty exchange with Envoy cost? Our wire beside grpcio, in one run.

    python bench/wire.py [--rounds 3] [--exchanges 20000] [--streams 32]

Each server is a process of its own that parses every ProcessingRequest and answers CONTINUE, over a Unix socket; the
client (another process, prepared bytes, lockstep as Envoy) opens streams of two messages (request headers and body)
and of four (response headers and body too). Rounds alternate, and what counts is the server's CPU time as the kernel
has it. `sans-io` is the connection alone, fed from memory. Prints a table, writes `bench/results/wire.json`.
"""

import argparse
import asyncio
import gc
import json
import os
import platform
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import uvloop
from ledger import cpu_seconds

from extproc.wire import events as e
from extproc.wire import frames
from extproc.wire.connection import Connection
from extproc.wire.errors import Status
from extproc.wire.exchanges import Answer
from extproc.wire.grpc_messages import PREFIX
from extproc.wire.header_blocks import encoded
from extproc.wire.serve import Wire
from forebay.envoy_api.messages import message

ProcessingRequest = message("envoy.service.ext_proc.v3.ProcessingRequest")
ProcessingResponse = message("envoy.service.ext_proc.v3.ProcessingResponse")
PATH = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
RESULTS = Path(__file__).parent / "results" / "wire.json"
KINDS = ("request_headers", "request_body", "response_headers", "response_body")
HEAD = b"\x83\x86" + encoded(
    [
        (b":path", PATH.encode()),
        (b":authority", b"forebay_extproc"),
        (b"te", b"trailers"),
        (b"content-type", b"application/grpc"),
        (b"x-envoy-internal", b"true"),
        (b"x-forwarded-for", b"10.0.0.1"),
    ]
)
PROSE = b"the quarterly report of the northern region shows that revenue grew while costs stayed flat " * 11


# --- what both servers do ---------------------------------------------------------------------------------------------


def reply(kind: str) -> bytes:
    """The CONTINUE that answers a message."""
    response = ProcessingResponse()
    getattr(response, kind).SetInParent()
    return bytes(response.SerializeToString())


ANSWERS = {kind: Answer((reply(kind),)) for kind in KINDS}
REPLIES = {kind: ProcessingResponse.FromString(reply(kind)) for kind in KINDS}


class AtOnce:
    """A handler of plain functions."""

    def receive(self, message: bytes) -> Answer:
        """CONTINUE."""
        return ANSWERS[ProcessingRequest.FromString(message).WhichOneof("request")]

    def closed(self) -> None:
        """Nothing is held."""


class Coroutines:
    """The same as the driver has it: coroutines that do not wait."""

    async def receive(self, message: bytes) -> Answer:
        """CONTINUE."""
        return ANSWERS[ProcessingRequest.FromString(message).WhichOneof("request")]

    async def closed(self) -> None:
        """Nothing is held."""


async def process(requests: AsyncIterator[Any], context: Any) -> AsyncIterator[Any]:
    """The same for grpcio."""
    async for request in requests:
        yield REPLIES[request.WhichOneof("request")]


async def serve(transport: str, path: Path) -> None:
    """One of the servers, until it is killed."""
    if transport != "grpcio":
        handler = {"wire": AtOnce, "wire, coroutines": Coroutines}[transport]
        await Wire({PATH: lambda request, send: handler()}).listen_unix(path)
        await asyncio.Event().wait()
    server = grpc.aio.server()
    method = grpc.stream_stream_rpc_method_handler(
        process,
        request_deserializer=ProcessingRequest.FromString,
        response_serializer=ProcessingResponse.SerializeToString,
    )
    service, name = PATH[1:].split("/")
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {name: method}),))
    server.add_insecure_port(f"unix:{path}")
    await server.start()
    await server.wait_for_termination()


# --- the client -------------------------------------------------------------------------------------------------------


def requests(count: int) -> list[bytes]:
    """DATA payloads of one exchange: headers as Envoy forwards them, bodies of 1 KB."""
    made = []
    for kind in KINDS[:count]:
        request = ProcessingRequest()
        part = getattr(request, kind)
        if kind.endswith("headers"):
            for name in (":method", ":path", "host", "content-type", "x-request-id", "user-agent", "accept"):
                part.headers.headers.add(key=name, raw_value=b"a value of some length")
        else:
            part.body = PROSE
            part.end_of_stream = True
        sent = request.SerializeToString()
        made.append(PREFIX.pack(0, len(sent)) + sent)
    return made


class Client(asyncio.Protocol):
    """Keeps so many streams going until so many exchanges are done."""

    def __init__(self, payloads: list[bytes], exchanges: int, streams: int) -> None:
        self.payloads, self.left, self.open = payloads, exchanges, streams
        self.sent: dict[int, int] = {}
        self.next = 1
        self.rest = b""
        self.window = 0
        self.ended = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        """Greets, opens the first streams."""
        self.transport = transport
        transport.write(frames.PREFACE + frames.frame(frames.SETTINGS, 0, 0))
        transport.write(b"".join(self.begin() for _ in range(self.open)))

    def begin(self) -> bytes:
        """A new stream and its first message."""
        if not self.left:
            return b""
        self.left -= 1
        stream_id, self.next = self.next, self.next + 2
        self.sent[stream_id] = 1
        head = frames.frame(frames.HEADERS, frames.END_HEADERS, stream_id, b"\x20" + HEAD if stream_id == 1 else HEAD)
        return head + frames.frame(frames.DATA, 0, stream_id, self.payloads[0])

    def data_received(self, data: bytes) -> None:
        """Answers in one write, as Envoy's loop does."""
        data = self.rest + data
        position, out = 0, []
        while len(data) - position >= frames.HEAD_SIZE:
            upper, lower, kind, flags, stream_id = frames.HEAD.unpack_from(data, position)
            end = position + frames.HEAD_SIZE + (upper << 8 | lower)
            if end > len(data):
                break
            if kind == frames.DATA:
                self.window += end - position - frames.HEAD_SIZE
                out.append(self.go_on(stream_id))
            elif kind == frames.HEADERS and flags & frames.END_STREAM:
                del self.sent[stream_id]
                out.append(self.begin())
            elif kind in {frames.SETTINGS, frames.PING} and not flags & frames.ACK:
                payload = data[position + frames.HEAD_SIZE : end] if kind == frames.PING else b""
                out.append(frames.frame(kind, frames.ACK, 0, payload))
            elif kind in {frames.GOAWAY, frames.RST_STREAM}:
                raise RuntimeError(f"the server ended something: {data[position:end]!r}")
            position = end
        self.rest = data[position:]
        if self.window > 16_384:
            out.append(frames.window_update(0, self.window))
            self.window = 0
        if out:
            self.transport.write(b"".join(out))
        if not self.left and not self.sent and not self.done.done():
            self.done.set_result(None)

    def go_on(self, stream_id: int) -> bytes:
        """The next message, or the end of the stream."""
        number = self.sent[stream_id]
        self.sent[stream_id] += 1
        if number < len(self.payloads):
            return frames.frame(frames.DATA, 0, stream_id, self.payloads[number])
        return frames.frame(frames.DATA, frames.END_STREAM, stream_id)


async def load(path: Path, messages: int, exchanges: int, streams: int) -> None:
    """One round."""
    loop = asyncio.get_running_loop()
    transport, client = await loop.create_unix_connection(
        lambda: Client(requests(messages), exchanges, streams), str(path)
    )
    await client.done
    transport.close()


# --- measuring --------------------------------------------------------------------------------------------------------


def sans_io(messages: int, exchanges: int) -> float:
    """CPU µs per exchange of the connection alone: every message read and answered, each in a chunk of its own."""
    connection = Connection([PATH])
    connection.receive(frames.PREFACE + frames.frame(frames.SETTINGS, 0, 0) + frames.frame(frames.SETTINGS, 1, 0))
    payloads, answer = requests(messages), reply("request_headers")
    last = messages - 1
    gc.collect()
    began = time.process_time()
    for number in range(exchanges):
        stream_id = 2 * number + 1
        chunk = frames.frame(frames.HEADERS, 4, stream_id, b"\x20" + HEAD)
        for index, payload in enumerate(payloads):
            chunk += frames.frame(frames.DATA, 1 if index == last else 0, stream_id, payload)
            for event in connection.receive(chunk):
                if type(event) is e.MessageReceived:
                    connection.taken(stream_id, len(event.message))
                    connection.send(stream_id, answer)
                elif type(event) is e.StreamHalfClosed:
                    connection.end(stream_id, Status.OK)
            connection.receive(frames.window_update(0, 1024))
            connection.data_to_send()
            chunk = b""
    return (time.process_time() - began) / exchanges * 1e6


def wait_for(path: Path) -> None:
    """Until the server listens."""
    for _ in range(200):
        with socket.socket(socket.AF_UNIX) as probe:
            if not probe.connect_ex(str(path)):
                return
        time.sleep(0.05)
    raise TimeoutError(path.name)


def measure(rounds: int, exchanges: int, streams: int) -> dict[str, dict[str, float]]:
    """CPU µs per exchange: the median of the rounds, by transport and number of messages."""
    seen: dict[tuple[str, int], list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:
        servers = {}
        for number, transport in enumerate(("wire", "wire, coroutines", "grpcio")):
            path = Path(folder) / f"{number}.sock"
            command = [sys.executable, __file__, "--serve", transport, "--socket", str(path)]
            servers[transport] = (subprocess.Popen(command), path)
        try:
            for _, path in servers.values():
                wait_for(path)
            for number in range(rounds + 1):  # the first warms up
                for messages in (2, 4):
                    for transport, (process_, path) in servers.items():
                        count = max(500, exchanges // (10 if transport == "grpcio" else 1))
                        before = cpu_seconds([process_.pid])
                        uvloop.run(load(path, messages, count, streams))
                        used = (cpu_seconds([process_.pid]) - before) / count * 1e6
                        if number:
                            seen[transport, messages].append(used)
                    if number:
                        seen["sans-io", messages].append(sans_io(messages, exchanges // 2))
        finally:
            for process_, _ in servers.values():
                process_.kill()
                process_.wait()
    table: dict[str, dict[str, float]] = defaultdict(dict)
    for (transport, messages), values in seen.items():
        table[transport][f"{messages} messages"] = round(statistics.median(values), 1)
    return dict(table)


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--exchanges", type=int, default=20_000)
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--socket", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        uvloop.run(serve(options.serve, options.socket))
        return
    table = measure(options.rounds, options.exchanges, options.streams)
    print(f"{'CPU µs per exchange':20} {'2 messages':>12} {'4 messages':>12}")
    for transport, row in table.items():
        print(f"{transport:20} {row['2 messages']:12.1f} {row['4 messages']:12.1f}")
    machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    result = {"machine": machine, "streams": options.streams, "rounds": options.rounds, "cpu_us_per_exchange": table}
    RESULTS.write_text(json.dumps(result, indent=2, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
