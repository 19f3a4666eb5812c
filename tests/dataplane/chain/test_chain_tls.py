"""TLS on both sides: the listener's certificate by SDS, the providers' verified."""

import datetime
import http.client
import ipaddress
import json
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from forebay import contract

pytestmark = pytest.mark.dataplane

AUTH = {"authorization": "Bearer key-of-acme-0123456789"}


@dataclass(frozen=True)
class Authority:
    """A certificate authority of this test's own."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate

    @classmethod
    def new(cls, folder: Path) -> "Authority":
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test authority")])
        certificate = _builder(name, name, key).add_extension(x509.BasicConstraints(True, None), True)
        signed = certificate.sign(key, hashes.SHA256())
        (folder / "ca.pem").write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        return cls(folder, key, signed)

    def issue(self, file: str, name: x509.GeneralName) -> tuple[Path, Path]:
        """Certificate and key for `name`."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file)])
        builder = _builder(subject, self.certificate.subject, key)
        signed = builder.add_extension(x509.SubjectAlternativeName([name]), False).sign(self.key, hashes.SHA256())
        paths = self.folder / f"{file}.crt", self.folder / f"{file}.key"
        paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
        no_password = serialization.NoEncryption()
        form = serialization.PrivateFormat.PKCS8
        paths[1].write_bytes(key.private_bytes(serialization.Encoding.PEM, form, no_password))
        return paths


def _builder(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
    )


CONFIG = """
listen: {https: {port: PORT, cert: "${file:CA/server.crt}", key: "${file:CA/server.key}"}}
providers:
  right: {type: openai, url: "https://localhost:RIGHT/v1", ca: CA/ca.pem}
  address: {type: openai, url: "https://127.0.0.1:ADDRESS/v1", ca: CA/ca.pem}
  misnamed: {type: openai, url: "https://localhost:WRONG/v1", ca: CA/ca.pem}
  misplaced: {type: openai, url: "https://127.0.0.1:RIGHT/v1", ca: CA/ca.pem}
  untrusted: {type: openai, url: "https://localhost:RIGHT/v1", ca: CA/other/ca.pem}
  system: {type: openai, url: "https://localhost:RIGHT/v1"}
models: {MODELS}
tenants: {acme: {keys: ["${file:HERE/acme}"]}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: Any) -> Path:
    made: Path = tmp_path_factory.mktemp("ca")
    (made / "other").mkdir()
    Authority.new(made / "other")
    authority = Authority.new(made)
    authority.issue("server", x509.DNSName("gateway.test"))
    authority.issue("right", x509.DNSName("localhost"))
    authority.issue("wrong", x509.DNSName("elsewhere.test"))
    authority.issue("address", x509.IPAddress(ipaddress.ip_address("127.0.0.1")))
    return made


@pytest.fixture(scope="module")
def hellos() -> list[tuple[str, str | None]]:
    """Which server was greeted with which name."""
    return []


@pytest.fixture(scope="module")
def gateway(
    gateways: Callable[..., Any], providers: Callable[..., Any], folder: Path, hellos: list[Any], plan_type: Any
) -> Any:
    names = ("right", "address", "misnamed", "misplaced", "untrusted", "system")
    models = ", ".join(f"{name}: {name}/m" for name in names)
    config = CONFIG.replace("CA/", f"{folder}/").replace("MODELS", models)
    for name in ("right", "wrong", "address"):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / f"{name}.crt", folder / f"{name}.key")
        context.sni_callback = lambda _socket, sni, _context, name=name: hellos.append((name, sni))
        config = config.replace(f":{name.upper()}/", f":{providers(context).port}/")
    made = gateways(config, {"acme": [AUTH["authorization"].removeprefix("Bearer ")]})
    made.processor.plan = lambda seen: plan_type(route=contract.model_route(json.loads(seen.body)["model"]))
    return made


def call(gateway: Any, folder: Path, model: str) -> tuple[int, Any]:
    """One call over TLS, with the listener's certificate verified."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    context.check_hostname = False  # the name is checked below; the connection goes to an address
    connection = http.client.HTTPSConnection("127.0.0.1", gateway.port, context=context, timeout=10)
    connection.request("POST", contract.CHAT, json.dumps({"model": model}), AUTH | {"content-type": "application/json"})
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    return response.status, body


@pytest.mark.parametrize("model", ["right", "address"])
def test_a_provider_with_the_right_name_is_reached(gateway: Any, folder: Path, hellos: Any, model: str) -> None:
    """By name with SNI, by address without."""
    hellos.clear()
    assert call(gateway, folder, model)[0] == 200
    assert hellos == [(model, "localhost" if model == "right" else None)]


@pytest.mark.parametrize("model", ["misnamed", "misplaced", "untrusted", "system"])
def test_a_provider_that_cannot_prove_its_name_gets_nothing(gateway: Any, folder: Path, model: str) -> None:
    """A wrong name, an address instead of a name, a foreign authority, one the system does not know."""
    status, body = call(gateway, folder, model)
    assert (status, body["error"]["code"]) == (503, "provider_unreachable")


def test_the_listener_speaks_tls_1_2_or_newer_with_its_certificate(gateway: Any, folder: Path) -> None:
    """Certificate by SDS; the private key's text is in no dump."""
    context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
    raw = http.client.HTTPConnection("127.0.0.1", gateway.port)
    raw.connect()
    with context.wrap_socket(raw.sock, server_hostname="gateway.test") as connection:
        assert connection.version() in ("TLSv1.2", "TLSv1.3")
    assert "PRIVATE KEY" not in gateway.admin("/config_dump?include_eds")


def test_the_record_names_the_tls_version(gateway: Any, folder: Path) -> None:
    """So that who still speaks an old one can be found."""
    call(gateway, folder, "right")
    assert gateway.record()[-1]["tls"] == "TLSv1.3"
