"""Hundreds of streams whose processor is killed, hangs, pauses or is restarted in their middle: no unguarded byte.

What a caller gets is, up to wherever it ends, exactly what it would have got: its own value in place of the
placeholder, a mask in place of what the model made up. So its text is compared character by character.
"""

import asyncio
import json
import os
import random
import re
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import pytest
from bare_http import Call, Connection, Provider, Reply
from gateways import Gateway, Starter

from forebay.observability import health

AT_ONCE: Final = 40  # streams; times the stories below: more than two hundred
KEY: Final = "key-of-acme-0123456789"
PART: Final = "extproc-0"
CONFIG = """
models: {{chat: p/m}}
tenants: {{acme: {{keys: ["${{file:@folder@/acme}}"], guards: masking}}}}
guards: {{masking: {{pii: {{in: redact, out: redact}}, secrets: {{out: redact}}}}}}
providers: {{p: {{type: openai, url: "http://127.0.0.1:{port}/v1"}}}}
"""
_SAID = re.compile(rb'"content":"((?:[^"\\]|\\.)*)')


@dataclass(frozen=True)
class Story:
    """What happens to the processor once every stream flows, and how often the provider speaks at most."""

    name: str
    happens: Callable[[int], None]
    after: Callable[[int], None] | None = None  # half a second later: after two the supervisor takes it for hung
    most: int = 10_000  # sentences of the longest stream
    breaks: bool = True  # every stream; else those that end in time are whole


def _signalled(number: signal.Signals) -> Callable[[int], None]:
    return lambda pid: os.kill(pid, number)


STORIES = (
    Story("killed", _signalled(signal.SIGKILL)),
    Story("killed again", _signalled(signal.SIGKILL)),
    Story("hung", _signalled(signal.SIGSTOP)),  # until the supervisor kills it
    Story("paused", _signalled(signal.SIGSTOP), _signalled(signal.SIGCONT), most=60, breaks=False),
    Story("restarted", _signalled(signal.SIGTERM), most=60, breaks=False),  # open calls are let finish
    Story("restarted too late", _signalled(signal.SIGTERM)),  # for ten seconds, then they are cut off
)


def sentences(caller: int, who: str, eve: str) -> Iterator[str]:
    """What the model says to one caller, without end: `who` the caller is, and whom it made up."""
    number = 0
    while True:
        yield f"Dear {who}, it is a fine day; now ask {eve.format(f'eve{number}.of{caller}@leak.example')} again. "
        number += 1


class Saying:
    """A provider that talks to each caller in pieces of its own size, cut anywhere, until told to come to an end."""

    def __init__(self) -> None:
        self.most = 0
        self.flowing = 0  # callers that have been told a few sentences

    async def __call__(self, call: Call) -> None:
        prompt = json.loads(call.body)["messages"][-1]["content"]
        caller, placeholder = int(prompt.split()[0]), prompt.split()[-1]
        chance = random.Random(caller)
        await call.begin(content_type="text/event-stream")
        said = sentences(caller, placeholder, "{}")
        for number in range(chance.randint(self.most // 2, self.most)):
            sentence = next(said)
            while sentence:
                size = chance.randint(1, 12)
                event = _event(sentence[:size])
                cut = chance.randrange(len(event))
                for piece in (event[:cut], event[cut:]):
                    if piece:
                        await call.chunk(piece)
                sentence = sentence[size:]
                await asyncio.sleep(0.005)
            self.flowing += number == 2
        await call.chunk(b"data: [DONE]\n\n")
        await call.end()


def _event(text: str) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


@pytest.fixture(scope="module")
def saying() -> Saying:
    return Saying()


@pytest.fixture(scope="module")
def gateway(start_once: Starter, saying: Saying) -> Gateway:
    """One for all stories: each leaves it with a processor."""
    start_once.file("acme", KEY)
    provider: Provider = start_once.bare_provider(saying)
    return start_once.gateway(CONFIG.format(port=provider.port))


async def ask(port: int, caller: int) -> Reply:
    """One stream, to its end or to where it breaks off."""
    mine = f"{caller} says: write to {mail(caller)}"
    asked = {"model": "chat", "messages": [{"role": "user", "content": mine}], "stream": True}
    connection = await Connection.open(port)
    try:
        headers = {"authorization": f"Bearer {KEY}"}
        await connection.send("/v1/chat/completions", json.dumps(asked).encode(), headers)
        return await connection.reply()
    finally:
        connection.close()


def mail(caller: int) -> str:
    """What the caller sends and gets back."""
    return f"caller{caller}@example.com"


async def live(story: Story, port: int, pid: int, saying: Saying, callers: range) -> list[Reply]:
    """The streams of one story; how each ended."""
    saying.flowing, saying.most = 0, story.most
    streams = [asyncio.ensure_future(ask(port, caller)) for caller in callers]
    while saying.flowing < len(callers):
        await asyncio.sleep(0.01)
    await asyncio.sleep(random.Random(callers.start).random() / 2)
    assert not any(stream.done() for stream in streams), "all of them are to be in their middle"
    story.happens(pid)
    if story.after is not None:
        await asyncio.sleep(0.5)
        story.after(pid)
    return await asyncio.wait_for(asyncio.gather(*streams), 60)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.name)
def test_whatever_becomes_of_the_processor_no_caller_reads_an_unguarded_byte(
    gateway: Gateway, saying: Saying, story: Story
) -> None:
    """Forty streams in their middle at once. Each breaks off or is whole, and has one line in the record."""
    socket = gateway.places.health_socket(0)
    gateway.wait_for(lambda: gateway.loop.run(health.check(socket)), 60)
    pid = gateway.running.supervisor.pids()[PART]
    first = STORIES.index(story) * AT_ONCE
    callers = range(first, first + AT_ONCE)
    replies = gateway.loop.run(live(story, int(gateway.origin.rpartition(":")[2]), pid, saying, callers))
    for caller, reply in zip(callers, replies, strict=True):
        assert reply.status == 200
        text = said(reply.body)
        assert text, "it was in its middle"
        assert text == expected(caller, len(text)), f"caller {caller}"
        assert (b"[DONE]" in reply.body) == reply.complete
    whole = sum(reply.complete for reply in replies)
    assert (whole == 0) is story.breaks  # a slow machine may be too late for some of those that could be whole
    lines = recorded(gateway, [reply.headers["x-request-id"] for reply in replies])
    assert Counter(lines) == +Counter({"completed": whole, "failed": AT_ONCE - whole})
    if story.name != "paused":
        assert gateway.wait_for(lambda: gateway.running.supervisor.pids()[PART] != pid, 30)


def said(body: bytes) -> str:
    """Every character of text that came, that of an event that broke off in its middle included."""
    return "".join(json.loads(b'"' + piece + b'"') for piece in _SAID.findall(body))


def expected(caller: int, length: int) -> str:
    """So much of what the caller is to read."""
    text = ""
    for sentence in sentences(caller, mail(caller), "[EMAIL_ADDRESS]"):
        text += sentence
        if len(text) >= length:
            break
    return text[:length]


def recorded(gateway: Gateway, identities: list[str]) -> list[str]:
    """The outcome of each; fails where one has no line, or two."""
    wanted = set(identities)
    gateway.wait_for(lambda: wanted <= {each["id"] for each in gateway.records()}, 30)
    lines = [each for each in gateway.records() if each["id"] in wanted]
    assert len(lines) == len(wanted) == AT_ONCE
    return [str(each["outcome"]) for each in lines]
