"""Several inspectors: they share the calls, and one that dies or hangs costs its own calls only."""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Iterator

import pytest
from gateways import BuiltIn, Gateway, Starter
from raw_calls import BrokenOff, call, chat

from forebay.observability import health

CONFIG = "providers: {m: {type: mock}}\nmodels: {chat: m/gpt-4o-mini}\n"
BOTH = ("extproc-0", "extproc-1")


@pytest.fixture(scope="module")
def running(start_once: Starter) -> Gateway:
    """A gateway with two."""
    return start_once.gateway(CONFIG, workers=2)


@pytest.fixture(autouse=True)
def both(running: Gateway) -> None:
    """Whatever the test before did to them, both serve."""
    sockets = [running.places.health_socket(number) for number in range(2)]
    running.wait_for(lambda: all(running.loop.run(health.check(socket)) for socket in sockets), 60)


@pytest.fixture
def mock(running: Gateway) -> Iterator[BuiltIn]:
    """Its provider, as new."""
    provider = running.mock("m")
    provider.script()
    yield provider
    provider.script()


def open_calls(running: Gateway) -> list[int]:
    """How many streams Envoy has open to each inspector."""
    lines = running.admin("/clusters").splitlines()
    return sorted(
        int(line.rpartition("::")[2]) for line in lines if line.startswith("extproc::") and "rq_active" in line
    )


async def storm(running: Gateway, seconds: float) -> Counter[int]:
    """Calls, eight at a time, for so long; their statuses, 0 for an answer that broke off."""
    statuses: Counter[int] = Counter()
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds

    async def caller() -> None:
        while loop.time() < until:
            try:
                reply = await call(running.origin, running.key, chat("hello"))
            except BrokenOff:
                statuses[0] += 1
            else:
                statuses[reply.status] += 1

    await asyncio.gather(*(caller() for _ in range(8)))
    return statuses


def test_inspectors_share_the_calls(running: Gateway, mock: BuiltIn) -> None:
    """Each gets some of the streams that are open at once."""
    mock.script({"contains": "slow", "delay": 3.0})

    async def many() -> list[int]:
        calls = [asyncio.ensure_future(call(running.origin, running.key, chat("slow"))) for _ in range(40)]
        await asyncio.sleep(1.5)
        busy = await asyncio.to_thread(open_calls, running)
        await asyncio.gather(*calls)
        return busy

    busy = running.loop.run(many())
    assert len(busy) == 2
    assert min(busy) >= 5


@pytest.mark.parametrize("name", BOTH)
def test_a_killed_inspector_costs_its_own_calls_only(running: Gateway, name: str) -> None:
    """What comes after goes to the other one, also before it is back."""

    async def story() -> tuple[Counter[int], int]:
        pid = running.running.supervisor.pids()[name]
        storming = asyncio.ensure_future(storm(running, 4.0))
        await asyncio.sleep(1.0)
        os.kill(pid, signal.SIGKILL)
        return await storming, pid

    statuses, pid = running.loop.run(story())
    assert set(statuses) <= {200, 503}
    assert statuses[503] <= 8, statuses  # those that were under way
    assert running.wait_for(lambda: running.running.supervisor.pids()[name] != pid, 20)


def test_an_inspector_told_to_stop_loses_nothing(running: Gateway, mock: BuiltIn) -> None:
    """Its open calls end well, new ones go to the other, and the supervisor starts it again."""
    mock.script({"contains": "slow", "delay": 3.0})

    async def story() -> tuple[list[int], Counter[int], int]:
        pid = running.running.supervisor.pids()["extproc-0"]
        slow = [asyncio.ensure_future(call(running.origin, running.key, chat("slow"))) for _ in range(20)]
        await asyncio.sleep(1.0)
        storming = asyncio.ensure_future(storm(running, 4.0))
        await asyncio.sleep(0.5)
        os.kill(pid, signal.SIGTERM)
        return [reply.status for reply in await asyncio.gather(*slow)], await storming, pid

    slow, statuses, pid = running.loop.run(story())
    assert Counter(slow) == {200: 20}
    assert set(statuses) == {200}, statuses
    assert running.wait_for(lambda: running.running.supervisor.pids()["extproc-0"] != pid, 20)


def test_an_inspector_whose_loop_is_stuck_is_killed(running: Gateway) -> None:
    """Its calls fail closed, at the latest when it is dead, and calls are served again at once."""

    async def story() -> tuple[Counter[int], int]:
        pid = running.running.supervisor.pids()["extproc-1"]
        storming = asyncio.ensure_future(storm(running, 5.0))
        await asyncio.sleep(0.5)
        os.kill(pid, signal.SIGSTOP)
        return await storming, pid

    statuses, pid = running.loop.run(story())
    assert set(statuses) <= {200, 503}
    assert statuses[200] > 0
    assert running.wait_for(lambda: running.running.supervisor.pids()["extproc-1"] != pid, 20)
    assert any("did not answer for 2 s" in line for part, line in running.log if part == "extproc-1")
