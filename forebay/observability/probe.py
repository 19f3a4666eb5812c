"""The readiness probe: a request through the real listener that only our own processor can answer.

A port that is open, or an answer with status 200, proves nothing: Envoy may lack its config, another program may hold
the port, the processor may be skipped. So the probe sends a random nonce, and the answer must be that nonce under the
gateway's own key, which never leaves the processes of this gateway.
"""

import hashlib
import hmac
import http.client
import secrets
import ssl
from dataclasses import dataclass
from typing import Final

import orjson

from forebay import contract
from forebay.config.resolved import Address, Resolved
from forebay.places import Places

NONCE: Final = "x-probe-nonce"  # no x-forebay-* header: those of callers are removed at the door
DEADLINE: Final = 2.0
_PURPOSE: Final = b"forebay probe v1\0"  # the same key has other uses; a probe's answer must serve in none of them
_LONGEST_ANSWER: Final = 4096
_WILDCARDS: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104  -- compared, not bound


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """Whether the gateway serves; if not, `missing` says what is wanting; `config` is the digest the processor has."""

    ready: bool
    missing: str = ""
    config: str | None = None


def answer(state_key: bytes, nonce: str, digest: str) -> bytes:
    """The body that proves it was our processor that answered the probe with `nonce`, under the config `digest`."""
    return orjson.dumps({"probe": _proof(state_key, nonce), "config": digest})


def probe(resolved: Resolved, places: Places) -> ProbeResult:
    """Ask once, through the listener on loopback; blocks for DEADLINE seconds at most per read. Never raises.

    TLS is not verified: the answer proves itself, and the certificate names the public host.
    """
    try:
        key = places.probe_key.read_text("utf-8").strip()
        state_key = places.state_key.read_bytes()
    except (OSError, UnicodeDecodeError):
        return ProbeResult(False, "the gateway's own keys in the state directory")
    nonce = secrets.token_hex(16)
    try:
        status, body = _ask(resolved, {"authorization": f"Bearer {key}", NONCE: nonce})
    except (OSError, ValueError, http.client.HTTPException) as error:
        return ProbeResult(False, f"an answer of the listener ({type(error).__name__})")
    if status != 200:
        return ProbeResult(False, f"the processor's answer (status {status})")
    return _judge(body, _proof(state_key, nonce))


def _judge(body: bytes, proof: str) -> ProbeResult:
    try:
        values = orjson.loads(body)
        given, config = values["probe"], values["config"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ProbeResult(False, "the processor's proof (another program answered)")
    texts = isinstance(given, str) and isinstance(config, str)
    if not texts or not hmac.compare_digest(given.encode(), proof.encode()):
        return ProbeResult(False, "the processor's proof (another program answered, or one with another key)")
    return ProbeResult(True, config=config)


def _proof(state_key: bytes, nonce: str) -> str:
    return hmac.new(state_key, _PURPOSE + nonce.encode("utf-8", "replace"), hashlib.sha256).hexdigest()


def _ask(resolved: Resolved, headers: dict[str, str]) -> tuple[int, bytes]:
    connection = _connection(resolved)
    try:
        connection.request("GET", contract.PROBE, headers=headers)
        response = connection.getresponse()
        return response.status, response.read(_LONGEST_ANSWER)
    finally:
        connection.close()


def _connection(resolved: Resolved) -> http.client.HTTPConnection:
    listen = resolved.listen
    if listen.http is not None:
        return http.client.HTTPConnection(_host(listen.http), listen.http.port, timeout=DEADLINE)
    if listen.https is None:
        raise ConnectionError("the config names no listener")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    address = listen.https.address
    return http.client.HTTPSConnection(_host(address), address.port, timeout=DEADLINE, context=context)


def _host(address: Address) -> str:
    return _WILDCARDS.get(address.host, address.host)
