"""The story of an answer that comes as a stream and is guarded or gets values back: rewritten while it passes."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from extproc.messages.refusal import error_body
from extproc.streams.chat import ChatDialect
from extproc.streams.dialect import Dialect
from extproc.streams.guarding import answer_guard
from extproc.streams.messages import MessagesDialect
from extproc.streams.responses import ResponsesDialect
from extproc.streams.restoring import Restoring
from extproc.streams.rewriting import Rewriting
from extproc.streams.stops import Stop
from extproc.streams.stream import Stream
from extproc.transaction import effects as fx
from extproc.transaction.account import answer_metadata
from extproc.transaction.context import Context
from extproc.transaction.events import (
    HoldExpired,
    ResponseBodyReceived,
    ResponseHeadersReceived,
    ResponseTrailersReceived,
    WayGiven,
)
from extproc.transaction.exchange import Exchange, Rewrite
from extproc.transaction.state import State
from forebay.outcomes import WORDINGS, Reason

Step = tuple[list[fx.Effect], State]


def _chat(exchange: Exchange) -> Dialect:
    """Its head is what our own events carry until the provider has said what its are called."""
    return ChatDialect(
        {
            "id": f"chatcmpl-{exchange.request_id}",
            "object": "chat.completion.chunk",
            "created": _began(exchange),
            "model": _model(exchange),
        },
        _counts(exchange),
    )


def _messages(exchange: Exchange) -> Dialect:
    return MessagesDialect({"id": f"msg_{exchange.request_id}", "model": _model(exchange)})


def _responses(exchange: Exchange) -> Dialect:
    return ResponsesDialect(
        {"id": f"resp_{exchange.request_id}", "created_at": _began(exchange), "model": _model(exchange)}
    )


def _began(exchange: Exchange) -> int:
    """Seconds since 1970."""
    return exchange.head.wall_ns // 1_000_000_000 if exchange.head else 0


def _counts(exchange: Exchange) -> bool:
    """Whether the caller asked to be told the usage."""
    call = exchange.inspection.call if exchange.inspection else None
    return call is not None and call.include_usage


def _model(exchange: Exchange) -> str:
    return exchange.model.name if exchange.model else ""


# By operation.
DIALECTS: Final[Mapping[str, Callable[[Exchange], Dialect]]] = {
    "chat": _chat,
    "messages": _messages,
    "responses": _responses,
}

PIECE: Final = 64 << 10  # bytes of one message to Envoy
# Metadata travels with pieces alone, and after a hang-up there are none: what has passed is told as it passes.
ACCOUNT_EVERY: Final = 250_000_000  # nanoseconds


def begin(exchange: Exchange, context: Context, event: ResponseHeadersReceived) -> Step:
    """Ask for the answer piece by piece; from here on what the caller gets is what we send."""
    backend_model = exchange.served.partition("/")[2]
    restoring = Restoring(exchange.values)
    guards = exchange.output_guards
    guarding = None if guards is None else answer_guard(guards, exchange.prints)
    rewritings: list[Rewriting] = [guarding] if guarding is not None and guarding.looks else []
    if exchange.values:
        rewritings.append(restoring)
    stream = Stream(
        DIALECTS[exchange.operation or ""](exchange),
        rewritings,
        lambda text: context.count_tokens(text, backend_model),
        exchange.usage_hidden,
        repeats=not exchange.values and guards is not None and not guards.output.changes,
    )
    exchange.values = {}
    exchange.rewrite = Rewrite(stream, restoring, guarding)
    return [fx.RewriteAnswer()], State.STREAMING


def rewrite(exchange: Exchange, context: Context, event: ResponseBodyReceived) -> Step:
    """A piece of the provider's: send what it completes, which may be nothing."""
    now = _known(exchange)
    now.ends = "piece" if event.end_of_stream else ""
    return _read(exchange, context, now.stream.begin(event.body, event.end_of_stream, event.at), event.at)


def go_on(exchange: Exchange, context: Context, event: WayGiven) -> Step:
    """The next slice of a piece that is much work."""
    return _read(exchange, context, _known(exchange).stream.go_on(), event.at)


