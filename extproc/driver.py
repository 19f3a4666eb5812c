"""Performs a transaction's effects and feeds the answers back: one Driver per exchange, whatever the transport.

A driver never lets an exception out: whatever breaks ends the exchange closed, and the log names the kind of error,
never its text, because the text may hold what a caller sent.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

from extproc.codec import ANSWERS, UnreadableMessage, decode, encode
from extproc.messages.refusal import Refused
from extproc.policy.evaluator import PolicyError
from extproc.runtime import Runtime
from extproc.transaction import effects as fx
from extproc.transaction import events as e
from extproc.transaction.machine import Transaction
from forebay.observability.logging import describe

log = logging.getLogger(__name__)

MOST_HELD_NS: Final = 2_000_000_000  # that text of a stream is held at most


@dataclass(slots=True)
class Reply:
    """What to send to Envoy now, and whether the exchange ends after it."""

    messages: list[bytes] = field(default_factory=list)  # ProcessingResponses
    released: bool = False  # end with OK
    aborted: bool = False  # end with an error


class Driver:
    """One exchange. `receive` for each of Envoy's messages, `closed` once when Envoy or the transport ended it.

    Replies may also come unasked, when a time has passed: they are given to `send`, which must not wait. Replies go
    to Envoy in the order in which `receive` returned and `send` got them.
    """

    def __init__(self, runtime: Runtime, send: Callable[[Reply], None]) -> None:
        self._runtime = runtime
        self._send = send
        self._expiry: asyncio.TimerHandle | None = None
        self._transaction = Transaction(runtime.context)
        runtime.enter()

    async def receive(self, request: Any) -> Reply:
        """Handle one ProcessingRequest and everything that follows from it."""
        try:
            event = decode(request, time.monotonic_ns(), time.time_ns())
        except UnreadableMessage:
            log.error("unreadable message from Envoy; exchange ended closed")
            return self._perform_now(self._transaction.fail())
        reply = await self._feed(event)
        self._watch_hold()
        return reply

    async def closed(self) -> None:
        """The exchange is over; whatever was outstanding no longer matters."""
        if self._expiry is not None:
            self._expiry.cancel()
        try:
            await self._feed(e.StreamClosed(time.monotonic_ns()))
        finally:
            self._runtime.leave()

    def _watch_hold(self) -> None:
        """One timer, set anew only when it has run: most text is held for one event, and there are thousands."""
        since = self._transaction.held_since
        if since is not None and self._expiry is None:
            left = max(0, since + MOST_HELD_NS - time.monotonic_ns())
            self._expiry = asyncio.get_running_loop().call_later(left / 1e9, self._expired)

    def _expired(self) -> None:
        self._expiry = None
        since, now = self._transaction.held_since, time.monotonic_ns()
        if since is not None and now - since >= MOST_HELD_NS:
            try:
                effects = self._transaction.handle(e.HoldExpired(now))
            except Exception as error:
                log.error("exchange ended closed: %s", describe(error))
                effects = self._transaction.fail()
            self._send(self._perform_now(effects))
        self._watch_hold()

    async def _feed(self, event: e.Event) -> Reply:
        reply = Reply()
        pending: e.Event | None = event
        try:
            while pending is not None:
                effects = self._transaction.handle(pending)
                pending = None
                for effect in effects:
                    work = _WORK.get(type(effect))
                    if work is None:
                        self._note(effect, reply)
                    else:
                        pending = await work(self, effect)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.error("exchange ended closed: %s", describe(error))
            return self._perform_now(self._transaction.fail())
        return reply

    def _perform_now(self, effects: list[fx.Effect]) -> Reply:
        reply = Reply()
        for effect in effects:
            self._note(effect, reply)
        return reply

    def _note(self, effect: fx.Effect, reply: Reply) -> None:
        if type(effect) in ANSWERS:
            reply.messages.append(encode(effect))
        reply.released = reply.released or isinstance(effect, fx.Release)
        reply.aborted = reply.aborted or isinstance(effect, fx.Abort)
        if isinstance(effect, fx.Conclude):
            self._runtime.concluded(effect)

    async def _inspect(self, effect: fx.InspectBody) -> e.Event:
        try:
            inspection = await self._runtime.inspector.inspect(effect)
        except Exception as error:
            log.error("inspection failed: %s", describe(error))
            return e.InspectionFailed(time.monotonic_ns())
        return e.BodyInspected(inspection, time.monotonic_ns())

    async def _decide(self, effect: fx.DecidePolicy) -> e.Event:
        try:
            verdict = await self._runtime.decide(effect.facts)
        except PolicyError as error:
            log.error("policy gave no usable answer: %s", error.kind)
            return e.PolicyFailed(error.kind, time.monotonic_ns())
        return e.PolicyDecided(verdict, time.monotonic_ns())

    async def _restore(self, effect: fx.RestoreAnswer) -> e.Event:
        try:
            done = await self._runtime.inspector.finish(effect)
        except Refused as refused:
            return e.RestorationFailed(refused.reason, time.monotonic_ns())
        return e.AnswerRestored(done.body, done.restored, time.monotonic_ns(), done.findings, done.blocked)


_WORK: dict[type[fx.Effect], Any] = {
    fx.InspectBody: Driver._inspect,
    fx.DecidePolicy: Driver._decide,
    fx.RestoreAnswer: Driver._restore,
}
