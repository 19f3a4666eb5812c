"""Keeps the processor's Runtime in step with the config file: whole or not at all, last good kept."""

import asyncio
import hashlib
import logging
from pathlib import Path

from extproc.detectors.pii_numbers import PII_TYPES
from extproc.detectors.secret_rules import SECRET_RULES
from extproc.inspector import Inspector
from extproc.policy.evaluator import Evaluator, PolicyInvalid
from extproc.runtime import Runtime
from forebay.config.errors import ConfigErrors
from forebay.config.load import load, load_text
from forebay.config.resolved import Resolved
from forebay.observability.logging import describe
from forebay.places import Places

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
RETRY_SECONDS = 5.0  # a refused config may become good by a file that nobody knew to watch

# What a policy may demand the redaction of: a misspelt type must not pass for one that was never found.
REDACTABLE = frozenset({*PII_TYPES, *(rule.id for rule in SECRET_RULES)})


class Loader:
    """Owns the Runtime in service."""

    def __init__(self, source: Path, places: Places) -> None:
        self._source = source
        self._places = places
        self._state_key = places.state_key.read_bytes()
        self._inspector = Inspector(self._state_key)
        self._current: Runtime | None = None
        self._seen = b""  # of the files that were last read
        self._refused = ""  # why they are not in service; empty = they are
        self._closing: set[asyncio.Future[None]] = set()

    @property
    def current(self) -> Runtime:
        """The configuration that new exchanges begin on."""
        if self._current is None:
            raise RuntimeError("not started")
        return self._current

    async def start(self) -> None:
        """Load the config; where it is unusable, the last good one.

        Raises ConfigErrors when neither can be used.
        """
        try:
            self._current = await self._compiled(load(self._source))
        except (ConfigErrors, PolicyInvalid) as errors:
            self._current = await self._last_good(_as_config_errors(errors))
            self._refused = str(errors)
            log.error("the config is not usable, serving the last good one:\n%s", errors)
        self._inspector.warm()

    async def watch(self) -> None:
        """Take over every good change of the config or its policy files; report every bad one; never return."""
        since = 0.0
        while True:
            await asyncio.sleep(POLL_SECONDS)
            since += POLL_SECONDS
            seen = await asyncio.to_thread(self._fingerprint)
            if seen == self._seen and (not self._refused or since < RETRY_SECONDS):
                continue
            self._seen, since = seen, 0.0
            try:
                await self._take_over()
                self._refused = ""
            except (ConfigErrors, PolicyInvalid) as errors:
                self._refuse(str(errors))
            except Exception as error:  # a defect of ours must not end the watching
                self._refuse(describe(error))

    async def close(self) -> None:
        """End every process this loader started."""
        if self._current is not None:
            await self._current.close()
        await asyncio.gather(*self._closing)
        self._inspector.close()

    async def _last_good(self, refusal: ConfigErrors) -> Runtime:
        """What was served before. Raises `refusal` when that cannot be used either."""
        try:
            text = self._places.last_good.read_text("utf-8")
            return await self._compiled(load_text(text, self._source))
        except (OSError, UnicodeDecodeError, ConfigErrors, PolicyInvalid):
            raise refusal from None

    async def _take_over(self) -> None:
        """Raises ConfigErrors or PolicyInvalid; nothing has changed then."""
        resolved = await asyncio.to_thread(load, self._source)  # the loop belongs to the callers
        if resolved.digest != self.current.resolved.digest:
            self._swap(await self._compiled(resolved))

    def _refuse(self, why: str) -> None:
        if why != self._refused:  # said once, however often it is tried
            log.error("the changed config is not usable, the last good one stays:\n%s", why)
        self._refused = why

    def _swap(self, runtime: Runtime) -> None:
        old, self._current = self.current, runtime
        log.info("config in service digest=%s", runtime.resolved.digest)
        old.retire(lambda: self._close_later(old))

    def _close_later(self, runtime: Runtime) -> None:
        task = asyncio.ensure_future(runtime.close())
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    async def _compiled(self, resolved: Resolved) -> Runtime:
        policies = resolved.policies
        evaluator = None
        if policies.files and policies.mode != "off":
            evaluator = Evaluator(policies.files, policies.deadline, REDACTABLE)
            await evaluator.start()
        runtime = Runtime(resolved, self._inspector, evaluator, self._state_key)
        await asyncio.to_thread(runtime.warm)
        return runtime

    def _fingerprint(self) -> bytes:
        policies = self._current.resolved.policies.files if self._current else ()
        digest = hashlib.sha256()
        for path in (self._source, *policies, *sorted({policy.parent for policy in policies})):
            try:
                digest.update(_names(path) if path.is_dir() else path.read_bytes())
            except OSError as error:  # a file in the middle of being replaced: looked at again next time
                digest.update(type(error).__name__.encode())
        return digest.digest()


def _names(folder: Path) -> bytes:
    """The policy files in a folder: one more or less may change what a pattern means."""
    return "\0".join(sorted(each.name for each in folder.glob("*.rego"))).encode("utf-8", "surrogateescape")


def _as_config_errors(errors: ConfigErrors | PolicyInvalid) -> ConfigErrors:
    return errors if isinstance(errors, ConfigErrors) else errors.as_config_errors()
