"""Handlers behind real sockets: order, ends, and `closed` exactly once."""

import asyncio
import contextlib
from functools import partial

import h2.config
import h2.connection
import h2.events
import pytest
import uvloop

from extproc.wire import frames
from extproc.wire.errors import Status
from extproc.wire.exchanges import Answer
from extproc.wire.grpc_messages import PREFIX
from extproc.wire.limits import Limits
from extproc.wire.serve import Wire

PATH = "/s/m"


class Recording:
    """Answers with what it got; `wait` makes it wait, `end` and `fail` do as they say. Counts its closing."""

    def __init__(self, request, log, send):
        self.log = log
        self.send = send
        self.gates = {}
        self.closed_times = 0
        log.append(self)
        self.got = []
        self.ended = []

    def receive(self, message):
        """At once, or as a coroutine."""
        self.got.append(message)
        if message == b"fail":
            raise LookupError("of the handler's own")
        if message == b"end":
            return Answer((b"last",), Status.OK)
        if message == b"abort":
            return Answer((), Status.INTERNAL, "internal")
        if message.startswith(b"wait"):
            return self._wait(message)
        return Answer((message,))

    async def _wait(self, message):
        try:
            await self.gates.setdefault(message, asyncio.Event()).wait()
        finally:
            self.ended.append(message)
        if message == b"wait fail":
            raise LookupError("of the handler's own")
        return Answer((message,))

    async def closed(self):
        """Waits too, as a driver may."""
        self.closed_times += 1
        await asyncio.sleep(0)
        self.closed_times += 10


class Caller:
    """`h2` over a socket."""

    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.h2 = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True, header_encoding=None))
        self.h2.initiate_connection()
        self.bodies, self.status, self.over = {}, {}, set()

    def open(self, *messages, end=False, headers=()):
        """A call with messages."""
        stream = self.h2.get_next_available_stream_id()
        call = [(":method", "POST"), (":scheme", "http"), (":path", PATH), (":authority", "x")]
        self.h2.send_headers(stream, [*call, ("content-type", "application/grpc"), *headers])
        for message in messages:
            self.say(stream, message)
        if end:
            self.h2.end_stream(stream)
        self.flush()
        return stream

    def say(self, stream, message):
        """One message."""
        self.h2.send_data(stream, PREFIX.pack(0, len(message)) + message)

    def flush(self):
        """To the socket."""
        self.writer.write(self.h2.data_to_send())

    async def until(self, done):
        """Read until `done()`."""
        async with asyncio.timeout(5):
            while not done():
                data = await self.reader.read(65_536)
                if not data:
                    raise EOFError
                for event in self.h2.receive_data(data):
                    self.take(event)
                self.flush()

    def take(self, event):
        """Note it."""
        match event:
            case h2.events.DataReceived():
                self.bodies[event.stream_id] = self.bodies.get(event.stream_id, b"") + event.data
                self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.ResponseReceived() | h2.events.TrailersReceived():
                fields = dict(event.headers)
                if b"grpc-status" in fields:
                    self.status[event.stream_id] = int(fields[b"grpc-status"])
            case h2.events.StreamEnded() | h2.events.StreamReset():
                self.over.add(event.stream_id)

    def messages(self, stream):
        """The answers so far."""
        body, got = self.bodies.get(stream, b""), []
        while body:
            _, length = PREFIX.unpack_from(body)
            got.append(body[5 : 5 + length])
            body = body[5 + length :]
        return got


async def until(done):
    """Wait for something to have happened on the other side."""
    async with asyncio.timeout(5):
        while not done():
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def served(path, limits=None):
    """A wire, one connection to it, and the handlers of its calls; in the end each was closed once."""
    log = []
    wire = Wire({PATH: lambda request, send: Recording(request, log, send)}, limits)
    await wire.listen_unix(path / "s.sock")
    caller = Caller(*await asyncio.open_unix_connection(str(path / "s.sock")))
    caller.flush()
    try:
        yield caller, log, wire
    finally:
        caller.writer.close()
        await wire.stop(0.2)
    assert [each.closed_times for each in log] == [11] * len(log)


def test_an_exchange_is_answered_in_order(tmp_path):
    """Four messages, four answers, OK after the peer's end."""

    async def main():
        async with served(tmp_path) as (caller, log, _):
            stream = caller.open(b"1", b"2", b"3", b"4", end=True)
            await caller.until(lambda: stream in caller.over)
            assert (caller.messages(stream), caller.status[stream]) == ([b"1", b"2", b"3", b"4"], 0)
            assert log[0].closed_times

    uvloop.run(main())


