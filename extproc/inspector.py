"""Where bodies are read: small ones on the spot, larger ones in processes of their own.

A 10 MB prompt takes the interpreter for seconds; on the event loop it would delay every other caller by as much, and
in a queue with those of 20 KB it would delay these. So there are two such processes, each for its sizes, and in each
tenants take turns.
"""

import time
from typing import Final

from extproc.apart import Apart, JobLost
from extproc.detectors.patterns import keep_in
from extproc.detectors.scan import Detectors
from extproc.inspection import Inspection, inspect
from extproc.messages.refusal import Refused
from extproc.pattern_store import PatternStore, folder
from extproc.streams.whole import Finished, finish
from extproc.transaction.effects import InspectBody, RestoreAnswer
from forebay.config import defaults
from forebay.outcomes import Reason

LARGE: Final = 16 * 1024  # bytes; below it the densest body takes some fifty milliseconds, an ordinary one two
HUGE: Final = 512 * 1024  # bytes; below it an ordinary body takes some tens of milliseconds
RESTORE_SECONDS: Final = 5.0  # the largest answer that is restored takes a third of it
MOST_SECONDS: Final = 8.0  # for a whole answer: Envoy gives up after ten

# What is slow the first time (patterns, vocabularies) is done on this before a caller could have to wait for it.
SAMPLE = InspectBody(
    operation="chat",
    body=b'{"model":"sample","messages":[{"role":"user","content":"Write to maria.rossi@example.com"}]}',
    tenant="sample",
    guards=defaults.GUARDS,
    caps=defaults.CAPS,
)


class InspectionTimedOut(Exception):
    """The detectors missed the deadline that the tenant's guards state, or their process died of the body."""


class Inspector:
    """Inspects prompts, guards and restores answers for one processor. Close it to end the processes beside it."""

    def __init__(self, state_key: bytes) -> None:
        self._state_key = state_key
        self._detectors = _detectors()
        self._large = Apart(_prepare, state_key)
        self._huge = Apart(_prepare, state_key)

    async def inspect(self, work: InspectBody) -> Inspection:
        """The inspection of one body.

        Raises InspectionTimedOut, or whatever a defective detector raised; the caller treats both as a failed guard.
        """
        if len(work.body) < LARGE:
            return _inspect(work, self._detectors, self._state_key)
        try:
            return await self._process_for(work.body).run(work.guards.deadline, _inspect_here, work, tenant=work.tenant)
        except JobLost:
            raise InspectionTimedOut from None

    async def finish(self, work: RestoreAnswer) -> Finished:
        """A whole answer guarded and restored. Raises Refused(ANSWER_UNREADABLE), also when it takes too long."""
        given = (work.body, dict(work.values), work.guards, work.prints, work.operation)
        if len(work.body) < LARGE:
            return finish(*given)
        deadline = min(RESTORE_SECONDS + (work.guards.deadline if work.guards else 0), MOST_SECONDS)
        try:
            return await self._process_for(work.body).run(deadline, finish, *given, tenant=work.tenant)
        except JobLost:
            raise Refused(Reason.ANSWER_UNREADABLE) from None

    def warm(self) -> None:
        """Inspect a sample, and start the processes now rather than at the first body for them."""
        self._detectors.prepare()
        _inspect(SAMPLE, self._detectors, self._state_key)
        self._large.start()
        self._huge.start()

    def close(self) -> None:
        """End the processes beside this one, at once."""
        self._large.close()
        self._huge.close()

    def _process_for(self, body: bytes) -> Apart:
        return self._large if len(body) < HUGE else self._huge


_here: tuple[Detectors, bytes] | None = None  # of a process beside, set once at its start


def _detectors() -> Detectors:
    place = folder()
    if place is not None:
        keep_in(PatternStore(place))
    return Detectors()


def _prepare(state_key: bytes) -> None:
    global _here
    _here = (_detectors(), state_key)
    _here[0].prepare()
    _inspect(SAMPLE, *_here)


def _inspect_here(work: InspectBody) -> Inspection:
    if _here is None:
        raise RuntimeError("the process was not prepared")
    return _inspect(work, *_here)


def _inspect(work: InspectBody, detectors: Detectors, state_key: bytes) -> Inspection:
    return inspect(
        work.operation, work.body, work.tenant, work.guards, work.caps, detectors, state_key, time.perf_counter_ns
    )
