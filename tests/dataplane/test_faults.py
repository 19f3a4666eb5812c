"""Parts that are killed or hang while callers call: closed, in the caller's dialect, and back by itself."""

import json
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress

import pytest
from gateways import BuiltIn, Gateway, Starter
from raw_calls import BrokenOff, Reply, call, chat

CONFIG = "providers: {m: {type: mock}}\nmodels: {chat: m/gpt-4o-mini}\n"
ADDRESS = "maria.rossi@example.com"


@pytest.fixture(scope="module")
def running(start_once: Starter) -> Gateway:
    """One gateway for all faults: each leaves it as it was."""
    return start_once.gateway(CONFIG)


@pytest.fixture
def mock(running: Gateway) -> Iterator[BuiltIn]:
    """Its provider, as new."""
    provider = running.mock("m")
    provider.script()
    provider.forget()
    yield provider
    provider.script()


@pytest.fixture
def ask(running: Gateway) -> Callable[..., Reply]:
    """One call; see `raw_calls.call`."""
    return lambda body, **more: running.loop.run(call(running.origin, running.key, body, **more))


@pytest.fixture
def beside(ask: Callable[..., Reply]) -> Iterator[Callable[..., "Future[Reply]"]]:
    """The same, under way while the test goes on."""
    with ThreadPoolExecutor(4) as pool:
        yield lambda body, **more: pool.submit(ask, body, **more)


def kill(running: Gateway, name: str) -> int:
    """SIGKILL a part. Returns the process id it had."""
    pid = running.running.supervisor.pids()[name]
    with suppress(ProcessLookupError):  # dead already
        os.kill(pid, signal.SIGKILL)
    return pid


@contextmanager
def stopped(running: Gateway, name: str) -> Iterator[None]:
    """A part that is there and does nothing."""
    pid = running.running.supervisor.pids()[name]
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):  # the supervisor may have ended it
            os.kill(pid, signal.SIGCONT)


def prompts(mock: BuiltIn) -> list[str]:
    """What the provider was asked, in order."""
    return [json.loads(each["body"])["messages"][-1]["content"] for each in mock.received()]


def test_a_killed_processor_is_a_503_until_it_is_back(
    running: Gateway, mock: BuiltIn, ask: Callable[..., Reply]
) -> None:
    """Never a pass: the provider is asked what was answered and nothing else. The supervisor starts it again.

    A call may survive: it is asked again for a few seconds. So the processor is killed until one does not.
    """
    before = running.running.supervisor.pids()["extproc-0"]
    answered: list[str] = []
    refused: list[Reply] = []
    deadline = time.monotonic() + 90
    back = False
    while not back and time.monotonic() < deadline:
        if not refused:
            kill(running, "extproc-0")
        prompt = f"call number {len(refused) + len(answered)}"
        reply = ask(chat(prompt))
        if reply.status == 200:
            answered.append(prompt)
            back = bool(refused)
            continue
        refused.append(reply)
        assert (reply.status, reply.code) == (503, "processor_unavailable")
        assert reply.headers["content-type"] == "application/json"
        assert set(reply.json()["error"]) == {"message", "type", "param", "code"}
        time.sleep(0.05)
    assert back
    assert prompts(mock) == answered
    assert running.running.supervisor.pids()["extproc-0"] != before
    record = running.record(refused[-1].id)
    assert (record["outcome"], record["reason"], record["status"]) == ("failed", "processor_unavailable", 503)
    assert record["provider"] is None


def test_a_hung_processor_is_killed_and_its_calls_end_closed(
    running: Gateway, mock: BuiltIn, ask: Callable[..., Reply]
) -> None:
    """By the supervisor; what it was asked goes nowhere, unless its successor is asked in time."""
    with stopped(running, "extproc-0"):
        began = time.monotonic()
        reply = ask(chat("are you asleep?"))
        took = time.monotonic() - began
    assert (reply.status, reply.code) in {(503, "processor_unavailable"), (200, None)}
    assert took < 15
    assert running.wait_for(lambda: ask(chat("awake")).status == 200, 40)
    assert prompts(mock).count("are you asleep?") == (reply.status == 200)
    assert running.record(reply.id)["reason"] == ("ok" if reply.status == 200 else "processor_unavailable")