def test_a_waiting_message_holds_the_next_back(tmp_path):
    """Messages of one call keep their order; another call is served meanwhile."""

    async def main():
        async with served(tmp_path) as (caller, log, _):
            slow = caller.open(b"wait", b"2", b"wait more", b"4", end=True)
            quick = caller.open(b"1", end=True)
            await caller.until(lambda: quick in caller.over)
            assert caller.messages(slow) == []
            assert log[0].got == [b"wait"]
            log[0].gates[b"wait"].set()
            await caller.until(lambda: caller.messages(slow) == [b"wait", b"2"])
            log[0].gates[b"wait more"].set()
            await caller.until(lambda: slow in caller.over)
            assert caller.messages(slow) == [b"wait", b"2", b"wait more", b"4"]

    uvloop.run(main())


@pytest.mark.parametrize(
    ("message", "status", "answers"),
    [(b"end", 0, [b"last"]), (b"abort", 13, []), (b"fail", 13, []), (b"wait fail", 13, [])],
)
def test_a_handler_ends_its_call(tmp_path, message, status, answers):
    """With OK, with an error, or by failing; later messages are not handled."""

    async def main():
        async with served(tmp_path) as (caller, log, _):
            stream = caller.open(message, b"later")
            if message.startswith(b"wait"):
                await until(lambda: log and log[0].gates)
                log[0].gates[message].set()
            await caller.until(lambda: stream in caller.status)
            assert (caller.status[stream], caller.messages(stream), log[0].got) == (status, answers, [message])

    uvloop.run(main())


@pytest.mark.parametrize("messages", [[], [b"1"], [b"wait"], [b"wait", b"later"]])
def test_a_reset_closes_the_handler(tmp_path, messages):
    """Idle or at work; work is cancelled first."""

    async def main():
        async with served(tmp_path) as (caller, log, _):
            stream = caller.open(*messages)
            await until(lambda: log)
            caller.h2.reset_stream(stream, 8)
            caller.flush()
            await until(lambda: log[0].closed_times == 11)
            assert log[0].ended == [each for each in messages if each == b"wait"]
            again = caller.open(b"1", end=True)
            await caller.until(lambda: again in caller.over)

    uvloop.run(main())


def test_a_reset_in_the_same_read_as_its_message_is_no_trouble(tmp_path):
    """The task is cancelled before it had its first step; its coroutine ends all the same."""

    async def main():
        async with served(tmp_path) as (caller, log, _):
            stream = caller.h2.get_next_available_stream_id()
            call = [(":method", "POST"), (":scheme", "http"), (":path", PATH), (":authority", "x")]
            caller.h2.send_headers(stream, [*call, ("content-type", "application/grpc")])
            caller.say(stream, b"wait")
            caller.h2.reset_stream(stream, 8)
            caller.flush()
            await until(lambda: log and log[0].closed_times == 11)
            assert log[0].ended == [b"wait"]

    uvloop.run(main())


def test_a_lost_connection_closes_every_handler(tmp_path):
    """Those at work too."""

    async def main():
        async with served(tmp_path) as (caller, log, _):
            for _ in range(5):
                caller.open(b"wait")
                caller.open(b"1")
            await until(lambda: len(log) == 10)
            caller.writer.transport.abort()
            await until(lambda: all(each.closed_times == 11 for each in log))

    uvloop.run(main())


def test_a_broken_peer_costs_its_own_connection(tmp_path):
    """It is told, its calls are closed; another connection does not notice."""

    async def main():
        async with served(tmp_path) as (caller, _, _):
            reader, writer = await asyncio.open_unix_connection(str(tmp_path / "s.sock"))
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert b"this is not HTTP/2" in await reader.read()
            writer.close()
            stream = caller.open(b"1", end=True)
            await caller.until(lambda: stream in caller.over)

    uvloop.run(main())


def test_a_deadline_ends_the_call(tmp_path):
    """`grpc-timeout`, looked at once a second."""

    async def main():
        async with served(tmp_path) as (caller, log, _):
            stream = caller.open(b"wait", headers=[("grpc-timeout", "10m")])
            await caller.until(lambda: stream in caller.status)
            assert caller.status[stream] == Status.DEADLINE_EXCEEDED
            await until(lambda: log[0].closed_times == 11)

    uvloop.run(main())


