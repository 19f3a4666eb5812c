"""The filter chain alone, on a real Envoy: our resources over file-based xDS, a processor and providers of a few lines.

The processor of these tests understands nothing: it names the route that the `plan` of the test returns. What the
chain must hold against is exactly a processor that misbehaves.
"""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import json_format

from forebay import contract
from forebay.config.load import load_text
from forebay.envoy_api.messages import message
from forebay.places import Places
from forebay.supervise.ports import free_port
from xds.translate.bootstrap import arguments
from xds.translate.keys import KeyRing
from xds.translate.machine import look
from xds.translate.translation import describe

Json = dict[str, Any]
PROBE_KEY = "fbp-0123456789abcdef0123456789abcdef"
ENVOY = Path(sys.executable).parent / "envoy"


# --- a provider ----------------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """What a provider says; `chunks` are written one by one with `pause` between them, without a content-length."""

    status: int = 200
    body: bytes = b'{"ok":true}'
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    chunks: list[bytes] | None = None
    pause: float = 0.0
    cut: bool = False  # close the connection instead of ending properly


@dataclass
class Got:
    """One request as it arrived."""

    path: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name), None)


class Provider:
    """An HTTP/1.1 server that keeps what it gets and answers what it is told."""

    def __init__(self, context: Any = None) -> None:
        self.got: list[Got] = []
        self.answer: Answer | Callable[[Got], Answer] = Answer()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                provider._serve(self)

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        class Server(ThreadingHTTPServer):
            request_queue_size = 1024
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                """A peer that went away is part of these tests."""

        self._server = Server(("127.0.0.1", 0), Handler)
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, daemon=True, args=(0.05,)).start()

    def _serve(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("content-length", 0)))
        got = Got(handler.path, list(handler.headers.items()), body)
        self.got.append(got)
        answer = self.answer(got) if callable(self.answer) else self.answer
        time.sleep(answer.delay)
        handler.send_response(answer.status)
        for key, value in {"content-type": "application/json", **answer.headers}.items():
            handler.send_header(key, value)
        if answer.chunks is None:
            handler.send_header("content-length", str(len(answer.body)))
            handler.end_headers()
            handler.wfile.write(answer.body)
            return
        handler.send_header("transfer-encoding", "chunked")
        handler.end_headers()
        for chunk in answer.chunks:
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
            handler.wfile.flush()
            time.sleep(answer.pause)
        if answer.cut:
            handler.close_connection = True
        else:
            handler.wfile.write(b"0\r\n\r\n")

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


# --- a processor ---------------------------------------------------------------------------------------------------


@dataclass
class Seen:
    """One exchange as the processor saw it."""

    headers: dict[str, str]
    metadata: Json
    body: bytes = b""
    response: dict[str, str] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


@dataclass
class Plan:
    """What the processor does with a request."""

    route: str | None = None
    bucket: int = 0
    verdict: str | None = contract.PASS
    body: bytes | None = None
    span: str | None = None  # None: where the body's "model" stands
    immediate: Json | None = None
    hang: float = 0.0
    end: str = "continue"  # "ok": end the stream with OK, "error": with an error; both instead of an answer
    release: bool = True
    buffer_answer: Callable[[bytes], bytes] | None = None


