"""The one way to say no: status, body and details from the closed list of reasons."""

from extproc.messages.refusal import error_body
from extproc.transaction import effects as fx
from extproc.transaction.account import refusal_metadata
from extproc.transaction.context import Context
from extproc.transaction.exchange import Exchange
from extproc.transaction.state import State
from extproc.transaction.timing import server_timing
from forebay import contract
from forebay.outcomes import WORDINGS, Reason


def refuse(
    exchange: Exchange,
    context: Context,
    reason: Reason,
    *,
    status: int | None = None,
    headers: tuple[tuple[str, str], ...] = (),
    **fields: object,
) -> tuple[list[fx.Effect], State]:
    """Answer the caller with `reason` in the error shape of its API; nothing goes upstream.

    `fields` fill the wording's braces and hold names and numbers of ours only.
    """
    wording = WORDINGS[reason]
    exchange.body = b""
    answer = fx.RespondLocally(
        status or wording.status,
        (("content-type", "application/json"), *headers),
        error_body(reason, exchange.api, exchange.request_id, **fields),
        f"{contract.DETAILS_PREFIX}_{reason.value}",
        refusal_metadata(exchange, context, reason),
        server_timing(exchange, context),
    )
    return [answer, fx.Conclude(wording.outcome, reason)], State.ANSWERED
