"""API keys as they stand behind a reference: one per line. Their text is checked here and shown nowhere."""

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

from forebay import contract
from forebay.config.secrets import SecretReference, SecretUnavailable

_SHORTEST: Final = 16
_LONGEST: Final = 1024
_JWT: Final = re.compile(r"ey[^.,]*[.][^.,]*[.][^.,]*")  # Envoy tells a JWT by this shape and would never ask for a key
_FORBIDDEN: Final = re.compile(r"[^\x21-\x2b\x2d-\x7e]")  # white space, comma, control characters, non-ASCII


class KeyRefused(SecretUnavailable):
    """A key cannot be used. The message names the reference and counts the keys; replace the key."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key. Its representation hides it."""

    value: str = field(repr=False)


def read_keys(reference: SecretReference) -> tuple[ApiKey, ...]:
    """The keys behind `reference`, in order; blank lines and lines that start with # are skipped.

    Raises SecretUnavailable when nothing can be read, KeyRefused (one of these) when a key is too short or too long,
    holds white space, a comma, a control or non-ASCII character, looks like a JWT or the probe's key, is listed twice,
    or when there is no key at all.
    """
    lines = (line.strip(" \t\r") for line in reference.read().split("\n"))
    texts = [line for line in lines if line and not line.startswith("#")]
    if not texts:
        raise KeyRefused(f"{reference}: holds no key")
    for number, text in enumerate(texts, 1):
        fault = _fault(text) or ("is listed twice" if text in texts[: number - 1] else None)
        if fault:
            raise KeyRefused(f"{reference}: key {number} {fault}")
    return tuple(ApiKey(text) for text in texts)


def _fault(text: str) -> str | None:
    if _FORBIDDEN.search(text):
        return "holds white space, a comma, a control or a non-ASCII character"
    if len(text) < _SHORTEST:
        return f"is shorter than {_SHORTEST} characters"
    if len(text) > _LONGEST:
        return f"is longer than {_LONGEST} characters"
    if text.startswith(contract.PROBE_KEY_PREFIX):
        return f"starts with {contract.PROBE_KEY_PREFIX}, which is reserved for the readiness probe"
    return "looks like a JWT" if _JWT.fullmatch(text) else None


def fingerprint(state_key: bytes, key: str) -> str:
    """8 hex digits that tell keys of one gateway apart and tell nothing about them without `state_key`."""
    return hashlib.blake2b(key.encode(), key=state_key, digest_size=4).hexdigest()
