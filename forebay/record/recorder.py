"""The recorder: the process that publishes the record and answers for the whole gateway's metrics and readiness.

Its work is in three places: the tail (a thread, because it waits for the disk), the endpoint, and the config it labels
by. Nothing here decides about traffic: with the recorder down the gateway serves, and nothing is lost.
"""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import orjson

from forebay.config.errors import ConfigErrors
from forebay.config.load import load, load_text
from forebay.config.resolved import Address, Resolved
from forebay.observability import health
from forebay.observability.logging import describe
from forebay.observability.probe import ProbeResult, probe
from forebay.places import Places
from forebay.record.checkpoint import CheckpointUnreadable
from forebay.record.endpoint import PLAIN, Endpoint, Page
from forebay.record.metrics import Metrics
from forebay.record.tail import Limits, Step, Tail, TailBusy

PAUSE: Final = 0.2  # seconds between looks at a file that was read to its end
RETRY: Final = 1.0  # seconds after a failure
CONFIG_PAUSE: Final = 1.0
PROBE_FRESH: Final = 1.0  # seconds for which a probe's result is good
ALIVE: Final = 15.0  # seconds without a finished step after which the recorder is not alive
LOCK_PATIENCE: Final = 10.0  # seconds for a recorder that is going down to let go

_log = logging.getLogger(__name__)


async def serve(source: Path, places: Places, limits: Limits | None = None) -> int:
    """Run until SIGTERM or SIGINT; then publish what Envoy has written so far and return 0.

    `source` is the config file: it is read for names and the metrics address at the start; from then on what the
    control plane publishes is in force. Returns 1 when it cannot serve: the state directory or the checkpoint cannot be
    used, another recorder has it, or the configured address is taken.
    """
    recorder = _Recorder(source, places, limits or Limits())
    return await recorder.run()


