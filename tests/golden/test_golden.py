"""Config in, resources out, as files to read: `<case>/in.yaml` and what Envoy is told for it.

Refresh with `pytest tests/golden --update-golden`. API keys are masked in the files.
"""

import datetime
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from forebay.config.load import load_text
from forebay.config.resolved import Resolved
from forebay.envoy_api.build import to_dict
from forebay.places import Places
from xds.snapshot import CDS, ECDS, LDS, RDS, SDS, Snapshot
from xds.translate.keys import KeyRing
from xds.translate.machine import Machine
from xds.translate.translation import translate
from xds.validate import validate

HERE = Path(__file__).parent
CASES = sorted(path.parent.name for path in HERE.glob("*/in.yaml"))
FILES = {"listeners.yaml": (LDS,), "routes.yaml": (RDS,), "clusters.yaml": (CDS,), "secrets.yaml": (SDS, ECDS)}
PLACES = Places(Path("/run/forebay"), Path("/var/lib/forebay"))
SOURCE = Path("/etc/forebay/forebay.yaml")
MACHINE = Machine(inspectors=1, system_ca=Path("/etc/ssl/certs/ca-certificates.crt"))


def resolved(case: str) -> Resolved:
    return load_text((HERE / case / "in.yaml").read_text("utf-8"), SOURCE)


def ring(config: Resolved) -> KeyRing:
    """A key for every tenant that has keys, of no meaning."""
    keys = {name: [f"key-of-{name}-{'0' * 16}"] for name, tenant in config.tenants.items() if tenant.keys}
    return KeyRing.of(keys, "fbp-probe", b"salt")


def rendered(snapshot: Snapshot) -> dict[str, str]:
    """File name -> text."""
    return {
        name: yaml.safe_dump_all(
            [_masked(to_dict(each.message())) for kind in kinds for each in snapshot.resources[kind].values()],
            width=200,
            allow_unicode=True,
        )
        for name, kinds in FILES.items()
    }


def _masked(value: Any) -> Any:
    if isinstance(value, list):
        return [_masked(each) for each in value]
    if not isinstance(value, dict):
        return value
    masked = {key: _masked(each) for key, each in value.items()}
    if set(masked) == {"key", "client"}:
        masked["key"] = "(masked)"
    return masked


@pytest.mark.parametrize("case", CASES)
def test_a_config_becomes_the_resources_on_file(case: str, update_golden: bool) -> None:
    """Whoever changes the translation sees here what changes for Envoy."""
    config = resolved(case)
    texts = rendered(translate(config, PLACES, ring(config), MACHINE))
    if update_golden:
        for name, text in texts.items():
            (HERE / case / name).write_text(text, "utf-8")
        for orphan in {path.name for path in (HERE / case).iterdir()} - {*texts, "in.yaml"}:
            (HERE / case / orphan).unlink()
    assert {name: (HERE / case / name).read_text("utf-8") for name in texts} == texts
    assert {path.name for path in (HERE / case).iterdir()} == {*texts, "in.yaml"}


@pytest.mark.parametrize("case", CASES)
def test_the_same_config_gives_the_same_bytes(case: str) -> None:
    """Versions are content hashes, so translation must be deterministic; and no reference dangles."""
    config = resolved(case)
    snapshot = translate(config, PLACES, ring(config), MACHINE)
    snapshot.consistent()
    assert translate(resolved(case), PLACES, ring(config), MACHINE).version == snapshot.version


@pytest.mark.dataplane
@pytest.mark.parametrize("case", CASES)
def test_envoy_accepts_the_resources(case: str, tmp_path: Path) -> None:
    """The real one, in validation mode; only files that must exist are put elsewhere."""
    config = resolved(case)
    places = Places(tmp_path, tmp_path)
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [{"kty": "oct", "k": "AAAA", "alg": "HS256"}]}))
    (tmp_path / "ca.pem").write_bytes(_authority())
    links = {str(SOURCE.with_name("jwks.json")): str(tmp_path / "jwks.json")}
    machine = Machine(system_ca=tmp_path / "ca.pem", links=links)
    validate(translate(config, places, ring(config), machine), Path(sys.executable).parent / "envoy")


def test_there_are_cases() -> None:
    """An empty folder would pass everything above."""
    assert len(CASES) >= 6


def _authority() -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
