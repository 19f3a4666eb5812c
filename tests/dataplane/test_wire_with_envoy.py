"""The wire with the peer that it is made for: a real Envoy asks, our own frames answer."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import uvloop
from bare_configs import cluster, config, ext_proc, front, mode, processor_cluster, route
from bare_envoy import Envoy, Lab, go_on, setting, until
from bare_http import answering

from extproc.wire.errors import Status
from extproc.wire.events import Request
from extproc.wire.exchanges import Answer
from extproc.wire.serve import Wire
from forebay.envoy_api.messages import message

PATH = "/envoy.service.ext_proc.v3.ExternalProcessor/Process"
ProcessingRequest = message("envoy.service.ext_proc.v3.ProcessingRequest")
FOUR = mode(response_header_mode="SEND", response_body_mode="BUFFERED")
LARGE = bytes(range(256)) * 12_000
LIMIT = 50 << 20

Story = Callable[[Envoy, "Exchanges"], Awaitable[None]]


class Exchanges:
    """Every exchange of a test: `answer` decides, and how each ended is counted."""

    def __init__(self, answer: Callable[[Any], Answer | Awaitable[Answer]]) -> None:
        self.answer = answer
        self.open = self.closed = 0
        self.kinds: Counter[str] = Counter()

    def __call__(self, request: Request, send: Any) -> "Exchange":
        self.open += 1
        return Exchange(self)


class Exchange:
    """One of them."""

    def __init__(self, all_of_them: Exchanges) -> None:
        self.all = all_of_them

    def receive(self, data: bytes) -> Any:
        """As `answer` says."""
        request = ProcessingRequest.FromString(data)
        self.all.kinds[request.WhichOneof("request")] += 1
        return self.all.answer(request)

    def closed(self) -> None:
        """Counted."""
        self.all.closed += 1


def go(request: Any, **fields: Any) -> Answer:
    """CONTINUE."""
    return Answer((go_on(request.WhichOneof("request"), **fields).SerializeToString(),))


def play(folder: Path, answer: Callable[[Any], Any], story: Story, modes: Any = FOUR, **http2: Any) -> None:
    """A wire, an Envoy in front of it, and a provider; in the end every exchange has closed once, none was faulty."""

    async def main() -> None:
        exchanges = Exchanges(answer)
        wire = Wire({PATH: exchanges})
        port = await wire.listen_tcp("127.0.0.1", 0)
        lab = Lab(folder)
        try:
            provider = await lab.provider(answering(200, b"fine"))
            up = cluster("up", provider.port, per_connection_buffer_limit_bytes=LIMIT)
            listener = front([route("up")], [ext_proc(modes)])
            listener["per_connection_buffer_limit_bytes"] = LIMIT
            envoy = await lab.envoy(config([listener], [up, processor_cluster(port, **http2)]))
            await story(envoy, exchanges)
            assert await envoy.stat("cluster.extproc.upstream_cx_protocol_error") == 0
        finally:
            await lab.close()
            await wire.stop(1)
        assert exchanges.closed == exchanges.open > 0

    uvloop.run(asyncio.wait_for(main(), 30))


def test_four_messages_go_round(tmp_path: Path) -> None:
    """Again and again on one connection; header blocks are looked up from the second on."""

    async def story(envoy: Envoy, exchanges: Exchanges) -> None:
        for _ in range(5):
            assert (await envoy.call()).body == b"fine"
        assert set(exchanges.kinds.values()) == {5}
        assert len(exchanges.kinds) == 4
        assert await envoy.stat("cluster.extproc.upstream_cx_total") == 1

    play(tmp_path, go, story)


def test_many_calls_at_once(tmp_path: Path) -> None:
    """Two hundred streams, some answered at once and some later."""
    turns = iter(range(10_000))

    def sometimes_later(request: Any) -> Any:
        async def later() -> Answer:
            await asyncio.sleep(0.01)
            return go(request)

        return later() if next(turns) % 3 else go(request)

    async def story(envoy: Envoy, exchanges: Exchanges) -> None:
        replies = await asyncio.gather(*(envoy.call() for _ in range(200)))
        assert Counter(reply.body for reply in replies) == {b"fine": 200}

    play(tmp_path, sometimes_later, story)


@pytest.mark.parametrize("window", [65_535, 262_144])
def test_a_large_body_comes_and_goes(tmp_path: Path, window: int) -> None:
    """Three megabytes in, three other ones out, through Envoy's windows and ours."""

    def swap(request: Any) -> Answer:
        if request.WhichOneof("request") != "response_body":
            return go(request)
        assert request.response_body.body == b"fine"
        mutation = {"header_mutation": setting(content_length=str(len(LARGE))), "body_mutation": {"body": LARGE}}
        return go(request, response_body={"response": mutation})

    async def story(envoy: Envoy, exchanges: Exchanges) -> None:
        for _ in range(3):
            assert (await envoy.call(body=LARGE)).body == LARGE

    play(tmp_path, swap, story, initial_stream_window_size=window, initial_connection_window_size=window)


def test_a_released_call_goes_on_without_us(tmp_path: Path) -> None:
    """OK after the second message: Envoy asks no more."""

    def release(request: Any) -> Answer:
        answer = go(request)
        answer.status = Status.OK if request.WhichOneof("request") == "request_body" else None
        return answer

    async def story(envoy: Envoy, exchanges: Exchanges) -> None:
        for _ in range(5):
            assert (await envoy.call()).body == b"fine"
        assert exchanges.kinds == {"request_headers": 5, "request_body": 5}

    play(tmp_path, release, story)


def test_a_call_that_ends_with_an_error_is_refused(tmp_path: Path) -> None:
    """500, and other calls on the connection do not notice."""

    def fail(request: Any) -> Answer:
        headers = request.request_headers.headers.headers
        if any(each.key == "x-fail" for each in headers):
            return Answer(status=Status.INTERNAL, text="internal")
        return go(request)

    async def story(envoy: Envoy, exchanges: Exchanges) -> None:
        replies = await asyncio.gather(*(envoy.call(headers={"x-fail": "1"} if n % 2 else {}) for n in range(40)))
        assert Counter(reply.status for reply in replies) == {200: 20, 500: 20}
        assert await envoy.stat("cluster.extproc.upstream_cx_total") == 1

    play(tmp_path, fail, story)


def test_a_caller_that_leaves_closes_its_exchange(tmp_path: Path) -> None:
    """While its message is being handled."""

    async def never(request: Any) -> Answer:
        await asyncio.Event().wait()
        return go(request)

    async def story(envoy: Envoy, exchanges: Exchanges) -> None:
        connection = await envoy.connect()
        with contextlib.closing(connection):
            await connection.send("/", b"{}", {})
            await until(_kinds(exchanges), lambda kinds: kinds["request_headers"] == 1)
        async with asyncio.timeout(5):
            while not exchanges.closed:
                await asyncio.sleep(0.01)
        assert (exchanges.open, exchanges.closed) == (1, 1)

    play(tmp_path, never, story)


def _kinds(exchanges: Exchanges) -> Callable[[], Awaitable[Counter[str]]]:
    async def look() -> Counter[str]:
        return exchanges.kinds

    return look
