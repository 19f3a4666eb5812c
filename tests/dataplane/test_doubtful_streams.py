"""Streams that two clients could read as two texts, from a provider that means it, through the real Envoy and the SDKs.

Whatever a client puts together, it is a text that a guard has read; a stream of which that cannot be said breaks off.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anthropic
import httpx2
import openai
import pytest
from bare_http import Call
from gateways import Gateway, Starter

KEY = "masking-key-0123456789abcdef"
MAIL = "eve.adams@example.org"
FIRST, SECOND = "Write to eve.adams@exam", "ple.org today, thanks. "
CONFIG = """
models: {{chat: p/m, claude: a/m}}
tenants: {{masking: {{keys: ["${{file:@folder@/masking}}"], guards: masking}}}}
guards: {{masking: {{pii: {{in: redact, out: redact}}, secrets: {{out: redact}}}}}}
providers:
  p: {{type: openai, url: "http://127.0.0.1:{port}/v1"}}
  a: {{type: anthropic, url: "http://127.0.0.1:{port}"}}
"""


def event(answer: dict[str, Any], name: str = "") -> bytes:
    """One, as providers write them."""
    line = b"event: %b\n" % name.encode() if name else b""
    return line + b"data: " + json.dumps(answer, separators=(",", ":")).encode() + b"\n\n"


def chunk(text: str, index: Any = 0, finish: str | None = None) -> bytes:
    """Of chat."""
    choice = {"index": index, "delta": {"content": text}, "finish_reason": finish}
    return event({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


def typed(type_: str, **members: Any) -> bytes:
    """Of the other two."""
    return event({"type": type_, **members}, type_)


def delta(text: str, index: Any = 0, type_: str = "content_block_delta") -> bytes:
    """Of Messages."""
    inner = {"type": "text_delta", "text": text}
    return event({"type": type_, "index": index, "delta": inner}, "content_block_delta")


def spoken(text: str, index: Any = 0, type_: str = "response.output_text.delta") -> bytes:
    """Of Responses."""
    return typed(type_, item_id="msg_1", output_index=index, content_index=0, delta=text)


MESSAGE = {"id": "m", "type": "message", "role": "assistant", "content": [], "model": "m", "stop_reason": None}
RESPONSE = {"id": "r", "object": "response", "created_at": 1, "model": "m", "status": "in_progress", "output": []}
BEGIN = {
    "chat": b"",
    "messages": typed("message_start", message={**MESSAGE, "usage": {"input_tokens": 1, "output_tokens": 1}})
    + typed("content_block_start", index=0, content_block={"type": "text", "text": ""}),
    "responses": typed("response.created", response=RESPONSE),
}
END = {
    "chat": chunk("", finish="stop") + b"data: [DONE]\n\n",
    "messages": typed("content_block_stop", index=0)
    + typed("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 3})
    + typed("message_stop"),
    "responses": typed("response.completed", response={**RESPONSE, "status": "completed"}),
}
BOM = b"\xef\xbb\xbf"
WHOLE = FIRST + SECOND
HIDDEN: dict[str, tuple[str, bytes]] = {
    "a mark within": ("chat", chunk("Hi. ") + BOM + chunk(WHOLE)),
    "a mark in Messages": ("messages", delta(WHOLE).replace(b"\ndata", b"\n" + BOM + b"data")),
    "a blank": ("chat", b" " + chunk(WHOLE)),
    "capitals": ("chat", chunk(WHOLE).replace(b"data", b"DATA")),
    "a line of JSON": ("chat", chunk(WHOLE)[6:]),
    "an id": ("chat", b"id: " + MAIL.encode() + b"\n" + chunk("x")),
    "a name": ("chat", b"event: " + MAIL.encode() + b"\n" + chunk("x")),
    "an index below zero": ("chat", chunk("hello ") + chunk(FIRST, 1) + chunk(SECOND, -1)),
    "an index that is a fraction": ("chat", chunk(FIRST) + chunk(SECOND, 0.0)),
    "an index that is true": ("chat", chunk(FIRST, 1) + chunk(SECOND, True)),
    "an item below zero": ("responses", spoken(FIRST, 1) + spoken(SECOND, -1)),
    "an item that is a fraction": ("responses", spoken(FIRST, 1) + spoken(SECOND, 1.0)),
    "a block that is a fraction": ("messages", delta(FIRST) + delta(SECOND, 0.0)),
    "another type than name": ("messages", delta(FIRST, type_="x") + delta(SECOND, type_="x")),
    "a text left out": ("messages", delta(FIRST) + delta("or not ").partition(b"\n")[2] + delta(SECOND)),
    "a text set apart": ("chat", chunk(FIRST) + b"event: thread.x\n" + chunk("or not ") + chunk(SECOND)),
    "behind an end": ("chat", chunk(FIRST) + chunk("", finish="stop") + chunk("") + chunk(SECOND)),
    "behind a block": ("messages", delta(FIRST) + typed("content_block_stop", index=0) + delta(SECOND)),
    "behind an item": (
        "responses",
        spoken(FIRST) + typed("response.output_item.done", output_index=0, item={"type": "message"}) + spoken(SECOND),
    ),
}
FOUND: dict[str, tuple[str, bytes]] = {
    "a comment": ("chat", b": " + WHOLE.encode() + b"\n\n" + chunk(WHOLE)),
    "an end in each chunk": ("chat", b"".join(chunk(letter, finish="stop") for letter in WHOLE)),
    "speech": (
        "responses",
        b"".join(spoken(text, type_="response.audio.transcript.delta") for text in (FIRST, SECOND)),
    ),
    "a type nobody knows": ("responses", b"".join(spoken(text, type_="response.foo") for text in (FIRST, SECOND))),
}


class Meaning:
    """A provider that says what it is told to."""

    def __init__(self) -> None:
        self.raw = b""

    async def __call__(self, call: Call) -> None:
        await call.begin(content_type="text/event-stream")
        await call.chunk(self.raw)
        await call.end()


@dataclass(frozen=True)
class Heard:
    """What the official client put together, all of it in one, and what it raised."""

    text: str
    raised: str


@pytest.fixture(scope="module")
def provider() -> Meaning:
    return Meaning()


@pytest.fixture(scope="module")
def gateway(start_once: Starter, provider: Meaning) -> Gateway:
    start_once.file("masking", KEY)
    return start_once.gateway(CONFIG.format(port=start_once.bare_provider(provider).port))


def ask(gateway: Gateway, api: str) -> Heard:
    """A streamed call."""
    text, raised = "", ""
    try:
        for piece in READ[api](gateway):
            text += piece
    except (openai.APIError, anthropic.APIError) as error:
        raised = str(error)
    return Heard(text, raised)


def _chat(gateway: Gateway) -> Iterator[str]:
    asked: Any = [{"role": "user", "content": "x"}]
    with (
        gateway.client(KEY) as client,
        client.chat.completions.create(model="chat", messages=asked, stream=True) as events,
    ):
        for each in events:
            yield from (choice.delta.content or "" for choice in each.choices)


def _responses(gateway: Gateway) -> Iterator[str]:
    with (
        gateway.client(KEY) as client,
        client.responses.create(model="chat", input="x", stream=True) as events,
    ):
        for each in events:
            yield str(getattr(each, "delta", ""))


def _messages(gateway: Gateway) -> Iterator[str]:
    asked: Any = [{"role": "user", "content": "x"}]
    with (
        anthropic.Anthropic(base_url=gateway.origin, api_key=KEY, max_retries=0) as client,
        client.messages.create(model="claude", max_tokens=9, messages=asked, stream=True) as events,
    ):
        for each in events:
            yield str(getattr(getattr(each, "delta", None), "text", ""))


READ: dict[str, Callable[[Gateway], Iterator[str]]] = {
    "chat": _chat,
    "responses": _responses,
    "messages": _messages,
}
PATHS = {"chat": "chat/completions", "responses": "responses", "messages": "messages"}


def whole(gateway: Gateway, api: str) -> httpx2.Response:
    """The same, read to its end: the SDK hangs up at the mark."""
    asked: dict[str, Any] = {"model": "claude" if api == "messages" else "chat", "stream": True, "max_tokens": 9}
    if api == "responses":
        asked = {"model": "chat", "stream": True, "input": "x"}
    else:
        asked["messages"] = [{"role": "user", "content": "x"}]
    headers = {"authorization": f"Bearer {KEY}"}
    return httpx2.post(f"{gateway.base_url}/{PATHS[api]}", json=asked, headers=headers, timeout=30)


@pytest.mark.parametrize("name", HIDDEN)
def test_what_could_be_read_in_two_ways_breaks_off(gateway: Gateway, provider: Meaning, name: str) -> None:
    """With an error that the client raises, and before the rest of a value."""
    api, said = HIDDEN[name]
    provider.raw = BEGIN[api] + said + END[api]
    heard = ask(gateway, api)
    assert heard.raised
    assert MAIL not in heard.text
    answer = whole(gateway, api)
    assert MAIL not in answer.text
    assert "ple.org" not in answer.text
    record = gateway.record(answer.headers["x-request-id"])
    assert (record["outcome"], record["reason"]) == ("failed", "answer_unreadable")


@pytest.mark.parametrize("name", FOUND)
def test_what_providers_do_send_is_read_whole(gateway: Gateway, provider: Meaning, name: str) -> None:
    """However it is cut, and to its end."""
    api, said = FOUND[name]
    provider.raw = BEGIN[api] + said + END[api]
    heard = ask(gateway, api)
    assert (heard.text, heard.raised) == ("Write to [EMAIL_ADDRESS] today, thanks. ", "")
    answer = whole(gateway, api)
    assert MAIL not in answer.text
    record = gateway.record(answer.headers["x-request-id"])
    assert (record["outcome"], record["reason"]) == ("completed", "ok")
