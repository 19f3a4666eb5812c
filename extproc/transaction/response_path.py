"""The answer's story: let it pass unread, watch it pass, or hold it back, guard it and restore what was redacted.

A stream that is guarded, or in which values are to be restored, has a story of its own: `stream_path`.
"""

from collections.abc import Callable

from extproc.messages.answer import AnswerReader, AnswerWatch, ChatReader
from extproc.messages.messages_answer import MessagesReader
from extproc.messages.refusal import error_body
from extproc.messages.responses_answer import ResponsesReader
from extproc.transaction import effects as fx
from extproc.transaction import stream_path
from extproc.transaction.account import answer_metadata, refusal_metadata
from extproc.transaction.context import Context
from extproc.transaction.events import (
    AnswerRestored,
    Headers,
    ResponseBodyReceived,
    ResponseHeadersReceived,
    ResponseTrailersReceived,
)
from extproc.transaction.exchange import Exchange
from extproc.transaction.state import State
from forebay import contract
from forebay.outcomes import WORDINGS, Outcome, Reason

Step = tuple[list[fx.Effect], State]

JSON = "application/json"
EVENT_STREAM = "text/event-stream"
READERS: dict[str, Callable[[], AnswerReader]] = {
    "chat": ChatReader,
    "embeddings": ChatReader,
    "messages": MessagesReader,
    "responses": ResponsesReader,
}
_STATUSES = ("2", "3", "4", "5")  # first digits: of others nobody knows what they mean
MOST_HELD = 7 << 20  # bytes of an answer to be restored; Envoy's own buffer (the listener's) is a little larger


def read_head(exchange: Exchange, context: Context, event: ResponseHeadersReceived) -> Step:
    """Decide how the answer is read.

    Empty answers pass unread, and so do errors of Envoy's own, and those of providers where nobody asked to read them.
    """
    status = event.headers.get(":status") or ""
    exchange.served = _served(event.headers)
    exchange.answered_with_error = not status.startswith("2")
    if status[:1] not in _STATUSES:
        return unreadable(exchange, context)
    # an error may quote the request, placeholders included; a local reply of a filter behind us says nothing of its own
    reads = exchange.values or exchange.output_guards is not None
    says = bool(reads) and event.headers.get(contract.FROM_PROVIDER) is not None
    if event.end_of_stream or (exchange.answered_with_error and not says):
        return [fx.Release(), fx.Conclude(Outcome.COMPLETED, Reason.OK)], State.RELEASED
    media_type = (event.headers.get("content-type") or "").partition(";")[0].strip().lower()
    encoded = (event.headers.get("content-encoding") or "identity").strip().lower() != "identity"
    if reads:
        readable = not encoded and not exchange.answered_with_error
        if readable and media_type == EVENT_STREAM and exchange.operation in stream_path.DIALECTS:
            return stream_path.begin(exchange, context, event)
        if encoded or media_type != JSON:
            return unreadable(exchange, context)
        return _await_whole(exchange, context, event.headers.get("content-length"))
    if encoded or media_type not in {JSON, EVENT_STREAM}:
        return [fx.Release(), fx.Conclude(Outcome.COMPLETED, Reason.OK)], State.RELEASED
    exchange.watch = _watch(exchange, context, media_type)
    return [fx.WatchAnswer()], State.WATCHING


def leave(exchange: Exchange, context: Context, event: ResponseHeadersReceived) -> Step:
    """Envoy refused the request before its body was whole: its own answer passes, nothing went upstream."""
    reason = Reason.BODY_TOO_LARGE if event.headers.get(":status") == "413" else Reason.BAD_REQUEST
    return [fx.LeaveAnswer(), fx.Conclude(WORDINGS[reason].outcome, reason)], State.OVERTAKEN


def watch(exchange: Exchange, context: Context, event: ResponseBodyReceived) -> Step:
    """One piece passes; the last one carries what was counted."""
    if exchange.watch is None:
        raise ValueError("no answer is watched")
    exchange.watch.feed(event.body, event.end_of_stream)
    if not event.end_of_stream:
        return [fx.PassChunk(None)], State.WATCHING
    return [fx.PassChunk(_counted(exchange, context)), *_done(exchange)], State.COMPLETED


def end_with_trailers(exchange: Exchange, context: Context, event: ResponseTrailersReceived) -> Step:
    """The body was complete before its trailers came."""
    metadata = None
    if exchange.watch is not None:
        exchange.watch.feed(b"", True)
        metadata = _counted(exchange, context)
    return [fx.PassTrailers(metadata), *_done(exchange)], State.COMPLETED


