"""What a config refers to (keys, certificates, key sets): where each reference is written, and what is wrong with it.

One rule for everybody who asks: `forebay validate`, `forebay up` and the control plane.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from forebay.config.errors import Location, Problem, show
from forebay.config.fields import hide
from forebay.config.keys import KeyRefused, read_keys
from forebay.config.resolved import Resolved
from forebay.config.secrets import SecretReference, SecretUnavailable
from forebay.config.tree import parse


@dataclass(frozen=True, slots=True)
class Examined:
    """What was found behind references: callers' keys by tenant, and what is wrong, in the order of the file.

    A `missing` reference cannot be read here, which says nothing of the machine that the gateway runs on; `absent` are
    the files among them. A `problem` was read and cannot be used.
    """

    keys: Mapping[str, list[str]] = field(repr=False)
    problems: tuple[Problem, ...]
    missing: tuple[Problem, ...]
    absent: frozenset[str]


def examine(resolved: Resolved, text: str, source: Path) -> Examined:
    """Every reference of `resolved`, which was made of `text`. The problems name `source` and never a value."""
    return _Examination(text, source).of([*_callers(resolved), *_public(resolved), *_secrets(resolved)])


def examine_own(resolved: Resolved, text: str, source: Path) -> Examined:
    """The same for what the control plane may read: not the secrets that Envoy alone holds."""
    return _Examination(text, source).of([*_callers(resolved), *_public(resolved)])


@dataclass(frozen=True, slots=True)
class _Use:
    location: Location
    reference: SecretReference
    tenant: str = ""  # whose keys it holds; empty = something else
    is_path: bool = False  # written without ${file:...}


def _callers(resolved: Resolved) -> Iterator[_Use]:
    for tenant in resolved.tenants.values():
        for at, key in enumerate(tenant.keys):
            yield _Use(("tenants", tenant.name, "keys", at), key, tenant.name)


def _public(resolved: Resolved) -> Iterator[_Use]:
    for name, provider in resolved.providers.items():
        if provider.ca:
            yield _Use(("providers", name, "ca"), SecretReference("file", str(provider.ca)), is_path=True)
    if jwt := resolved.auth.jwt:
        yield _Use(("auth", "jwt", "jwks"), jwt.jwks)


def _secrets(resolved: Resolved) -> Iterator[_Use]:
    for name, provider in resolved.providers.items():
        if provider.key:
            yield _Use(("providers", name, "key"), provider.key)
    if https := resolved.listen.https:
        yield _Use(("listen", "https", "cert"), https.certificate)
        yield _Use(("listen", "https", "key"), https.key)


class _Examination:
    """Collects what is wrong, each at its place."""

    def __init__(self, text: str, source: Path) -> None:
        self._tree = parse(text, source, hide)
        self._source = source
        self._owners: dict[str, str] = {}  # tenants by key
        self._keys: dict[str, list[str]] = {}
        self._problems: list[Problem] = []
        self._missing: list[Problem] = []
        self._absent: set[str] = set()

    def of(self, uses: list[_Use]) -> Examined:
        for use in uses:
            try:
                self._read(use)
            except KeyRefused as error:
                self._problems.append(self._problem(use, str(error)))
            except SecretUnavailable as error:
                said = str(error).removeprefix("${file:").replace("}: ", ": ", 1) if use.is_path else str(error)
                self._missing.append(self._problem(use, said))
                if use.reference.kind == "file":
                    self._absent.add(use.reference.name)
        return Examined(self._keys, _sorted(self._problems), _sorted(self._missing), frozenset(self._absent))

    def _read(self, use: _Use) -> None:
        """Raises SecretUnavailable, or KeyRefused (one of these)."""
        if use.tenant:
            for key in read_keys(use.reference):
                self._keep(use, key.value)
            return
        text = use.reference.read()
        if use.location == ("auth", "jwt", "jwks") and not _is_key_set(text):
            self._problems.append(self._problem(use, f'{use.reference}: not a JSON object with a list "keys"'))

    def _keep(self, use: _Use, key: str) -> None:
        owner = self._owners.setdefault(key, use.tenant)
        if owner == use.tenant:
            self._keys.setdefault(use.tenant, []).append(key)
            return
        said = f"{use.reference}: holds a key that tenant {owner} holds, too: give each its own"
        self._problems.append(self._problem(use, said))

    def _problem(self, use: _Use, message: str) -> Problem:
        mark = self._tree.mark(use.location, key=False)
        return Problem(self._source, mark.line, mark.column, show(hide(use.location)), message)


def _is_key_set(text: str) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and isinstance(found.get("keys"), list)


def _sorted(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(problems, key=lambda each: (each.line, each.column, each.path)))
