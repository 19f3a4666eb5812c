"""Keeps the processor's Runtime in step with what the control plane has accepted: whole or not at all."""

import asyncio
import logging
from pathlib import Path

from extproc.inspector import Inspector
from extproc.policy.evaluator import Evaluator, PolicyInvalid
from extproc.redactable import REDACTABLE
from extproc.runtime import Runtime
from extproc.transaction.holdings import Holdings
from extproc.turns import Turns
from forebay.config.errors import ConfigErrors
from forebay.config.load import load
from forebay.config.published import last_good, published_digest
from forebay.config.resolved import Resolved
from forebay.observability.logging import describe
from forebay.places import Places

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5


class Loader:
    """Owns the Runtime in service."""

    def __init__(self, source: Path, places: Places) -> None:
        self._source = source
        self._places = places
        self._state_key = places.state_key.read_bytes()
        self._inspector = Inspector(self._state_key)
        self._holdings = Holdings()
        self._turns = Turns()
        self._current: Runtime | None = None
        self._refused = ""  # why what was published is not in service; empty = it is, or will be
        self._closing: set[asyncio.Future[None]] = set()

    @property
    def current(self) -> Runtime:
        """The configuration that new exchanges begin on."""
        if self._current is None:
            raise RuntimeError("not started")
        return self._current

    async def start(self) -> None:
        """Load what is published; where nothing is, the config file; where that is unusable, the last good one.

        Raises ConfigErrors when none can be used.
        """
        published = await asyncio.to_thread(self._published)
        try:
            resolved = published if published is not None else await asyncio.to_thread(load, self._source)
            self._current = await self._compiled(resolved)
        except (ConfigErrors, PolicyInvalid) as errors:
            self._current = await self._last_good(_as_config_errors(errors))
            lines = {"lines": str(errors).splitlines()}
            log.error("the config is not usable, serving the last good one:", extra=lines)
        self._inspector.warm()

    async def watch(self) -> None:
        """Take over every config that is published; say why where that fails, and try again; never return.

        An edited file alone changes nothing: the control plane decides whether it is good.
        """
        while True:
            await asyncio.sleep(POLL_SECONDS)
            try:
                await self._follow()
                self._refused = ""
            except PolicyInvalid as errors:
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
            return await self._compiled(await asyncio.to_thread(last_good, self._places, self._source))
        except (OSError, UnicodeDecodeError, ConfigErrors, PolicyInvalid):
            raise refusal from None

    def _published(self) -> Resolved | None:
        """The config in force; None when there is none, or its files are changing just now."""
        digest = published_digest(self._places)
        if not digest:
            return None
        try:
            resolved = last_good(self._places, self._source)
        except (OSError, UnicodeDecodeError, ConfigErrors):
            return None
        return resolved if resolved.digest == digest else None

    async def _follow(self) -> None:
        """Raises PolicyInvalid; nothing has changed then."""
        in_service = self.current.resolved.digest
        if await asyncio.to_thread(published_digest, self._places) in ("", in_service):
            return
        resolved = await asyncio.to_thread(self._published)  # the loop belongs to the callers
        if resolved is None or resolved.digest == in_service:
            return
        runtime = await self._compiled(resolved)
        # a policy file may have changed between its digest and its compilation
        if await asyncio.to_thread(self._published) == resolved:
            self._swap(runtime)
        else:
            await runtime.close()

    def _refuse(self, why: str) -> None:
        if why != self._refused:  # said once, however often it is tried
            lines = {"lines": why.splitlines()}
            log.error("the published config cannot be used yet, the one before stays:", extra=lines)
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
        runtime = Runtime(resolved, self._inspector, evaluator, self._state_key, self._holdings, self._turns)
        await asyncio.to_thread(runtime.warm)
        return runtime


def _as_config_errors(errors: ConfigErrors | PolicyInvalid) -> ConfigErrors:
    return errors if isinstance(errors, ConfigErrors) else errors.as_config_errors()
