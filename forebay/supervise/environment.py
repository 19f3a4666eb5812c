"""Which variables each part is given: what it needs to run, and the secrets it reads, by name. Nothing else."""

import os
from collections.abc import Iterable

from forebay.config.resolved import Resolved
from forebay.config.secrets import SecretReference

_PYTHON = (
    *("PATH", "HOME", "XDG_CACHE_HOME", "LANG", "LC_ALL", "TMPDIR", "TZ"),
    *("PYTHONPATH", "VIRTUAL_ENV", "COVERAGE_PROCESS_START"),
)

_SETTINGS = {
    "PYTHONUNBUFFERED": "1",
    "GRPC_ENABLE_FORK_SUPPORT": "0",  # our forks exec at once; gRPC's handlers would only log that they were skipped
}


def envoy(resolved: Resolved) -> dict[str, str]:
    """PATH and what the config's references name: Envoy reads provider keys and certificates itself."""
    return _pick(("PATH", *_names([*_provider_keys(resolved), *_tls(resolved)])))


def xds(resolved: Resolved) -> dict[str, str]:
    """Callers' keys become filter configuration, so the control plane reads them. Provider keys stay out."""
    return _python(_names([*_callers(resolved), *_tls(resolved)]))


def mock(keys: Iterable[SecretReference | None]) -> dict[str, str]:
    """The built-in providers check the key they are called with."""
    return _python(_names(key for key in keys if key is not None))


def plain() -> dict[str, str]:
    """Inspectors and the recorder hold no secret of the config."""
    return _python(())


def _python(names: Iterable[str]) -> dict[str, str]:
    return {**_pick((*_PYTHON, *names)), **_SETTINGS}


def _pick(names: Iterable[str]) -> dict[str, str]:
    return {name: os.environ[name] for name in names if name in os.environ}


def _names(references: Iterable[SecretReference]) -> list[str]:
    return [reference.name for reference in references if reference.kind == "env"]


def _provider_keys(resolved: Resolved) -> list[SecretReference]:
    return [provider.key for provider in resolved.providers.values() if provider.key is not None]


def _tls(resolved: Resolved) -> list[SecretReference]:
    https = resolved.listen.https
    return [https.certificate, https.key] if https is not None else []


def _callers(resolved: Resolved) -> list[SecretReference]:
    keys = [key for tenant in resolved.tenants.values() for key in tenant.keys]
    return [*keys, resolved.auth.jwt.jwks] if resolved.auth.jwt is not None else keys
