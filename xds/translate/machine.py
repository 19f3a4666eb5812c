"""What translation has to know of the machine it runs on; the only look at the file system here."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from forebay.config.resolved import Resolved
from forebay.config.secrets import SecretReference

CANDIDATES: Final = (
    Path("/etc/ssl/certs/ca-certificates.crt"),  # Debian, Ubuntu, Alpine, Arch
    Path("/etc/pki/tls/certs/ca-bundle.crt"),  # Fedora, RHEL
    Path("/etc/ssl/ca-bundle.pem"),  # SUSE
    Path("/etc/ssl/cert.pem"),  # macOS, BSD
)


@dataclass(frozen=True, slots=True)
class Machine:
    """`links`: a path as configured -> the file it leads to, where they differ.

    Envoy re-reads a secret when its path is a new one, not when a link above it moves; mounted secrets rotate by
    moving such a link. So Envoy is told where the link leads, and told again when it leads elsewhere.
    """

    inspectors: int = 1
    system_ca: Path = CANDIDATES[0]
    links: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def path_of(self, name: str) -> str:
        """The file that `name` leads to."""
        return self.links.get(name, name)


def look(resolved: Resolved, inspectors: int = 1) -> Machine:
    """The machine as it is now: follows links, finds the system's certificate authorities. Never raises: a file that
    is not there stays as it is named, and Envoy's validation names it."""
    links = {}
    for reference in _references(resolved):
        real = os.path.realpath(reference.name)
        if real != reference.name:
            links[reference.name] = real
    return Machine(inspectors, _system_ca(), MappingProxyType(links))


def _references(resolved: Resolved) -> list[SecretReference]:
    found = [provider.key for provider in resolved.providers.values() if provider.key]
    if resolved.listen.https:
        found += [resolved.listen.https.certificate, resolved.listen.https.key]
    if resolved.auth.jwt:
        found.append(resolved.auth.jwt.jwks)
    return [reference for reference in found if reference.kind == "file"]


def _system_ca() -> Path:
    """SSL_CERT_FILE if it is set, else the first candidate there is, else the first of all: Envoy then refuses an https
    provider without its own `ca` and names the missing file."""
    named = os.environ.get("SSL_CERT_FILE")
    if named:
        return Path(named)
    return next((path for path in CANDIDATES if path.is_file()), CANDIDATES[0])
