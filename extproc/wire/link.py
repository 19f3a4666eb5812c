"""One connection on the event loop: a transport's bytes to `Connection`, its events to handlers, their answers back.

All that one read brings is answered in one write. No exception leaves: what breaks ends its call, or its connection.
"""

import asyncio
import logging
import ssl
from asyncio import CancelledError
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final, TypeVar, cast

from extproc.wire import events as e
from extproc.wire.connection import Connection
from extproc.wire.eager import Waiting, begin
from extproc.wire.errors import Code, Status
from extproc.wire.exchanges import Answer, Exchange, Open
from extproc.wire.limits import Limits
from extproc.wire.sending import Sent
from forebay.observability.logging import describe

log = logging.getLogger(__name__)

PATIENCE: Final = 10.0  # seconds, with a peer that does not greet, or does not take our last words
WRITE_BUFFER: Final = 1024 * 1024  # above it nothing more is read until the peer has read
_ALPN: Final = "h2"
T = TypeVar("T")


class Links:
    """The open connections of a process. Iterating goes over those open at its start: they may leave meanwhile."""

    def __init__(self) -> None:
        self._open: set[Link] = set()
        self.empty = asyncio.Event()
        self.empty.set()

    def __iter__(self) -> Iterator["Link"]:
        return iter(tuple(self._open))

    def joined(self, link: "Link") -> None:
        """A connection is open."""
        self._open.add(link)
        self.empty.clear()

    def left(self, link: "Link") -> None:
        """It is no more."""
        self._open.discard(link)
        if not self._open:
            self.empty.set()