def _await_whole(exchange: Exchange, context: Context, stated_length: str | None) -> Step:
    """Envoy collects the answer, its head included, so that an error can still stand in its place.

    Asked for the whole of one that turns out too large it would wait for ever: it stops reading and has no timeout. So
    of an answer of unknown length we ask for as much as it can hold.
    """
    if stated_length is None:
        return [fx.HoldAnswer()], State.HOLDING
    if not stated_length.isdecimal() or int(stated_length) > MOST_HELD:
        return unreadable(exchange, context)
    return [fx.AwaitAnswer()], State.AWAITING_ANSWER


def hold(exchange: Exchange, context: Context, event: ResponseBodyReceived) -> Step:
    """The whole answer, or no more than its beginning: then Envoy would let the rest of it pass unread.

    Trailers that follow look the same, so such an answer is refused as well.
    """
    too_large = len(event.body) > MOST_HELD or not context.holdings.fits(exchange.tenant_name, len(event.body))
    if too_large or not event.end_of_stream:
        return unreadable(exchange, context)
    return restore(exchange, context, event)


def restore(exchange: Exchange, context: Context, event: ResponseBodyReceived) -> Step:
    """The whole answer is here: guard it and put the caller's values back."""
    exchange.trailers_follow = not event.end_of_stream
    exchange.answer_whole = event.body
    return [_finish(exchange)], State.RESTORING


def replace(exchange: Exchange, context: Context, event: AnswerRestored) -> Step:
    """Send the restored answer, or what stands for one that a guard refused."""
    exchange.restored, exchange.answer_findings = event.count, event.findings
    exchange.answer_blocked = event.blocked
    exchange.values = {}
    counting = _watch(exchange, context, JSON)
    counting.feed(exchange.answer_whole, True)
    exchange.watch, exchange.answer_whole = counting, b""
    metadata = _counted(exchange, context)
    if event.blocked:
        metadata = {**metadata, "reason": Reason.ANSWER_BLOCKED.value}
    answer = fx.ReplaceAnswer(_body(exchange, event), metadata)
    if exchange.trailers_follow:
        exchange.watch = None  # counted; the trailers have nothing to add
        return [answer], State.TRAILING
    return [answer, *_done(exchange)], State.COMPLETED


def _body(exchange: Exchange, event: AnswerRestored) -> bytes:
    """What goes out. In place of an error that a guard blocked, one of ours: no answer was filtered."""
    if event.blocked and exchange.answered_with_error:
        return error_body(Reason.ANSWER_BLOCKED, exchange.api, exchange.request_id)
    return event.body


def unreadable(exchange: Exchange, context: Context) -> Step:
    """The answer cannot be guarded, or values cannot be put back: the caller gets an error rather than either."""
    exchange.values, exchange.answer_whole = {}, b""
    reason = Reason.ANSWER_UNREADABLE
    answer = fx.RespondLocally(
        WORDINGS[reason].status,
        (("content-type", JSON),),
        error_body(reason, exchange.api, exchange.request_id),
        f"{contract.DETAILS_PREFIX}_{reason.value}",
        refusal_metadata(exchange, context, reason),
    )
    return [answer, fx.Conclude(Outcome.FAILED, reason)], State.ANSWERED


def _watch(exchange: Exchange, context: Context, media_type: str) -> AnswerWatch:
    model = _upstream_model(exchange)
    reader = READERS[exchange.operation or "chat"]()
    return AnswerWatch(media_type, lambda text: context.count_tokens(text, model), reader=reader)


def _finish(exchange: Exchange) -> fx.Effect:
    guards, operation = exchange.output_guards, exchange.operation or "chat"
    whole, values, prints = exchange.answer_whole, exchange.values, exchange.prints
    return fx.RestoreAnswer(whole, values, guards, prints, operation, exchange.tenant_name)


def _done(exchange: Exchange) -> list[fx.Effect]:
    reason = Reason.ANSWER_BLOCKED if exchange.answer_blocked else Reason.OK
    return [fx.Conclude(WORDINGS[reason].outcome, reason)]


def _counted(exchange: Exchange, context: Context) -> fx.Metadata:
    return answer_metadata(exchange, context)


def _served(headers: Headers) -> str:
    """Which backend answered. Envoy sets both names over whatever the provider sent; a local reply has neither."""
    provider, model = headers.get(contract.RESPONSE_PROVIDER), headers.get(contract.RESPONSE_MODEL)
    return f"{provider}/{model}" if provider and model else ""


def _upstream_model(exchange: Exchange) -> str:
    return exchange.served.partition("/")[2]