def test_a_slow_peer_is_asked_for_no_more_messages(tmp_path):
    """While an answer waits for its window the next message waits too."""

    async def main():
        async with served(tmp_path) as (caller, log, _):
            large = bytes(60_000)
            stream = caller.open()
            caller.h2.acknowledge_received_data = lambda *_: None  # this peer never opens a window
            for _ in range(2):
                for begin in range(0, 60_005, 16_384):
                    whole = PREFIX.pack(0, 60_000) + large
                    await caller.until(lambda: caller.h2.local_flow_control_window(stream) >= 16_384)
                    caller.h2.send_data(stream, whole[begin : begin + 16_384])
                    caller.flush()
            caller.say(stream, b"3")
            caller.flush()
            await until(lambda: log and len(log[0].got) == 2)
            await caller.until(lambda: len(caller.bodies.get(stream, b"")) == 65_535)
            await asyncio.sleep(0.02)
            assert len(log[0].got) == 2
            caller.h2.increment_flow_control_window(100_000, stream)
            caller.h2.increment_flow_control_window(100_000)
            caller.flush()
            await caller.until(lambda: len(caller.messages(stream)) == 3)

    uvloop.run(main())


def test_a_handler_that_cannot_be_made_refuses_its_call(tmp_path):
    """INTERNAL; the connection goes on."""

    async def main():
        def broken(request, send):
            raise LookupError

        wire = Wire({PATH: broken}, Limits())
        await wire.listen_unix(tmp_path / "s.sock")
        caller = Caller(*await asyncio.open_unix_connection(str(tmp_path / "s.sock")))
        for _ in range(2):
            stream = caller.open(b"1")
            await caller.until(lambda stream=stream: stream in caller.status)
            assert caller.status[stream] == Status.INTERNAL
        caller.writer.close()
        await wire.stop(0.1)

    uvloop.run(main())


def test_a_handler_may_speak_unasked(tmp_path):
    """Before, between and while it answers; after the end of its call nobody listens."""

    async def main():
        async with served(tmp_path) as (caller, log, _):
            stream = caller.open(b"1")
            await caller.until(lambda: caller.messages(stream))
            (handler,) = log
            say = partial(asyncio.get_running_loop().call_soon, handler.send)
            say(Answer((b"unasked", b"and more")))
            await caller.until(lambda: len(caller.messages(stream)) == 3)
            caller.say(stream, b"wait")
            caller.flush()
            await until(lambda: b"wait" in handler.gates)
            say(Answer((b"meanwhile",)))
            await caller.until(lambda: len(caller.messages(stream)) == 4)
            handler.gates[b"wait"].set()
            await caller.until(lambda: len(caller.messages(stream)) == 5)
            say(Answer((b"last",), Status.OK))
            await caller.until(lambda: stream in caller.over)
            say(Answer((b"to nobody",)))
            await caller.until(lambda: caller.status)
            told = [b"1", b"unasked", b"and more", b"meanwhile", b"wait", b"last"]
            assert (caller.messages(stream), caller.status[stream]) == (told, Status.OK)

    uvloop.run(main())


def test_a_peer_that_does_not_read_is_not_read_either(tmp_path):
    """What waits to be written has a bound; once the peer reads, everything comes."""
    count, size = 400, 16_000

    async def main():
        async with served(tmp_path) as (caller, log, _):
            caller.h2.increment_flow_control_window(2**31 - 1 - 65_535)
            caller.h2.acknowledge_received_data = lambda *_: None
            stream = caller.open()
            caller.h2.increment_flow_control_window(2**31 - 1 - 65_535, stream)
            caller.flush()
            await until(lambda: log)
            one = PREFIX.pack(0, size) + bytes(size)
            for _ in range(count):  # by hand: `h2` would wait for windows that it must read about
                caller.writer.write(frames.frame(frames.DATA, 0, stream, one))
            caller.writer.transport.pause_reading()
            before = -1
            while len(log[0].got) != before:
                before = len(log[0].got)
                await asyncio.sleep(0.1)
            assert before < count / 2
            caller.writer.transport.resume_reading()
            await caller.until(lambda: len(caller.bodies.get(stream, b"")) == count * len(one))

    uvloop.run(main())


@pytest.mark.parametrize("waits", [False, True])
def test_a_handler_that_cannot_close_harms_nobody(tmp_path, caplog, waits):
    """Its error is logged by its kind; the connection goes on."""

    class Stubborn:
        def receive(self, message):
            return Answer((message,), Status.OK)

        async def closed(self):
            if waits:
                await asyncio.sleep(0)
            raise LookupError("what a caller sent")

    async def main():
        wire = Wire({PATH: lambda request, send: Stubborn()})
        await wire.listen_unix(tmp_path / "s.sock")
        caller = Caller(*await asyncio.open_unix_connection(str(tmp_path / "s.sock")))
        for _ in range(2):
            stream = caller.open(b"1", end=True)
            await caller.until(lambda stream=stream: stream in caller.over)
        await until(lambda: len(caplog.records) == 2)
        caller.writer.close()
        await wire.stop(0.1)

    uvloop.run(main())
    assert all("LookupError" in each.getMessage() for each in caplog.records)
    assert "what a caller sent" not in caplog.text