class _Recorder:
    def __init__(self, source: Path, places: Places, limits: Limits) -> None:
        self._source, self._places, self._limits = source, places, limits
        self._metrics = Metrics()
        self._readiness = Readiness(places)
        self._resolved: Resolved | None = None
        self._stopping = asyncio.Event()
        self._stepped = time.monotonic()
        self._endpoint = Endpoint(
            {"/metrics": self._page_metrics, "/livez": self._page_live, "/readyz": self._page_ready}
        )
        self._tcp: asyncio.Server | None = None

    async def run(self) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        if not await self._read_config():
            await self._read_last_good()
        tail: Tail | None = None
        try:
            tail = await self._first_tail()
            local = await self._endpoint.on_socket(self._places.recorder_socket)
            await self._listen(None, self._address())
        except (OSError, TailBusy, CheckpointUnreadable) as error:
            _log.error("the recorder cannot serve", extra={"fields": {"error": describe(error), "hint": _hint(error)}})
            if tail is not None:
                tail.close()
            return 1
        _log.info("recording")
        watching = asyncio.create_task(self._watch())
        try:
            drained = await self._record(tail)
        finally:
            watching.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watching
            local.close()
            if self._tcp is not None:
                self._tcp.close()
            self._places.recorder_socket.unlink(missing_ok=True)
        _log.info("recorder ends", extra={"fields": {"every_record_published": drained}})
        return 0 if drained else 1

    async def _first_tail(self) -> Tail:
        """The tail, once a recorder before us has let go. Raises TailBusy, CheckpointUnreadable, OSError."""
        deadline = time.monotonic() + LOCK_PATIENCE
        while True:
            try:
                return self._new_tail()
            except TailBusy:
                if time.monotonic() > deadline or self._stopping.is_set():
                    raise
                await asyncio.sleep(PAUSE)

    def _new_tail(self) -> Tail:
        admin = self._places.admin_socket
        return Tail(self._places, lambda: health.request(admin, "POST", "/reopen_logs").status == 200, self._limits)

    async def _record(self, first: Tail) -> bool:
        """Publish until told to stop and nothing is left (true); after a failure go on from the checkpoint.

        False when told to stop while publishing fails: the next start goes on from the checkpoint.
        """
        tail: Tail | None = first
        while True:
            stopping = self._stopping.is_set()  # looked at before the step: what was there by then is published
            try:
                tail = tail or self._new_tail()
                step = await asyncio.to_thread(tail.step)
            except (OSError, TailBusy, CheckpointUnreadable) as error:
                self._metrics.failed()
                _log.error("recording failed, trying again", extra={"fields": {"error": describe(error)}})
                if tail is not None:
                    tail.close()
                    tail = None
                if stopping:
                    return False
                await self._sleep(RETRY)
                continue
            await asyncio.to_thread(self._account, step)
            if step.idle and stopping:
                break
            if step.idle or not (step.backlog or step.rotated):  # more lines at a time cost less each
                await self._sleep(PAUSE)
        tail.close()
        return True

    def _account(self, step: Step) -> None:
        self._stepped = time.monotonic()
        self._metrics.step(step, time.time())
        if step.gaps:
            _log.warning("Envoy's record was rewritten or taken away before its end was read")

    async def _sleep(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), seconds)

    async def _watch(self) -> None:
        seen = None  # the file at the start may hold what the control plane refuses
        while True:
            await asyncio.sleep(CONFIG_PAUSE)
            stamp = _stamp(self._places.published)
            if stamp is None or stamp == seen:
                continue
            seen = stamp
            before = self._address()
            await self._read_last_good()
            try:
                await self._listen(before, self._address())
            except OSError as error:
                self._metrics.failed()
                _log.error("the metrics address cannot be used", extra={"fields": {"error": describe(error)}})

    async def _read_config(self) -> bool:
        """Take the config file as it is now; where it cannot be read the last good one stays."""
        return await self._take(lambda: load(self._source))

    async def _read_last_good(self) -> bool:
        """Take the config that was accepted last: one that was just published, or a start with a bad file."""
        return await self._take(lambda: load_text(self._places.last_good.read_text("utf-8"), self._source))

    async def _take(self, read: Callable[[], Resolved]) -> bool:
        try:
            self._resolved = await asyncio.to_thread(read)
        except (ConfigErrors, OSError, UnicodeDecodeError) as error:
            self._metrics.config_failed()
            _log.warning("a config could not be read", extra={"fields": {"error": describe(error)}})
            return False
        self._metrics.configure(self._resolved)
        return True

    def _address(self) -> Address | None:
        return self._resolved.telemetry.prometheus if self._resolved else None

    async def _listen(self, before: Address | None, now: Address | None) -> None:
        if before == now and self._tcp is not None:
            return
        if self._tcp is not None:
            self._tcp.close()
            self._tcp = None
        if now is not None:
            self._tcp = await self._endpoint.on_address(now)

    async def _page_metrics(self, accept: str) -> Page:
        body, content_type = await asyncio.to_thread(self._metrics.render, accept)
        return Page(200, content_type, body)

    async def _page_live(self, _: str) -> Page:
        return Page(200, PLAIN, b"alive\n") if self._alive() else Page(503, PLAIN, b"the recorder is stuck\n")

    async def _page_ready(self, _: str) -> Page:
        result = await self._ready()
        body = {"ready": result.ready, "missing": result.missing or None, "config": result.config}
        return Page(200 if result.ready else 503, "application/json", orjson.dumps(body) + b"\n")

    async def _ready(self) -> ProbeResult:
        if not self._alive():
            return ProbeResult(False, "a recorder that records")
        if self._resolved is None:
            return ProbeResult(False, "a readable config")
        return await self._readiness.result(self._resolved)

    def _alive(self) -> bool:
        return time.monotonic() - self._stepped < ALIVE


class Readiness:
    """The probe's result, asked anew when it is older than PROBE_FRESH, by one question at a time."""

    def __init__(self, places: Places) -> None:
        self._places = places
        self._lock = asyncio.Lock()
        self._result = ProbeResult(False, "a first probe")
        self._at = float("-inf")

    async def result(self, resolved: Resolved) -> ProbeResult:
        """Whether the gateway behind `resolved` serves; never raises."""
        async with self._lock:
            if time.monotonic() - self._at >= PROBE_FRESH:
                self._result = await asyncio.to_thread(probe, resolved, self._places)
                self._at = time.monotonic()
            return self._result


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None  # a file that is being replaced: it is back at the next look
    return facts.st_ino, facts.st_mtime_ns, facts.st_size


def _hint(error: BaseException) -> str:
    """Our own exceptions' words, which name paths of ours; nobody else's."""
    return str(error) if isinstance(error, TailBusy | CheckpointUnreadable) else "see the error's type"
