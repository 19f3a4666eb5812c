"""Asks the real Envoy before anything is pushed: `envoy --mode validate` on the snapshot as one static file.

Secrets are replaced: neither a missing variable nor a key belongs in a validation.
"""

import datetime
import json
import subprocess
import tempfile
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from forebay import contract
from forebay.envoy_api.build import to_dict
from xds.snapshot import CDS, ECDS, LDS, RDS, SDS, Snapshot
from xds.status import redact

DEADLINE: Final = 30.0  # seconds; a validation takes 0.1
_DUMMY: Final = "dummy-for-validation"
_KEY_SET: Final = json.dumps({"keys": [{"kty": "oct", "alg": "HS256", "k": "ZHVtbXktZm9yLXZhbGlkYXRpb24"}]})
_API_KEYS: Final = "type.googleapis.com/envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth"
_INTERNAL_LISTENER: Final = "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener"


class EnvoyRefused(Exception):
    """Envoy does not accept the snapshot, so it must not be pushed. The text is redacted; the hash in it tells two
    refusals apart. Correct the config, or report a defect of the translation."""


def validate(snapshot: Snapshot, envoy: Path, absent: Collection[str] = ()) -> None:
    """Returns when the Envoy at `envoy` accepts the snapshot. `absent` files of it are there only where it is to run.

    Raises EnvoyRefused when it does not, cannot be run, or does not end in time.
    """
    with tempfile.TemporaryDirectory(prefix="forebay-validate-") as folder:  # 0700
        config = Path(folder, "bootstrap.json")
        config.write_text(json.dumps(_without_files(static_bootstrap(snapshot), absent)), "utf-8")
        command = [str(envoy), "--mode", "validate", "--config-path", str(config), "--log-level", "error"]
        try:
            done = subprocess.run(command, capture_output=True, timeout=DEADLINE, check=False, cwd=folder)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EnvoyRefused(f"envoy --mode validate: {type(error).__name__}") from None
    if done.returncode != 0:
        raise EnvoyRefused(redact((done.stdout + done.stderr).decode("utf-8", "replace"), snapshot))


def static_bootstrap(snapshot: Snapshot) -> dict[str, Any]:
    """The snapshot as a bootstrap without any xDS and without any secret. Raises KeyError on a dangling reference:
    call `Snapshot.consistent` first."""
    found = {
        kind: {name: to_dict(each.message()) for name, each in snapshot.resources[kind].items()}
        for kind in (CDS, LDS, RDS, SDS, ECDS)
    }
    filters = {name: _without_keys(each) for name, each in found[ECDS].items()}
    listeners = [_inlined(each, found[RDS], filters) for each in found[LDS].values()]
    bootstrap: dict[str, Any] = {
        "static_resources": {
            "listeners": listeners,
            "clusters": [
                *(_inlined(each, found[RDS], filters) for each in found[CDS].values()),
                *([] if contract.XDS_CLUSTER in found[CDS] else [{"name": contract.XDS_CLUSTER, "type": "STATIC"}]),
            ],
            "secrets": [_without_secret(each) for each in found[SDS].values()],
        }
    }
    if any("internal_listener" in listener for listener in listeners):
        extension = {"name": "envoy.bootstrap.internal_listener", "typed_config": {"@type": _INTERNAL_LISTENER}}
        bootstrap["bootstrap_extensions"] = [extension]
    return bootstrap


def _inlined(value: Any, routes: Mapping[str, Any], filters: Mapping[str, Any]) -> Any:
    """References to RDS, ECDS and SDS replaced by what they refer to; a secret is found by its name alone."""
    if isinstance(value, list):
        return [_inlined(item, routes, filters) for item in value]
    if not isinstance(value, dict):
        return value
    if "config_discovery" in value:  # an HTTP filter of its own
        return filters[value["name"]]
    made = {key: _inlined(item, routes, filters) for key, item in value.items() if key != "sds_config"}
    if "route_config_name" in made.get("rds", {}):
        made["route_config"] = _inlined(routes[made.pop("rds")["route_config_name"]], routes, filters)
    if "dynamic_config" in made:  # of a composite filter's action
        made["typed_config"] = made.pop("dynamic_config")
    return made


def _without_keys(config: Any) -> Any:
    """An extension config whose API keys are dummies, the client names kept."""
    if isinstance(config, list):
        return [_without_keys(item) for item in config]
    if not isinstance(config, dict):
        return config
    made = {key: _without_keys(item) for key, item in config.items()}
    if made.get("@type") == _API_KEYS:
        credentials = made.get("credentials", [])
        made["credentials"] = [{**each, "key": f"{_DUMMY}-{at}"} for at, each in enumerate(credentials)]
    return made


def _without_secret(secret: dict[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"name": secret["name"]}
    if "tls_certificate" in secret:
        certificate, key = _self_signed()
        made["tls_certificate"] = {
            "certificate_chain": {"inline_string": certificate},
            "private_key": {"inline_string": key},
        }
    elif "generic_secret" in secret:
        made["generic_secret"] = {"secret": {"inline_string": _DUMMY}}
    elif "session_ticket_keys" in secret:
        made["session_ticket_keys"] = {"keys": [{"inline_bytes": "A" * 107 + "="}]}  # 80 zero bytes
    else:
        made.update(secret)  # certificate authorities are no secret
    return made


def _without_files(value: Any, absent: Collection[str]) -> Any:
    """`value` with a stand-in for each key set and each bundle of authorities that is `absent`."""
    if isinstance(value, list):
        return [_without_files(item, absent) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _without_files(item, absent) for key, item in value.items()}
    for name in ("local_jwks", "trusted_ca"):
        if name in made and made[name].get("filename") in absent:
            made[name] = {"inline_string": _KEY_SET if name == "local_jwks" else _self_signed()[0]}
    return made


@cache
def _self_signed() -> tuple[str, str]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, _DUMMY)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=3650))
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM).decode(), private.decode()