class Processor:
    """The smallest ext_proc that can misbehave."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.plan: Callable[[Seen], Plan] = lambda seen: Plan()
        self.seen: list[Seen] = []
        self.start()

    def start(self) -> None:
        request, response = (message(f"envoy.service.ext_proc.v3.Processing{kind}") for kind in ("Request", "Response"))
        self._response = response
        handler = grpc.stream_stream_rpc_method_handler(
            self._process, request.FromString, lambda answer: answer.SerializeToString()
        )
        self._server = grpc.server(ThreadPoolExecutor(256), options=[("grpc.max_receive_message_length", -1)])
        service = "envoy.service.ext_proc.v3.ExternalProcessor"
        self._server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, {"Process": handler}),))
        self._server.add_insecure_port(f"unix:{self.path}")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()

    def _process(self, incoming: Iterator[Any], context: grpc.ServicerContext) -> Iterator[Any]:
        seen = Seen({}, {})
        plan = Plan()
        self.seen.append(seen)
        for each in incoming:
            kind = each.WhichOneof("request")
            seen.messages.append(kind)
            answer = self._response()
            if kind == "request_headers":
                seen.headers = _headers(each.request_headers.headers)
                seen.metadata = {
                    name: json_format.MessageToDict(struct)
                    for name, struct in each.metadata_context.filter_metadata.items()
                }
                if each.request_headers.end_of_stream:
                    plan = self.plan(seen)
                    if plan.end == "ok":
                        return
                    self._decide(answer, "request_headers", plan, seen)
                else:
                    answer.request_headers.SetInParent()
            elif kind == "request_body":
                seen.body = each.request_body.body
                plan = self.plan(seen)
                time.sleep(plan.hang)
                if plan.end == "error":
                    context.abort(grpc.StatusCode.INTERNAL, "broken")
                if plan.end == "ok":
                    return
                self._decide(answer, "request_body", plan, seen)
                yield answer
                if plan.release:
                    return
                continue
            elif kind == "response_headers":
                seen.response = _headers(each.response_headers.headers)
                answer.response_headers.SetInParent()
                if plan.buffer_answer and not each.response_headers.end_of_stream:
                    answer.mode_override.response_body_mode = 2
                    answer.mode_override.response_header_mode = 1
            elif kind == "response_body":
                body = plan.buffer_answer(each.response_body.body) if plan.buffer_answer else None
                answer.response_body.SetInParent()
                if body is not None:
                    _replace_body(answer.response_body.response, body)
            else:
                getattr(answer, kind).SetInParent()
            yield answer

    def _decide(self, answer: Any, kind: str, plan: Plan, seen: Seen) -> None:
        if plan.verdict:
            call = answer.dynamic_metadata.get_or_create_struct(contract.CALL)
            call[contract.VERDICT] = plan.verdict
            call[contract.CALL_FORWARDED] = f'{{"verdict":"{plan.verdict}"}}'
        if plan.immediate:
            answer.immediate_response.status.code = plan.immediate["status"]
            answer.immediate_response.body = plan.immediate["body"].encode()
            answer.immediate_response.details = plan.immediate["details"]
            _set(answer.immediate_response.headers, "content-type", "application/json")
            return
        response = getattr(answer, kind).response
        response.clear_route_cache = True
        body = seen.body if plan.body is None else plan.body
        if plan.route is not None:
            _set(response.header_mutation, contract.ROUTE, plan.route)
            _set(response.header_mutation, contract.BUCKET, str(plan.bucket))
            _set(response.header_mutation, contract.MODEL_SPAN, plan.span or span_of_model(body))
        if plan.body is not None:
            _replace_body(response, plan.body)


def span_of_model(body: bytes) -> str:
    """`<offset>:<length>` of the value of the first "model" key."""
    start = body.index(b'"', body.index(b'"model"') + len(b'"model"'))
    end = body.index(b'"', start + 1)
    return f"{start}:{end - start + 1}"


def _headers(found: Any) -> dict[str, str]:
    return {each.key: (each.raw_value or each.value.encode()).decode() for each in found.headers}


def _set(mutation: Any, key: str, value: str) -> None:
    option = mutation.set_headers.add()
    option.header.key, option.header.raw_value, option.append_action = key, value.encode(), 2


def _replace_body(response: Any, body: bytes) -> None:
    response.body_mutation.body = body
    _set(response.header_mutation, "content-length", str(len(body)))


# --- the gateway ---------------------------------------------------------------------------------------------------


@dataclass
class Reply:
    """What a caller got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        code: str = self.json["error"]["code"]
        return code