def _read(exchange: Exchange, context: Context, out: bytes, at: int) -> Step:
    """A slice of a piece was read, mostly all of it."""
    now = _known(exchange)
    if now.stream.stop is not None:
        return _cut(exchange, context, out)
    if now.stream.unfinished:
        passed, _ = _passed(exchange, context, out, at)
        return [*passed, fx.GiveWay()], State.SLICING
    if now.ends:
        return [*_last(exchange, out, _counted(exchange, context)), _concluded(Reason.OK)], State.COMPLETED
    return _passed(exchange, context, out, at)


def release(exchange: Exchange, context: Context, event: HoldExpired) -> Step:
    """Text was held for too long: it goes out as if it ended here, which a guard scans it for first.

    Without a guard all that is ever held is the beginning of a placeholder, or half of an escape. A value is not among
    it; at the worst the caller reads a placeholder.
    """
    now = _known(exchange)
    out = now.stream.release(event.at)
    if now.stream.stop is not None:
        return _cut(exchange, context, out)
    return _passed(exchange, context, out, event.at)


def end_with_trailers(exchange: Exchange, context: Context, event: ResponseTrailersReceived) -> Step:
    """The body was complete before its trailers came: they, not a piece, are the end."""
    now = _known(exchange)
    now.ends = "trailers"
    return _read(exchange, context, now.stream.begin(b"", True, event.at), event.at)


def _passed(exchange: Exchange, context: Context, out: bytes, at: int) -> Step:
    now = _known(exchange)
    if not out:
        return [], State.STREAMING
    metadata = None
    if now.accounted_at is None or at - now.accounted_at >= ACCOUNT_EVERY:
        now.accounted_at = at
        metadata = _counted(exchange, context)
    return [*_pieces(out, False, metadata)], State.STREAMING


def _cut(exchange: Exchange, context: Context, out: bytes) -> Step:
    """No more of it may pass: the caller gets a clean end that says so, and Envoy cuts the provider off."""
    reason, final = _ending(exchange)
    metadata = {**_counted(exchange, context), "reason": reason.value}
    return [*_last(exchange, out + final, metadata), _concluded(reason)], State.CUT


def _last(exchange: Exchange, out: bytes, metadata: fx.Metadata) -> Iterator[fx.Effect]:
    """What ends the answer: a piece, or the provider's trailers where there are some."""
    if _known(exchange).ends != "trailers":
        yield from _pieces(out, True, metadata)
        return
    if out:
        yield from _pieces(out, False, None)
    yield fx.PassTrailers(metadata)


def _pieces(body: bytes, end: bool, metadata: fx.Metadata | None) -> Iterator[fx.SendPiece]:
    """At least one, the last with the end and the metadata."""
    last = max(0, (len(body) - 1) // PIECE) * PIECE
    for start in range(0, last, PIECE):
        yield fx.SendPiece(body[start : start + PIECE], False, None)
    yield fx.SendPiece(body[last:], end, metadata)


def _counted(exchange: Exchange, context: Context) -> fx.Metadata:
    now = _known(exchange)
    exchange.restored = now.restoring.restored
    exchange.answer_findings = now.guarding.findings if now.guarding else ()
    return answer_metadata(exchange, context)


def _ending(exchange: Exchange) -> tuple[Reason, bytes]:
    """Why a stopped stream ends, and its last events."""
    stream = _known(exchange).stream
    if stream.stop is Stop.BLOCKED:
        used, _ = stream.said.used(exchange.read_tokens)  # what the record says, too
        return Reason.BLOCKED_IN_STREAM, stream.block(used)
    reason = Reason.ANSWER_UNREADABLE
    return reason, stream.fail(error_body(reason, exchange.api, exchange.request_id))


def _concluded(reason: Reason) -> fx.Effect:
    return fx.Conclude(WORDINGS[reason].outcome, reason)


def _known(exchange: Exchange) -> Rewrite:
    if exchange.rewrite is None:
        raise ValueError("no answer is rewritten")
    return exchange.rewrite
