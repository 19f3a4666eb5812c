"""What the policy's answer means for the request: deny, change, pin a backend, or nothing (shadow)."""

from extproc.policy.verdict import PolicyReason, eligible
from extproc.transaction import effects as fx
from extproc.transaction.context import Context
from extproc.transaction.events import PolicyDecided, PolicyFailed
from extproc.transaction.exchange import Exchange
from extproc.transaction.facts import candidates
from extproc.transaction.refusals import refuse
from extproc.transaction.request_path import forward
from extproc.transaction.state import State
from forebay.outcomes import Reason

Step = tuple[list[fx.Effect], State]

POLICY_ERROR = "POLICY_ERROR"
NO_ELIGIBLE_BACKEND = "NO_ELIGIBLE_BACKEND"


def apply_verdict(exchange: Exchange, context: Context, event: PolicyDecided) -> Step:
    """Enforce the verdict, or only note it where the mode is `shadow`."""
    verdict = exchange.verdict = event.verdict
    _note_time(exchange, event.at)
    if context.policies.mode != "enforce":
        return forward(exchange, context)
    if not verdict.allow:
        told = [_told(reason) for reason in verdict.reasons if reason.public]
        return _deny(exchange, context, told, verdict.reasons[0].status if verdict.reasons else None)
    if verdict.route_require or verdict.route_pin:
        offered = candidates(exchange)
        chosen = eligible(offered, verdict)
        if not chosen:
            return _deny(exchange, context, [f"no eligible backend ({NO_ELIGIBLE_BACKEND})"])
        if len(chosen) < len(offered):
            exchange.backend = f"{chosen[0].provider}/{chosen[0].model}"
    return forward(exchange, context)


def apply_policy_failure(exchange: Exchange, context: Context, event: PolicyFailed) -> Step:
    """No usable answer: refuse, unless the config says that policies may fail open or only watch."""
    exchange.policy_error = POLICY_ERROR
    _note_time(exchange, event.at)
    if context.policies.mode == "enforce" and context.policies.on_error == "deny":
        return refuse(exchange, context, Reason.POLICY_FAILED)
    return forward(exchange, context)


def _deny(exchange: Exchange, context: Context, told: list[str], status: int | None = None) -> Step:
    """Refuse; the caller reads the reasons `told`, which may be none."""
    what = f": {'; '.join(told)}" if told else ""
    return refuse(exchange, context, Reason.POLICY_DENIED, status=status, what=what)


def _told(reason: PolicyReason) -> str:
    return f"{reason.message} ({reason.code})" if reason.message else reason.code


def _note_time(exchange: Exchange, at: int) -> None:
    exchange.stages["policy"] = max(0, at - exchange.policy_asked_at) // 1000
