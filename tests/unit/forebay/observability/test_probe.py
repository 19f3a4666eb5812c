"""The readiness probe and its answer."""

import asyncio
import dataclasses
import datetime
import ssl
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from forebay import contract
from forebay.config.load import load_text
from forebay.config.resolved import Address, Https, Resolved
from forebay.config.secrets import SecretReference
from forebay.observability.probe import NONCE, ProbeResult, answer, probe
from forebay.places import Places, prepare

RESOLVED = load_text("providers: {p: {type: mock}}\nmodels: {m: p/m}\n", Path("/etc/forebay.yaml"))
Answering = Callable[[bytes, dict[str, str]], tuple[int, bytes]]


@pytest.fixture
def places(tmp_path: Path) -> Places:
    places = Places(tmp_path / "run", tmp_path / "state")
    prepare(places)
    return places


def listening_on(port: int, *, tls: bool = False) -> Resolved:
    address = Address("0.0.0.0", port)
    reference = SecretReference("file", "/none")
    listen = dataclasses.replace(
        RESOLVED.listen, http=None if tls else address, https=Https(address, reference, reference) if tls else None
    )
    return dataclasses.replace(RESOLVED, listen=listen)


def ask(places: Places, answering: Answering, context: ssl.SSLContext | None = None) -> ProbeResult:
    """The probe's result against a listener that answers so."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines if line)
        status, body = answering(first.encode(), headers)
        writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\n\r\n%s" % (status, len(body), body))
        await writer.drain()
        writer.close()

    async def run() -> ProbeResult:
        async with await asyncio.start_server(connection, "127.0.0.1", 0, ssl=context) as server:
            port = server.sockets[0].getsockname()[1]
            return await asyncio.to_thread(probe, listening_on(port, tls=context is not None), places)

    return asyncio.run(run())


def ours(places: Places) -> Answering:
    def answering(first: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        assert first == f"GET {contract.PROBE} HTTP/1.1".encode()
        if headers["authorization"] != f"bearer {places.probe_key.read_text()}".lower():
            return 401, b""
        return 200, answer(places.state_key.read_bytes(), headers[NONCE], "00ff")

    return answering


def test_our_processor_makes_the_gateway_ready(places: Places) -> None:
    """With the probe's key, the nonce, and the digest of its config."""
    assert ask(places, ours(places)) == ProbeResult(True, config="00ff")


def test_tls_listeners_are_probed_without_trust(places: Places, tmp_path: Path) -> None:
    """The certificate is for the public name; the proof is in the body."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "gateway.example")])
    now = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    private = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    (tmp_path / "c.pem").write_bytes(pem + key.private_bytes(serialization.Encoding.PEM, *private))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "c.pem")
    assert ask(places, ours(places), context).ready


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"ok"),
        (200, b"[]"),
        (200, b'{"probe":"00","config":"00ff"}'),
        (200, b'{"probe":1,"config":"00ff"}'),
        (200, orjson.dumps({"probe": "é", "config": "x"})),
        (403, b""),
        (429, b""),
        (503, b""),
    ],
)
def test_any_other_answer_is_not_ready_and_says_what_is_missing(places: Places, status: int, body: bytes) -> None:
    """Another program, an empty 200, a limit, a missing processor."""
    result = ask(places, lambda *_: (status, body))
    assert not result.ready
    assert "processor" in result.missing


def test_an_answer_to_another_nonce_or_key_proves_nothing(places: Places) -> None:
    """Neither a replay nor another gateway on the same port."""
    state_key = places.state_key.read_bytes()
    assert not ask(places, lambda *_: (200, answer(state_key, "00", "00ff"))).ready
    assert not ask(places, lambda _, headers: (200, answer(b"other", headers[NONCE], "00ff"))).ready


def test_no_listener_and_no_keys_are_named(places: Places, tmp_path: Path) -> None:
    """What an operator has to look at."""
    assert "listener" in probe(listening_on(1), places).missing
    none = dataclasses.replace(RESOLVED, listen=dataclasses.replace(RESOLVED.listen, http=None, https=None))
    assert "listener" in probe(none, places).missing
    assert "keys" in probe(RESOLVED, Places(tmp_path / "x", tmp_path / "y")).missing


def test_the_answer_bears_any_nonce() -> None:
    """Whatever a caller with the probe's key sends."""
    for nonce in ("", "\udcff\ud800", "x" * 100_000):
        assert len(orjson.loads(answer(b"k", nonce, "d"))["probe"]) == 64
