"""Much at once, and much in one answer: no limit of ours is in the way."""

import asyncio
import json
import resource
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gateways import BuiltIn, Gateway, Starter
from raw_calls import Pace, call, chat, statuses, together

CONFIG = "providers: {m: {type: mock}}\nmodels: {chat: m/gpt-4o-mini}\n"
SIZE = 26_000_000
SLOW = Pace(64 * 1024, 0.01)
MEBIBYTE = 1 << 20


@pytest.fixture(scope="module")
def running(start_once: Starter) -> Gateway:
    """One gateway for all."""
    return start_once.gateway(CONFIG)


@pytest.fixture
def mock(running: Gateway) -> Iterator[BuiltIn]:
    """Its provider, as new."""
    provider = running.mock("m")
    provider.script()
    provider.forget()
    yield provider
    provider.script()


def resident(pid: int) -> int:
    """Bytes of memory that a process holds."""
    status = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmRSS:"))


@contextmanager
def watched(running: Gateway, *names: str) -> Iterator[dict[str, int]]:
    """The most memory that parts held meanwhile, beyond what they held before; there at the end."""
    pids = {name: running.running.supervisor.pids()[name] for name in names}
    before = {name: resident(pid) for name, pid in pids.items()}
    grown = dict.fromkeys(names, 0)
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.05):
            for name, pid in pids.items():
                grown[name] = max(grown[name], resident(pid) - before[name])

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield grown
    finally:
        over.set()
        watching.join()
    assert pids == {name: running.running.supervisor.pids()[name] for name in names}, "a part was restarted"


async def read(running: Gateway, stream: bool, pace: Pace) -> int:
    """Read an answer at some pace. Returns how much it says."""
    reply = await call(running.origin, running.key, chat("much", stream=stream), pace=pace, timeout=100)
    return len("".join(reply.deltas) if stream else reply.text)


def test_answers_of_26_mb_reach_slow_readers_whole(running: Gateway, mock: BuiltIn) -> None:
    """JSON and streams, several at once; no part is restarted over it."""
    mock.script({"size": SIZE})
    with watched(running, "envoy", "extproc-0") as grown:
        lengths = running.loop.run(together(read(running, stream, SLOW) for stream in (True, False) * 3), 110)
    assert lengths == [SIZE] * 6
    assert max(grown.values()) < 6 * 64 * MEBIBYTE, grown


def test_memory_does_not_grow_with_the_answer(running: Gateway, mock: BuiltIn) -> None:
    """Two answers of 100 MB: what a slow reader has not taken is held back at the provider, not in us."""
    mock.script({"size": 100_000_000})
    with watched(running, "envoy", "extproc-0") as grown:
        lengths = running.loop.run(
            together(read(running, stream, Pace(64 * 1024, 0.002)) for stream in (True, False)), 110
        )
    assert lengths == [100_000_000] * 2
    assert max(grown.values()) < 100 * MEBIBYTE, grown


def test_a_reader_that_pauses_gets_the_rest(running: Gateway, mock: BuiltIn) -> None:
    """The answer is complete in Envoy and the connection is to be closed: it waits for the reader all the same."""
    mock.script({"size": 7_000_000})
    assert running.loop.run(read(running, stream=False, pace=Pace(64 * 1024, first=3.0))) == 7_000_000


def test_a_reader_that_stops_reading_holds_up_nobody_else(running: Gateway, mock: BuiltIn) -> None:
    """While one caller sleeps on its answer, others are served."""
    mock.script({"contains": "much", "size": SIZE})

    async def both() -> list[int]:
        sleeping = asyncio.ensure_future(
            call(running.origin, running.key, chat("much"), pace=Pace(64 * 1024, 3.0), timeout=100)
        )
        await asyncio.sleep(1)
        replies = [await call(running.origin, running.key, chat("little"), timeout=5) for _ in range(20)]
        sleeping.cancel()
        await asyncio.gather(sleeping, return_exceptions=True)
        return [reply.status for reply in replies]

    assert running.loop.run(both()) == [200] * 20


@contextmanager
def open_files(soft: int) -> Iterator[None]:
    """How many files this process and those it starts may have open; the hard limit stays."""
    before, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, hard), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (before, hard))


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_1500_calls_at_once_fail_for_no_limit_of_ours(running: Gateway, mock: BuiltIn, stream: bool) -> None:
    """All are at the provider at the same time, and each gets its own answer."""
    mock.script({"delay": 3.0})
    bodies = [chat(f"call {number}", stream=stream) for number in range(1500)]
    with open_files(10_000):
        answering = statuses(call(running.origin, running.key, body, timeout=90) for body in bodies)
        outcomes = running.loop.run(answering, 100)
    assert outcomes == Counter({"200": 1500})
    said = Counter(json.loads(each["body"])["messages"][0]["content"] for each in mock.received())
    assert said == Counter(f"call {number}" for number in range(1500))


def test_a_usual_limit_on_open_files_is_raised(start: Starter) -> None:
    """A shell often allows 1024 of them and more on request: too few for 1,500 calls with two sockets each."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with open_files(1024):
        running = start.gateway(CONFIG)
    for name, pid in running.running.supervisor.pids().items():
        limits = Path(f"/proc/{pid}/limits").read_text()
        (line,) = (line for line in limits.splitlines() if line.startswith("Max open files"))
        assert int(line.split()[3]) == hard, name
