"""Streams of a provider that wants the processor's memory or its time: they end, and nobody else notices."""

import asyncio
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import hostile
import pytest
from bare_http import Call, Provider
from gateways import Gateway, Starter
from raw_calls import Reply, call, chat

PROCESSOR: Final = "extproc-0"
MOST_GROWN: Final = 64  # MiB
WORDS: Final = 80
PATHS: Final = {"chat": "/v1/chat/completions", "responses": "/v1/responses"}
CONFIG = """
models: {{chat: p/m}}
tenants:
  masking: {{keys: ["${{file:@folder@/masking}}"], guards: masking}}
  blocking: {{keys: ["${{file:@folder@/blocking}}"], guards: blocking}}
  other: {{keys: ["${{file:@folder@/other}}"], guards: masking}}
guards:
  masking: {{pii: {{in: redact, out: redact}}, secrets: {{out: redact}}, links: {{out: redact}}}}
  blocking: {{pii: {{in: redact, out: block}}, secrets: {{out: block}}}}
providers: {{p: {{type: openai, url: "http://127.0.0.1:{port}/v1"}}}}
"""
BAD = "Write to eve.adams@example.org, which is the address that was asked for by all of them there. "


def delta(text: str) -> str:
    return hostile.DELTAS["chat"] % hostile.compact(text)


def ever_new_choices() -> Iterator[str]:
    for first in range(0, 3_600_000, 4000):
        yield hostile.compact({"choices": [{"index": first + index} for index in range(4000)]})
    yield delta(BAD * 3)


def many_choices() -> Iterator[str]:
    yield hostile.compact({"choices": [{"index": index} for index in range(1000)]})
    yield delta(BAD * 3)


def parts_and_a_deep_item() -> Iterator[str]:
    yield hostile.compact({"type": "response.created", "response": {"id": "resp_1"}})
    for index in range(256):
        added = {"type": "response.output_item.added", "output_index": index}
        yield hostile.compact({**added, "item": {"id": "x", "type": "message"}})
    part = {"type": "output_text", "l": ["a"] * 1900}
    for index in range(60):
        added = {"type": "response.content_part.added", "output_index": index, "content_index": 0}
        yield hostile.compact({**added, "part": part})
    deep = "[" * 190 + "]" * 190
    yield '{"type":"response.output_item.done","output_index":0,"item":{"type":"message","id":"x","d":' + deep + "}}"
    yield hostile.DELTAS["responses"] % hostile.compact(BAD * 3)


STREAMS = {
    ("chat", "ever new choices"): ever_new_choices,
    ("chat", "many choices"): many_choices,
    ("responses", "parts"): parts_and_a_deep_item,
}


async def speaking(request: Call) -> None:
    """Slow words for one caller, a hostile stream for the other, which asks for it by name."""
    asked = request.body.decode()
    await request.begin(content_type="text/event-stream")
    if "words" in asked:
        for _ in range(WORDS):
            await request.chunk(hostile.event(delta("word ")))
            await asyncio.sleep(0.05)
        await request.chunk(b"data: [DONE]\n\n")
    else:
        (made,) = [make for (_, name), make in STREAMS.items() if name in asked]
        for each in made():
            await request.chunk(hostile.event(each))
    await request.end()


@pytest.fixture(scope="module")
def gateway(start_once: Starter) -> Gateway:
    for tenant in ("masking", "blocking", "other"):
        start_once.file(tenant, f"key-of-{tenant}-0123456789")
    provider: Provider = start_once.bare_provider(speaking)
    return start_once.gateway(CONFIG.format(port=provider.port))


def resident(pid: int) -> float:
    """MiB that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


@pytest.mark.parametrize(("api", "name"), STREAMS)
def test_another_tenants_stream_goes_on_beside_a_hostile_one(gateway: Gateway, api: str, name: str) -> None:
    """Masked or blocked, it ends as it should; the processor lives, answers in time and does not grow."""
    pid = gateway.running.supervisor.pids()[PROCESSOR]

    async def story() -> tuple[Reply, dict[str, Reply], float]:
        words = asyncio.ensure_future(ask("other", "words"))
        await asyncio.sleep(0.5)
        before, most = resident(pid), 0.0
        hostile_ones = {tenant: asyncio.ensure_future(ask(tenant, name, api)) for tenant in ("masking", "blocking")}
        while not (words.done() and all(each.done() for each in hostile_ones.values())):
            most = max(most, resident(pid) - before)
            await asyncio.sleep(0.02)
        return await words, {tenant: await each for tenant, each in hostile_ones.items()}, most

    async def ask(tenant: str, text: str, api: str = "chat") -> Reply:
        body = chat(text, stream=True)
        if api == "responses":
            body = json.dumps({"model": "chat", "input": text, "stream": True}).encode()
        return await call(gateway.origin, f"key-of-{tenant}-0123456789", body, path=PATHS[api])

    words, ended, grown = gateway.loop.run(story(), 90)
    assert words.deltas == ["word "] * WORDS
    assert grown < MOST_GROWN
    assert gateway.running.supervisor.restarts()[PROCESSOR] == 0
    assert gateway.running.supervisor.pids()[PROCESSOR] == pid
    for tenant, reply in ended.items():
        assert (reply.status, b"eve.adams" in reply.body) == (200, False)
        reason = gateway.record(reply.id)["reason"]
        if name == "ever new choices":
            assert (reason, len(reply.body) < 1 << 20) == ("answer_unreadable", True)
        elif tenant == "blocking":
            assert reason == "blocked_in_stream"
        else:
            assert (reason, b"[EMAIL_ADDRESS]" in reply.body) == ("ok", True)