class Gateway:
    """One Envoy with our resources, and the processor beside it."""

    def __init__(
        self, folder: Path, config: str, keys: Mapping[str, list[str]], environment: Mapping[str, str]
    ) -> None:
        self.folder = folder
        self.places = Places(folder / "r", folder / "s")
        for each in (self.places.run, self.places.state, folder / "xds"):
            each.mkdir(parents=True, exist_ok=True)
        self.port = free_port()
        self._config = config
        self.resolved = load_text(config.replace("PORT", str(self.port)), folder / "forebay.yaml")
        self.keys = dict(keys)
        self.processor = Processor(self.places.inspector_socket(0))
        self._publish(self.keys)
        self.log = (folder / "envoy.log").open("w")
        self._envoy = subprocess.Popen(
            [str(ENVOY), *arguments(folder / "xds" / "bootstrap.json", 1), "--log-level", "warning"],
            stdout=self.log,
            stderr=self.log,
            env={**os.environ, **environment},
            start_new_session=True,
        )
        self._wait()

    def _publish(self, keys: Mapping[str, list[str]]) -> None:
        ring = KeyRing.of(keys, PROBE_KEY, b"salt")
        found = describe(self.resolved, self.places, ring, look(self.resolved))
        write = _FileXds(self.folder / "xds").write
        types = {
            "routes": "envoy.config.route.v3.RouteConfiguration",
            "secrets": "envoy.extensions.transport_sockets.tls.v3.Secret",
            "extension_configs": "envoy.config.core.v3.TypedExtensionConfig",
        }
        for kind, full_name in types.items():
            for resource in getattr(found, kind):
                write(resource["name"], full_name, [resource])
        write("cds", "envoy.config.cluster.v3.Cluster", found.clusters)
        write("lds", "envoy.config.listener.v3.Listener", found.listeners)
        bootstrap = {
            "node": {"id": "test", "cluster": "test"},
            "admin": {"address": {"pipe": {"path": str(self.places.admin_socket)}}},
            "dynamic_resources": {
                f"{kind}_config": {"path_config_source": {"path": str(self.folder / "xds" / f"{kind}.json")}}
                for kind in ("cds", "lds")
            },
        }
        (self.folder / "xds" / "bootstrap.json").write_text(json.dumps(bootstrap))

    def rotate(self, keys: Mapping[str, list[str]]) -> None:
        """New API keys, by ECDS."""
        self._publish(keys)

    def _wait(self) -> None:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            if self._envoy.poll() is not None:
                raise AssertionError(f"Envoy ended: {self.logs()[-3000:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
                return
            time.sleep(0.03)
        self.stop()
        raise AssertionError(f"no listener: {self.logs()[-3000:]}")

    def logs(self) -> str:
        return (self.folder / "envoy.log").read_text(errors="replace")

    def admin(self, path: str) -> str:
        connection = http.client.HTTPConnection("admin")
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(str(self.places.admin_socket))
        connection.request("GET", path)
        text = connection.getresponse().read().decode()
        connection.close()
        return text

    def call(
        self,
        body: bytes | None = b'{"model":"chat","messages":[]}',
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        path: str = contract.CHAT,
        method: str = "POST",
        timeout: float = 20,
    ) -> Reply:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.putrequest(method, path, skip_accept_encoding=True)
            found = [*headers.items()] if isinstance(headers, Mapping) else [*(headers or ())]
            for key, value in found:
                connection.putheader(key, value)
            if body is not None:
                connection.putheader("content-type", "application/json")
                connection.putheader("content-length", str(len(body)))
            connection.endheaders()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a refusal may come before the body's end
                connection.send(body or b"")
            response = connection.getresponse()
            fields = {key.lower(): value for key, value in response.getheaders()}
            return Reply(response.status, fields, response.read())
        finally:
            connection.close()

    def raw(self, data: bytes, wait: float = 3) -> bytes:
        """Bytes out, bytes back until the connection closes or nothing comes for `wait` seconds."""
        out = b""
        with socket.create_connection(("127.0.0.1", self.port), wait) as connection:
            connection.sendall(data)
            with contextlib.suppress(TimeoutError, ConnectionResetError):
                while piece := connection.recv(65536):
                    out += piece
        return out

    def record(self, count: int = 1, kind: str = "DownstreamEnd") -> list[Json]:
        """The record's lines of a kind, once there are at least `count`."""
        deadline = time.monotonic() + 5
        while True:
            lines = [json.loads(line) for line in self.places.envoy_record.read_text().splitlines()]
            found = [line for line in lines if line["kind"] == kind]
            if len(found) >= count or time.monotonic() > deadline:
                return found
            time.sleep(0.05)

    def stop(self) -> None:
        if self._envoy.poll() is None:
            os.killpg(self._envoy.pid, signal.SIGTERM)
            try:
                self._envoy.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self._envoy.pid, signal.SIGKILL)
                self._envoy.wait()
        self.processor.stop()
        self.log.close()


class _FileXds:
    """ADS references become files: one per route table, secret and list of keys."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, full_name: str, resources: list[Json]) -> None:
        typed = [{"@type": f"type.googleapis.com/{full_name}", **self._sourced(each)} for each in resources]
        target = self.folder / _file(name)
        temporary = target.with_suffix(".new")
        temporary.write_text(json.dumps({"resources": typed}))
        temporary.replace(target)

    def _sourced(self, value: Any) -> Any:
        if isinstance(value, list):
            return [self._sourced(each) for each in value]
        if not isinstance(value, dict):
            return value
        made = {key: self._sourced(each) for key, each in value.items()}
        if "rds" in made:
            made["rds"]["config_source"] = self._source(made["rds"]["route_config_name"])
        if "sds_config" in made:
            made["sds_config"] = self._source(made["name"])
        if "config_discovery" in made:
            made["config_discovery"]["config_source"] = self._source(made["name"])
        return made

    def _source(self, name: str) -> Json:
        return {"path_config_source": {"path": str(self.folder / _file(name))}, "resource_api_version": "V3"}


def _file(name: str) -> str:
    return name.replace(":", "-").replace("/", "-") + ".json"


@pytest.fixture(scope="session")
def plan_type() -> type[Plan]:
    """What a processor's `plan` returns."""
    return Plan


@pytest.fixture(scope="session")
def answer_type() -> type[Answer]:
    """What a provider's `answer` is."""
    return Answer


@pytest.fixture(scope="module")
def providers() -> Iterator[Callable[..., Provider]]:
    """Makes providers; they end with the module."""
    made: list[Provider] = []

    def make(context: Any = None) -> Provider:
        made.append(Provider(context))
        return made[-1]

    yield make
    for each in made:
        each.stop()


@pytest.fixture(scope="module")
def gateways() -> Iterator[Callable[..., Gateway]]:
    """Makes gateways from YAML; `PORT` in it is the listener's. They end with the module."""
    made: list[Gateway] = []
    with contextlib.ExitStack() as stack:

        def make(
            config: str, keys: Mapping[str, list[str]] | None = None, environment: Mapping[str, str] | None = None
        ) -> Gateway:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fbc")))  # short: sockets live in it
            for name in ("acme", "small", "one", "two"):
                (folder / name).write_text(f"secret-of-{name}-0123456789\n")
            made.append(Gateway(folder, config.replace("HERE", str(folder)), keys or {}, environment or {}))
            return made[-1]

        yield make
        for each in made:
            each.stop()
