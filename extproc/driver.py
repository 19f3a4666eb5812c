"""Performs a transaction's effects and feeds the answers back: one Driver per exchange, whatever the transport.

A driver never lets an exception out: whatever breaks ends the exchange closed, and the log names the kind of error,
never its text, because the text may hold what a caller sent.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
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

    def __init__(self, runtime: Runtime, send: Callable[[Reply], None], most_held: int = MOST_HELD_NS) -> None:
        """`most_held`: nanoseconds that text of a stream is held."""
        self._runtime = runtime
        self._send = send
        self._most_held = most_held
        self._expiry: asyncio.TimerHandle | None = None
        self._working = False
        self._transaction = Transaction(runtime.context)
        runtime.enter()

    def receive(self, request: Any) -> Reply | Coroutine[Any, Any, Reply]:
        """Handle one ProcessingRequest: the reply, or where work has to be done for it, what gives the reply."""
        try:
            event = decode(request, time.monotonic_ns(), time.time_ns())
        except UnreadableMessage:
            log.error("unreadable message from Envoy; exchange ended closed")
            return self._perform_now(self._transaction.fail())
        reply = Reply()
        try:
            work = self._handle(event, reply)
        except Exception as error:
            return self._failed(error)
        if work is not None:
            return self._work(work, reply)
        self._watch_hold()
        return reply

    def closed(self) -> None:
        """The exchange is over; whatever was outstanding no longer matters."""
        if self._expiry is not None:
            self._expiry.cancel()
        try:
            self._handle(e.StreamClosed(time.monotonic_ns()), Reply())
        except Exception as error:
            self._failed(error)
        finally:
            self._runtime.leave()

    def _watch_hold(self) -> None:
        """One timer, set anew only when it has run: most text is held for one event, and there are thousands."""
        since = self._transaction.held_since
        if since is not None and self._expiry is None:
            left = max(0, since + self._most_held - time.monotonic_ns())
            self._expiry = asyncio.get_running_loop().call_later(left / 1e9, self._expired)

    def _expired(self) -> None:
        self._expiry = None
        if self._working:
            return  # it is looked at when that is done
        since, now = self._transaction.held_since, time.monotonic_ns()
        if since is not None and now - since >= self._most_held:
            reply = Reply()
            try:
                self._handle(e.HoldExpired(now), reply)
            except Exception as error:
                reply = self._failed(error)
            self._send(reply)
        self._watch_hold()

    def _handle(self, event: e.Event, reply: Reply) -> fx.Effect | None:
        """Perform what `event` leads to; returns the work that must be done before it goes on, if any."""
        outstanding = None
        for effect in self._transaction.handle(event):
            if type(effect) in _WORK:
                outstanding = effect
            else:
                self._note(effect, reply)
        return outstanding

    async def _work(self, effect: fx.Effect, reply: Reply) -> Reply:
        outstanding: fx.Effect | None = effect
        self._working = True
        try:
            while outstanding is not None:
                if reply.messages and isinstance(outstanding, fx.GiveWay):
                    self._send(reply)  # what is ready goes out before others have their turn
                    reply = Reply()
                outstanding = self._handle(await _WORK[type(outstanding)](self, outstanding), reply)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            return self._failed(error)
        finally:
            self._working = False
        self._watch_hold()
        return reply

    def _failed(self, error: Exception) -> Reply:
        log.error("exchange ended closed: %s", describe(error))
        return self._perform_now(self._transaction.fail())

    def _perform_now(self, effects: list[fx.Effect]) -> Reply:
        reply = Reply()
        for effect in effects:
            self._note(effect, reply)
        return reply

    def _note(self, effect: fx.Effect, reply: Reply) -> None:
        if type(effect) in ANSWERS:
            reply.messages.append(encode(effect))
        elif isinstance(effect, fx.Conclude):
            self._runtime.concluded(effect)
        elif isinstance(effect, fx.Release):
            reply.released = True
        elif isinstance(effect, fx.Abort):
            reply.aborted = True

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

    async def _give_way(self, effect: fx.GiveWay) -> e.Event:
        await self._runtime.turns.mine()
        return e.WayGiven(time.monotonic_ns())


_WORK: dict[type[fx.Effect], Any] = {
    fx.InspectBody: Driver._inspect,
    fx.DecidePolicy: Driver._decide,
    fx.RestoreAnswer: Driver._restore,
    fx.GiveWay: Driver._give_way,
}
