"""The table and the stories put together: one Transaction per request."""

from collections.abc import Callable
from typing import Any

from extproc.inspection import switched_off
from extproc.transaction import effects as fx
from extproc.transaction import events as e
from extproc.transaction import request_path, response_path, stream_path
from extproc.transaction.context import Context
from extproc.transaction.exchange import Exchange
from extproc.transaction.policy_path import apply_policy_failure, apply_verdict
from extproc.transaction.refusals import refuse
from extproc.transaction.state import ENDS, IGNORED_AT_END, IGNORED_WHEN_CUT, LEGAL, State
from forebay.outcomes import Outcome, Reason

Step = tuple[list[fx.Effect], State]
Handler = Callable[[Exchange, Context, Any], Step]


def _guard_failed(exchange: Exchange, context: Context, event: e.InspectionFailed) -> Step:
    tenant = exchange.tenant
    exchange.guard_took = (event.at - exchange.body_at) // 1000
    if tenant is None or tenant.guards.failure_mode == "closed" or exchange.guard_failed_open:
        return refuse(exchange, context, Reason.GUARD_FAILED)
    exchange.guard_failed_open = True  # the parser still has its say, and the record shows what was skipped
    work = fx.InspectBody(
        exchange.operation or "", exchange.body, tenant.name, switched_off(tenant.guards), context.caps
    )
    return [work], State.INSPECTING


def _restoration_failed(exchange: Exchange, context: Context, event: e.RestorationFailed) -> Step:
    return response_path.unreadable(exchange, context)


HANDLERS: dict[tuple[State, type[e.Event]], Handler] = {
    (State.STARTED, e.RequestHeadersReceived): request_path.admit,
    (State.ADMITTED, e.RequestBodyReceived): request_path.inspect_body,
    (State.ADMITTED, e.ResponseHeadersReceived): response_path.leave,
    (State.INSPECTING, e.BodyInspected): request_path.judge,
    (State.INSPECTING, e.InspectionFailed): _guard_failed,
    (State.DECIDING, e.PolicyDecided): apply_verdict,
    (State.DECIDING, e.PolicyFailed): apply_policy_failure,
    (State.FORWARDED, e.ResponseHeadersReceived): response_path.read_head,
    (State.WATCHING, e.ResponseBodyReceived): response_path.watch,
    (State.WATCHING, e.ResponseTrailersReceived): response_path.end_with_trailers,
    (State.AWAITING_ANSWER, e.ResponseBodyReceived): response_path.restore,
    (State.HOLDING, e.ResponseBodyReceived): response_path.hold,
    (State.STREAMING, e.ResponseBodyReceived): stream_path.rewrite,
    (State.STREAMING, e.ResponseTrailersReceived): stream_path.end_with_trailers,
    (State.STREAMING, e.HoldExpired): stream_path.release,
    (State.SLICING, e.WayGiven): stream_path.go_on,
    (State.RESTORING, e.AnswerRestored): response_path.replace,
    (State.RESTORING, e.RestorationFailed): _restoration_failed,
    (State.TRAILING, e.ResponseTrailersReceived): response_path.end_with_trailers,
}

if {(state, event) for state, legal in LEGAL.items() for event in legal} != set(HANDLERS):
    raise AssertionError("every legal pair of state and event has exactly one handler")


class Transaction:
    """One HTTP transaction. Feed events in, perform the effects that come out, in order.

    Never raises for anything Envoy or a caller can do: an event that is illegal in the present state ends the
    exchange closed, with `Abort` and `Conclude` among the effects. An exception out of `handle` is a defect; the
    driver must then call `fail`.
    """

    def __init__(self, context: Context) -> None:
        self.context = context
        self.exchange = Exchange()
        self.state = State.STARTED
        self._holds = 0

    def handle(self, event: e.Event) -> list[fx.Effect]:
        """The effects of `event`; empty for what no longer matters. Yields `Conclude` exactly once over all calls."""
        if self.state in ENDS:
            ignored = IGNORED_WHEN_CUT if self.state is State.CUT else IGNORED_AT_END
            return [] if type(event) in ignored else self._violated()
        if isinstance(event, e.StreamClosed):
            return self._ended(State.CLOSED, Outcome.ABORTED, Reason.CLIENT_GONE)
        handler = HANDLERS.get((self.state, type(event)))
        if handler is None:
            return self._violated()
        effects, self.state = handler(self.exchange, self.context, event)
        if self.state in ENDS:
            self._let_go()
        if self.exchange.holds != self._holds:
            self._count()
        return effects

    @property
    def held_since(self) -> int | None:
        """Since when the oldest text is held that a `HoldExpired` would let go; None when there is none."""
        return self.exchange.rewrite.stream.held_since if self.exchange.rewrite else None

    def fail(self) -> list[fx.Effect]:
        """End the exchange closed because something of ours broke."""
        if self.state in ENDS:
            return [fx.Abort(Reason.INTERNAL)]
        return [fx.Abort(Reason.INTERNAL), *self._ended(State.ABORTED, Outcome.FAILED, Reason.INTERNAL)]

    def _violated(self) -> list[fx.Effect]:
        already_over = self.state in ENDS
        abort: list[fx.Effect] = [fx.Abort(Reason.INTERNAL)]
        return abort if already_over else abort + self._ended(State.ABORTED, Outcome.FAILED, Reason.INTERNAL)

    def _ended(self, state: State, outcome: Outcome, reason: Reason) -> list[fx.Effect]:
        self.state = state
        self.exchange.values = {}
        self._let_go()
        self._count()
        return [fx.Conclude(outcome, reason)]

    def _let_go(self) -> None:
        exchange = self.exchange
        exchange.body = exchange.answer_whole = b""
        exchange.rewrite = None

    def _count(self) -> None:
        holds = self.exchange.holds
        self.context.holdings.changed(self.exchange.tenant_name, holds - self._holds)
        self._holds = holds