@pytest.mark.parametrize("moment", ["before its head", "in the middle of it"])
def test_a_processor_killed_while_an_answer_is_held_leaks_nothing_of_it(
    running: Gateway, mock: BuiltIn, ask: Callable[..., Reply], beside: Callable[..., "Future[Reply]"], moment: str
) -> None:
    """The caller of a redacted request gets an error: no placeholder, no value, no part of the answer."""
    rule = {"delay": 4.0} if moment == "before its head" else {"size": 400_000, "chunk_delay": 0.05}
    mock.script({"contains": "Write to", **rule})
    calling = beside(chat(f"Write to {ADDRESS} please"))
    (placeholder,) = running.wait_for(lambda: [each.split()[2] for each in prompts(mock)])
    assert placeholder != ADDRESS
    time.sleep(1.0)
    assert not calling.done()
    kill(running, "extproc-0")
    try:
        reply = calling.result(30)
        assert reply.code == "processor_unavailable"
    except BrokenOff as broken:  # the head of an answer of unknown length may be out, nothing else
        reply = broken.reply
        assert reply.body == b""
    for leak in (placeholder, ADDRESS, "lorem"):
        assert leak.encode() not in reply.body
    assert running.wait_for(lambda: ask(chat("back")).status == 200, 40)


def test_a_processor_killed_while_a_stream_is_counted_breaks_it_off(
    running: Gateway, mock: BuiltIn, ask: Callable[..., Reply], beside: Callable[..., "Future[Reply]"]
) -> None:
    """What has begun cannot become a 503: it ends without its last chunk, so that no caller takes it for whole."""
    mock.script({"contains": "count", "say": "one two three " * 20, "chunk_delay": 0.1})
    calling = beside(chat("count", stream=True))
    running.wait_for(lambda: prompts(mock) == ["count"])
    time.sleep(1.0)
    kill(running, "extproc-0")
    with pytest.raises(BrokenOff) as broken:
        calling.result(30)
    assert broken.value.reply.status == 200
    assert b"[DONE]" not in broken.value.reply.body
    assert running.wait_for(lambda: ask(chat("back")).status == 200, 40)


def test_traffic_goes_on_without_the_control_plane(running: Gateway, mock: BuiltIn, ask: Callable[..., Reply]) -> None:
    """And a change made while it is down takes effect once it is back, without a broken call."""
    before = kill(running, "xds")
    written = running.config.read_text()
    running.config.write_text(written.replace("chat: m/gpt-4o-mini", "chat: m/gpt-4o-mini, later: m/gpt-4o-mini"))
    assert ask(chat("still there?")).status == 200

    def later() -> bool:
        assert ask(chat("still there?")).status == 200
        return ask(chat("new here?", "later")).status == 200

    assert running.wait_for(later, 40)
    assert running.running.supervisor.pids()["xds"] != before
    running.config.write_text(written)
    assert running.wait_for(lambda: ask(chat("gone?", "later")).code == "unknown_model")


def test_every_request_has_its_line_once_however_often_the_recorder_dies(
    running: Gateway, mock: BuiltIn, ask: Callable[..., Reply], beside: Callable[..., "Future[Reply]"]
) -> None:
    """Killed in the middle of its work, four times, while calls keep coming."""
    calling = [beside(chat(f"recorded {number}")) for number in range(600)]
    killed: list[int] = []
    while len(killed) < 4:
        pid = running.running.supervisor.pids()["recorder"]
        if pid not in killed and running.places.recorder_socket.exists():
            time.sleep(0.4)
            killed.append(kill(running, "recorder"))
        time.sleep(0.05)
    calling += [beside(chat(f"recorded later {number}")) for number in range(100)]
    replies = [each.result(60) for each in calling]
    assert Counter(reply.status for reply in replies) == {200: 700}
    wanted = {reply.id for reply in replies}
    running.wait_for(lambda: wanted <= {record["id"] for record in running.records("attempt")}, 40)
    time.sleep(0.5)  # a line too many would come as late as one of the last
    for kind in ("request", "attempt"):
        lines = Counter(record["id"] for record in running.records(kind))
        assert {lines[each] for each in wanted} == {1}, kind


def test_a_killed_envoy_comes_back(
    running: Gateway, mock: BuiltIn, beside: Callable[..., "Future[Reply]"], ask: Callable[..., Reply]
) -> None:
    """Callers lose their connections, never a guard; the same address answers again."""
    mock.script({"contains": "slow", "delay": 5.0})
    calling = beside(chat("slow"))
    running.wait_for(lambda: prompts(mock) == ["slow"])
    kill(running, "envoy")
    with pytest.raises(BrokenOff):
        calling.result(30)

    def back() -> bool:
        try:
            return ask(chat("back")).status == 200
        except (ConnectionError, BrokenOff):
            return False

    assert running.wait_for(back, 40)
    assert running.running.supervisor.restarts()["envoy"] == 1
