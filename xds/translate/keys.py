"""KeyRing: who owns which API key. Built by the control plane from the secrets it read, and shown to nobody."""

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from forebay import contract

SHORTEST: Final = 16
JWT_SHAPE: Final = r"ey[^.,]*[.][^.,]*[.][^.,]*"  # what Envoy takes for a JWT (see `authentication`)
_SENDABLE: Final = re.compile(r"[!-~]+")  # what fits into a header and survives it: visible ASCII without spaces


class KeyRefused(Exception):
    """A key cannot be used. The message names tenants and positions, never the key; replace the key."""


@dataclass(frozen=True, slots=True)
class Key:
    """One credential and the client name it stands for: `tenant/<8 hex fingerprint>`."""

    client: str
    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Every API key of the gateway, each once, the probe's first. Equal input gives an equal ring."""

    keys: tuple[Key, ...] = field(repr=False)

    @classmethod
    def of(cls, by_tenant: Mapping[str, Iterable[str]], probe: str, salt: bytes) -> "KeyRing":
        """The ring of `by_tenant` and the readiness probe's key; `salt` keys the fingerprints in client names.

        A key that one tenant lists twice is kept once. Raises KeyRefused when two tenants hold the same key (Envoy
        would refuse the whole list and print the key), or when a key is too short, is not visible ASCII, has the
        shape of a JWT, or has the prefix that is the probe's.
        """
        owners: dict[str, str] = {probe: contract.PROBE_TENANT}
        for tenant in sorted(by_tenant):
            for position, key in enumerate(by_tenant[tenant], 1):
                _check(tenant, position, key)
                owner = owners.setdefault(key, tenant)
                if owner != tenant:
                    raise KeyRefused(f"tenants {owner} and {tenant} hold the same key: give each its own")
        return cls(tuple(Key(f"{tenant}/{_fingerprint(key, salt)}", key) for key, tenant in owners.items()))


def _check(tenant: str, position: int, key: str) -> None:
    flaw = (
        f"is shorter than {SHORTEST} characters"
        if len(key) < SHORTEST
        else "holds a space or a character that is not visible ASCII"
        if not _SENDABLE.fullmatch(key)
        else "has the shape of a JWT"
        if re.fullmatch(JWT_SHAPE, key)
        else f"begins with {contract.PROBE_KEY_PREFIX}, which is reserved"
        if key.startswith(contract.PROBE_KEY_PREFIX)
        else None
    )
    if flaw:
        raise KeyRefused(f"key {position} of tenant {tenant} {flaw}")


def _fingerprint(key: str, salt: bytes) -> str:
    return hmac.new(salt, key.encode(), hashlib.sha256).hexdigest()[:8]