class Link(asyncio.Protocol):
    """One connection. It joins and leaves `links`."""

    def __init__(self, methods: Mapping[str, Open], limits: Limits, links: Links) -> None:
        self._methods = methods
        self._limits = limits
        self._links = links
        self._loop = asyncio.get_running_loop()
        self._connection = Connection(methods, limits)
        self._exchanges: dict[int, Exchange] = {}
        self._unfinished: set[asyncio.Task[Any]] = set()
        self._paused = False
        self._transport: asyncio.Transport | None = None
        self._opened_at = self._loop.time()
        self._closing_since: float | None = None

    # --- the transport's side -----------------------------------------------------------------------------------------

    def connection_made(self, made: asyncio.BaseTransport) -> None:
        """Greets the peer. TLS without HTTP/2 agreed on is closed."""
        self._transport = transport = cast(asyncio.Transport, made)  # uvloop's are of no class of asyncio's
        secured: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
        if secured is not None and secured.selected_alpn_protocol() != _ALPN:
            transport.abort()
            return
        transport.set_write_buffer_limits(high=WRITE_BUFFER)
        self._links.joined(self)
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Handles everything that `data` completes and answers it in one write."""
        try:
            for event in self._connection.receive(data):
                _ON[type(event)](self, event)
        except Exception as error:
            log.error("connection ended, a defect of ours: %s", describe(error))
            self.abort()
        self._flush()

    def pause_writing(self) -> None:
        """The peer does not read: read no more of it, so that nothing more is to be answered."""
        self._paused = True
        if self._transport is not None:
            self._transport.pause_reading()

    def resume_writing(self) -> None:
        """The peer has read."""
        self._paused = False
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def connection_lost(self, error: Exception | None) -> None:
        """Every call on it is over."""
        self._links.left(self)
        self._transport = None
        self._end_all()

    # --- the listener's side ------------------------------------------------------------------------------------------

    def each_second(self) -> None:
        """Deadlines, floods, and peers that never say who they are."""
        now = self._loop.time()
        self._connection.forgive()
        since = self._opened_at if not self._connection.greeted else self._closing_since
        if since is not None and now - since > PATIENCE:
            self.abort()
        late = [each for each in self._exchanges.values() if each.deadline is not None and each.deadline <= now]
        for exchange in late:
            self._connection.end(exchange.stream_id, Status.DEADLINE_EXCEEDED)
            self._finish(exchange)
        self._flush()

    def drain(self) -> None:
        """Ask the peer to go elsewhere; closes when the last open call has ended."""
        self._connection.drain()
        self._flush()

    def abort(self) -> None:
        """Close now, whatever is open; handlers are told when the transport has gone."""
        if self._transport is not None:
            self._transport.abort()

    @property
    def unfinished(self) -> list[asyncio.Task[Any]]:
        """Tasks that are still to end after the connection has."""
        return list(self._unfinished)

    # --- events -------------------------------------------------------------------------------------------------------

    def _opened(self, event: e.StreamOpened) -> None:
        request = event.request
        try:
            handler = self._methods[request.path](request, partial(self._send_unasked, event.stream_id))
        except Exception as error:
            log.error("call refused, its handler could not be made: %s", describe(error))
            self._connection.end(event.stream_id, Status.INTERNAL)
            return
        deadline = None if request.timeout is None else self._loop.time() + request.timeout
        self._exchanges[event.stream_id] = Exchange(event.stream_id, handler, deadline)

    def _message(self, event: e.MessageReceived) -> None:
        exchange = self._exchanges.get(event.stream_id)
        if exchange is None:
            return
        if exchange.task is None and not exchange.held_back:
            self._handle(exchange, event.message)
        elif exchange.messages is None:
            exchange.messages = deque((event.message,))
        else:
            exchange.messages.append(event.message)

    def _half_closed(self, event: e.StreamHalfClosed) -> None:
        exchange = self._exchanges.get(event.stream_id)
        if exchange is not None:
            exchange.half_closed = True
            self._go_on(exchange)

    def _writable(self, event: e.StreamWritable) -> None:
        exchange = self._exchanges.get(event.stream_id)
        if exchange is not None:
            exchange.held_back = False
            self._go_on(exchange)

    def _reset(self, event: e.StreamReset) -> None:
        exchange = self._exchanges.get(event.stream_id)
        if exchange is not None:
            self._finish(exchange)

    def _leaving(self, event: e.PeerLeaving) -> None:
        if event.code != Code.NO_ERROR:
            log.warning("the peer ends the connection code=%d", event.code)

    def _lost(self, event: e.ConnectionLost) -> None:
        log.warning("connection ended code=%s: %s", event.code.name, event.why)
        self._end_all()

    # --- calls --------------------------------------------------------------------------------------------------------

    def _handle(self, exchange: Exchange, message: bytes) -> None:
        """One message, when none before it is being handled."""
        self._connection.taken(exchange.stream_id, len(message))
        answer: Answer | Waiting[Answer]
        try:
            given = exchange.handler.receive(message)
            answer = given if isinstance(given, Answer) else begin(self._loop, given)
        except Exception as error:
            self._fail(exchange, error)
            return
        if isinstance(answer, Waiting):
            exchange.task = self._task(answer)
            exchange.task.add_done_callback(partial(self._handled, exchange))
        else:
            self._send(exchange, answer)

    def _handled(self, exchange: Exchange, task: asyncio.Task[Answer]) -> None:
        """A message that had to wait is done; so may be its call meanwhile."""
        exchange.task = None
        error = CancelledError() if task.cancelled() else task.exception()
        if self._exchanges.get(exchange.stream_id) is not exchange:
            self._close(exchange)
            return
        if error is not None:
            self._fail(exchange, error)
        else:
            self._send(exchange, task.result())
            self._go_on(exchange)
        self._flush()

    def _go_on(self, exchange: Exchange) -> None:
        """Handle what has waited for its turn; after the last message of a half-closed call comes its end."""
        while exchange.messages and not exchange.busy and exchange.stream_id in self._exchanges:
            self._handle(exchange, exchange.messages.popleft())
        if exchange.half_closed and not exchange.messages and not exchange.busy:
            self._connection.end(exchange.stream_id)
            self._finish(exchange)

    def _send(self, exchange: Exchange, answer: Answer) -> None:
        stream_id = exchange.stream_id
        for message in answer.messages:
            sent = self._connection.send(stream_id, message)
            if sent is Sent.WAITING:
                exchange.held_back = True
            elif sent is Sent.GONE:
                self._finish(exchange)
                return
        if answer.status is not None:
            self._connection.end(stream_id, answer.status, answer.text)
            self._finish(exchange)

    def _send_unasked(self, stream_id: int, answer: Answer) -> None:
        exchange = self._exchanges.get(stream_id)
        if exchange is not None:
            self._send(exchange, answer)
            self._flush()

    def _fail(self, exchange: Exchange, error: BaseException) -> None:
        log.error("call ended, its handler failed: %s", describe(error))
        self._connection.end(exchange.stream_id, Status.INTERNAL)
        self._finish(exchange)

    def _finish(self, exchange: Exchange) -> None:
        """The call is over. Its handler hears of it once, and not while it still handles a message."""
        if self._exchanges.pop(exchange.stream_id, None) is None:
            return
        exchange.messages = None
        if exchange.task is None:
            self._close(exchange)
        else:  # not at once: a task that is cancelled before its first step never reaches the coroutine it waits for
            self._loop.call_soon(exchange.task.cancel)

    def _close(self, exchange: Exchange) -> None:
        try:
            closing = exchange.handler.closed()
            waiting = None if closing is None else begin(self._loop, closing)
        except Exception as error:
            log.error("handler failed to close: %s", describe(error))
            return
        if waiting is not None:
            self._task(waiting).add_done_callback(_closed)

    def _end_all(self) -> None:
        for exchange in list(self._exchanges.values()):
            self._finish(exchange)

    def _task(self, waiting: Waiting[T]) -> asyncio.Task[T]:
        task = self._loop.create_task(_result(waiting))
        waiting.bind(task)
        self._unfinished.add(task)
        task.add_done_callback(self._unfinished.discard)
        return task

    def _flush(self) -> None:
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        data = self._connection.data_to_send()
        if data:
            transport.write(data)
            if self._paused and transport.get_write_buffer_size() > self._limits.unsent:
                log.warning("connection ended: the peer does not read")
                transport.abort()
        if self._connection.lost or self._connection.drained:
            self._closing_since = self._loop.time()
            transport.close()


async def _result(waiting: Waiting[T]) -> T:
    return await waiting


def _closed(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("handler failed to close: %s", describe(error))


_ON: Final[Mapping[type[Any], Callable[[Link, Any], None]]] = {
    e.StreamOpened: Link._opened,
    e.MessageReceived: Link._message,
    e.StreamHalfClosed: Link._half_closed,
    e.StreamWritable: Link._writable,
    e.StreamReset: Link._reset,
    e.PeerLeaving: Link._leaving,
    e.ConnectionLost: Link._lost,
}
