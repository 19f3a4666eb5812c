"""Large streams: a provider that is faster than its reader is held back, and nobody else waits for their guards."""

import asyncio
import json
import os
from pathlib import Path
from typing import Final

import pytest
from bare_http import Call, Provider
from gateways import Gateway, Starter
from raw_calls import BrokenOff, Pace, Reply, call, chat

READERS: Final = 3
PIECES, EVENTS = 600, 21  # of 64 KiB: 38 MiB for each reader; events in each
MOST_TAKEN: Final = 28 << 20  # bytes for each reader, those in the kernel's buffers included
MOST_HELD: Final = 20.0  # MiB for each reader
PAUSE: Final = 12.0  # seconds before they read
KEYS: Final = {"plain": "key-of-plain-0123456789", "held": "key-of-held-0123456789"}
PROCESSOR: Final = "extproc-0"
ADDRESS: Final = "maria.rossi@example.com"
CONFIG = """
models:
  chat: p/m
  brief: {{backends: [{{use: p/m, weight: 1}}], timeout: {{first_token: 1s, total: 3s}}}}
tenants: {{plain: {{keys: ["${{file:@folder@/plain}}"]}}, held: {{keys: ["${{file:@folder@/held}}"], guards: all}}}}
guards: {{all: {{pii: {{in: redact, out: redact}}, secrets: {{out: redact}}, links: {{out: redact}}}}}}
providers: {{p: {{type: openai, url: "http://127.0.0.1:{port}/v1"}}}}
"""


class Pouring:
    """A provider that sends as fast as it is let; `sent` counts the bytes that were taken from it."""

    def __init__(self) -> None:
        self.sent = 0
        self.pieces = PIECES

    async def __call__(self, call: Call) -> None:
        placeholder = json.loads(call.body)["messages"][-1]["content"].split()[-1]
        words = "many calm words for everybody " * 100
        pieces = event(words + placeholder + " ") * EVENTS
        await call.begin(content_type="text/event-stream")
        for _ in range(self.pieces):
            await call.chunk(pieces)
            self.sent += len(pieces)
        await call.chunk(b"data: [DONE]\n\n")
        await call.end()


def event(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


@pytest.fixture(scope="module")
def pouring() -> Pouring:
    return Pouring()


@pytest.fixture(scope="module")
def gateway(start_once: Starter, pouring: Pouring) -> Gateway:
    for tenant, key in KEYS.items():
        start_once.file(tenant, key)
    provider: Provider = start_once.bare_provider(pouring)
    return start_once.gateway(CONFIG.format(port=provider.port))


def resident(gateway: Gateway, part: str) -> float:
    """MiB that a part holds."""
    pid = gateway.running.supervisor.pids()[part]
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def test_a_provider_that_is_faster_than_its_readers_is_held_back(gateway: Gateway, pouring: Pouring) -> None:
    """While they read nothing no more than some megabytes are taken from it; then each gets every byte."""

    async def story() -> list[Reply]:
        before = resident(gateway, "envoy"), resident(gateway, PROCESSOR)
        pace, body = Pace(first=PAUSE), chat(f"I am {ADDRESS}", stream=True)
        reading = [
            asyncio.ensure_future(call(gateway.origin, KEYS["plain"], body, pace=pace, timeout=90))
            for _ in range(READERS)
        ]
        sent, rounds = -(READERS << 20), 0
        while pouring.sent - sent > READERS << 18 and rounds < PAUSE - 2:  # it takes time to fill what there is to fill
            sent, rounds = pouring.sent, rounds + 1
            await asyncio.sleep(1.0)
        assert not any(each.done() for each in reading)
        assert 1 << 20 < pouring.sent / READERS < MOST_TAKEN
        assert pouring.sent - sent <= READERS << 18, "it is not held back"
        assert resident(gateway, "envoy") - before[0] < MOST_HELD * READERS
        assert resident(gateway, PROCESSOR) - before[1] < MOST_HELD * READERS
        return list(await asyncio.gather(*reading))

    for reply in gateway.loop.run(story(), 100):
        assert reply.body.count(ADDRESS.encode()) == PIECES * EVENTS
        assert b"EMAIL_ADDRESS" not in reply.body
        assert reply.body.endswith(b"data: [DONE]\n\n")


def test_a_reader_that_takes_nothing_is_ended_by_the_time_for_the_whole_call(
    gateway: Gateway, pouring: Pouring
) -> None:
    """Whatever is held for it is let go."""
    body = chat(f"I am {ADDRESS}", stream=True, model="brief")
    with pytest.raises(BrokenOff) as broken:
        gateway.loop.run(call(gateway.origin, KEYS["plain"], body, pace=Pace(first=9.0), timeout=60))
    record = gateway.record(broken.value.reply.id)
    assert (record["outcome"], record["reason"]) == ("failed", "provider_timeout")
    assert 2500 < record["duration_ms"] < 8500


def test_small_calls_go_on_beside_large_answers_that_are_guarded(gateway: Gateway, pouring: Pouring) -> None:
    """Eight of 1 MiB at once take the processor seconds; the supervisor sees it alive, and no caller waits for all."""
    pouring.pieces = 16

    async def story() -> tuple[list[Reply], list[float]]:
        large = chat(f"I am {ADDRESS}", stream=True)
        reading = [asyncio.ensure_future(call(gateway.origin, KEYS["held"], large)) for _ in range(8)]
        loop, took = asyncio.get_running_loop(), []
        while not all(each.done() for each in reading):
            began = loop.time()
            refused = await call(gateway.origin, KEYS["held"], b"{}")
            assert refused.status == 400
            took.append(loop.time() - began)
            await asyncio.sleep(0.05)
        return list(await asyncio.gather(*reading)), took

    replies, took = gateway.loop.run(story(), 100)
    for reply in replies:
        assert reply.body.count(ADDRESS.encode()) == 16 * EVENTS
        assert reply.body.endswith(b"data: [DONE]\n\n")
    assert len(took) > 10
    assert max(took) < 2.0
    assert gateway.running.supervisor.restarts()[PROCESSOR] == 0
