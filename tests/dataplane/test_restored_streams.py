"""Streamed answers with redacted values in them, through the real Envoy: the caller reads what it wrote."""

import asyncio
import json
import os
import random
import signal
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import httpx2
import openai
import pytest
from bare_http import Call, Provider
from gateways import Gateway, Starter

MAIL, CARD = "maria.rossi@example.com", "4111 1111 1111 1111"
PROMPT = f"Write to {MAIL} about card {CARD}, please."
DONE = b"data: [DONE]\n\n"
TOOL = {"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}

Pour = Callable[[Call, bytes], Coroutine[Any, Any, None]]


def event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    """One chunk of a chat completion."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]}
    return b"data: " + json.dumps(chunk, separators=(",", ":")).encode() + b"\n\n"


def usage() -> bytes:
    """The chunk that says nothing but usage."""
    counted = {"prompt_tokens": 21, "completion_tokens": 34, "total_tokens": 55}
    chunk = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": []}
    return b"data: " + json.dumps({**chunk, "usage": counted}).encode() + b"\n\n"


def said(text: str, size: int = 3) -> bytes:
    """The events of an answer that says `text`, so many characters at a time."""
    return b"".join(event({"content": text[at : at + size]}) for at in range(0, len(text), size))


def called(text: str) -> bytes:
    """The events of a tool call whose arguments hold what is in `text`."""
    arguments = json.dumps({"to": text, "cc": [text]})
    head = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "send", "arguments": ""}}
    pieces = [arguments[at : at + 4] for at in range(0, len(arguments), 4)]
    return event({"role": "assistant", "tool_calls": [head]}) + b"".join(
        event({"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}) for piece in pieces
    )


async def in_events(call: Call, events: bytes) -> None:
    """Each event in a chunk of its own."""
    for each in events.split(b"\n\n")[:-1]:
        await call.chunk(each + b"\n\n")


class Saying:
    """A provider that repeats the last message as a stream, the way the test wants it."""

    def __init__(self) -> None:
        self.answer: Callable[[str], bytes] = said
        self.pour: Pour = in_events
        self.goes_on: Callable[[Call], Coroutine[Any, Any, None]] | None = None
        self.stated = False
        self.finish = "stop"
        self.heads = {"content_type": "text/event-stream"}
        self.was_cut = False

    async def __call__(self, call: Call) -> None:
        asked = json.loads(call.body)
        events = self.answer(asked["messages"][-1]["content"])
        if self.goes_on is None:
            options = asked.get("stream_options") or {}
            events += event({}, self.finish) + (usage() if options.get("include_usage") else b"") + DONE
        if self.stated:
            await call.begin(length=len(events), **self.heads)
            await call.raw(events)
            return
        await call.begin(**self.heads)
        await self.pour(call, events)
        if self.goes_on is None:
            await call.end()
            return
        try:
            await self.goes_on(call)
        except ConnectionError:
            self.was_cut = True
            raise


@pytest.fixture(scope="module")
def served(start_once: Starter) -> tuple[Saying, Provider]:
    saying = Saying()
    return saying, start_once.bare_provider(saying)


@pytest.fixture(scope="module")
def gateway(start_once: Starter, served: tuple[Saying, Provider]) -> Gateway:
    url = f"http://127.0.0.1:{served[1].port}/v1"
    return start_once.gateway(f'providers: {{p: {{type: openai, url: "{url}"}}}}\nmodels: {{chat: p/m}}\n')


@pytest.fixture
def provider(served: tuple[Saying, Provider]) -> Saying:
    """As new."""
    served[0].__init__()  # type: ignore[misc]
    return served[0]


@pytest.fixture
def client(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with gateway.client() as made:
        yield made


def asked(served: tuple[Saying, Provider]) -> dict[str, Any]:
    """What the provider was sent last."""
    body: dict[str, Any] = json.loads(served[1].calls[-1].body)
    return body


def text_of(chunks: list[Any]) -> str:
    """What the chunks say."""
    return "".join(choice.delta.content or "" for chunk in chunks for choice in chunk.choices)


def body(text: str = PROMPT, **more: Any) -> dict[str, Any]:
    """A streamed chat call."""
    return {"model": "chat", "messages": [{"role": "user", "content": text}], "stream": True, **more}


def opened(gateway: Gateway, **more: Any) -> Any:
    """A streamed call, to be read in a `with`."""
    headers = {"authorization": f"Bearer {gateway.key}"}
    return httpx2.stream("POST", gateway.base_url + "/chat/completions", json=body(**more), headers=headers, timeout=30)


@pytest.mark.parametrize("include_usage", [True, False])
def test_a_caller_reads_its_own_values(
    gateway: Gateway,
    client: openai.OpenAI,
    served: tuple[Saying, Provider],
    provider: Saying,
    include_usage: bool,
) -> None:
    """The provider read placeholders, and is asked for its usage whether or not the caller is to hear of it."""
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    with client.chat.completions.with_streaming_response.create(**body(**options)) as raw:
        chunks = list(raw.parse())
        identity = raw.headers["x-request-id"]
    assert text_of(chunks) == PROMPT
    assert [chunk.usage is not None for chunk in chunks].count(True) == include_usage
    assert chunks[-1].choices == [] if include_usage else chunks[-1].choices[0].finish_reason == "stop"
    sent = asked(served)
    assert sent["stream_options"] == {"include_usage": True}
    assert MAIL not in json.dumps(sent)
    assert CARD not in json.dumps(sent)
    record = gateway.record(identity)
    assert (record["outcome"], record["restored"], record["stream"]) == ("completed", 2, True)
    assert record["usage"] | {"input_tokens": 21, "output_tokens": 34, "source": "provider"} == record["usage"]


def test_arguments_of_a_tool_call_come_back_as_json(
    client: openai.OpenAI, served: tuple[Saying, Provider], provider: Saying
) -> None:
    """Values are escaped for the string they stand in."""
    provider.answer, provider.finish = called, "tool_calls"
    prompt = f'Write "{MAIL}"\nand {CARD}'
    chunks = list(client.chat.completions.create(**body(prompt, tools=[TOOL])))
    calls = [call for chunk in chunks for choice in chunk.choices for call in choice.delta.tool_calls or []]
    arguments = json.loads("".join(call.function.arguments or "" for call in calls))
    assert arguments == {"to": prompt, "cc": [prompt]}
    assert MAIL not in json.dumps(asked(served))


def test_cuts_change_nothing(gateway: Gateway, provider: Saying) -> None:
    """Twenty ways to cut the same answer: the same bytes."""

    def cut(seed: int) -> Pour:
        async def pour(call: Call, events: bytes) -> None:
            places = sorted(random.Random(seed).sample(range(1, len(events)), 30))
            for start, stop in zip([0, *places], [*places, len(events)], strict=True):
                await call.chunk(events[start:stop])
                await asyncio.sleep(0.002)

        return pour

    got = set()
    for seed in range(20):
        provider.pour = cut(seed)
        with opened(gateway) as answer:
            got.add(answer.read())
    (only,) = got
    assert only.endswith(event({}, "stop") + DONE)
    chunks = [json.loads(line[6:]) for line in only.decode().split("\n\n")[:-2]]
    assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == PROMPT


def test_a_stated_length_is_not_passed_on(gateway: Gateway, provider: Saying) -> None:
    """The restored answer is longer than what the provider announced."""
    provider.stated = True
    with opened(gateway) as answer:
        answer.read()
        assert "content-length" not in answer.headers
    assert DONE in answer.content
    assert json.dumps(MAIL)[1:-1].encode() in b"".join(_contents(answer.content))


def _contents(raw: bytes) -> list[bytes]:
    found = [json.loads(line[6:]) for line in raw.decode().split("\n\n") if line.startswith("data: {")]
    choices = [choice for chunk in found for choice in chunk["choices"]]
    return [choice["delta"].get("content", "").encode() for choice in choices]


def test_events_nobody_asked_for_are_restored_as_well(gateway: Gateway, provider: Saying) -> None:
    """A provider that streams although it was not asked to."""
    headers = {"authorization": f"Bearer {gateway.key}"}
    asking = body(stream=False)
    answer = httpx2.post(gateway.base_url + "/chat/completions", json=asking, headers=headers, timeout=30)
    assert b"".join(_contents(answer.content)).decode() == PROMPT


def test_a_whole_answer_to_a_streamed_call_is_restored(gateway: Gateway, provider: Saying) -> None:
    """A provider that does not stream although it was asked to."""

    def whole(text: str) -> bytes:
        return json.dumps({"choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}).encode()

    async def nothing(call: Call) -> None:
        await call.end()

    async def pour(call: Call, answer: bytes) -> None:
        await call.chunk(answer)

    provider.answer, provider.heads, provider.goes_on, provider.pour = whole, {}, nothing, pour
    with opened(gateway) as answer:
        answer.read()
    assert answer.json()["choices"][0]["message"]["content"] == PROMPT


def test_a_compressed_stream_is_refused(client: openai.OpenAI, provider: Saying) -> None:
    """Nobody asked for one, and what cannot be read cannot be restored."""
    provider.heads = {"content_type": "text/event-stream", "content_encoding": "gzip"}
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(**body())
    assert (caught.value.status_code, caught.value.code) == (502, "answer_unreadable")


@pytest.mark.parametrize("slow", [False, True], ids=["at once", "slowly"])
def test_a_large_answer_arrives_whole(gateway: Gateway, provider: Saying, slow: bool) -> None:
    """1 MB, to a reader that keeps up and to one that does not."""
    times = 1 + (1 << 20) // len(PROMPT)
    provider.answer = lambda text: said((text + " ") * times, 997)
    got = bytearray()
    with opened(gateway) as answer:
        for number, piece in enumerate(answer.iter_raw(1 << 14)):
            got += piece
            if slow and number < 20:
                time.sleep(0.05)
    assert b"".join(_contents(bytes(got))).decode() == (PROMPT + " ") * times
    assert gateway.record(answer.headers["x-request-id"])["restored"] == 2 * times


def test_text_is_not_held_for_long(gateway: Gateway, provider: Saying) -> None:
    """What might have become a placeholder goes out after two seconds, though the provider says nothing more."""

    async def wait(call: Call) -> None:
        await asyncio.sleep(4)
        await call.end()

    provider.answer = lambda text: event({"content": "see [" + text.split()[2][1:6]})
    provider.goes_on = wait
    began = time.monotonic()
    with opened(gateway) as answer:
        came = [(time.monotonic() - began, b"".join(_contents(piece))) for piece in answer.iter_raw()]
    texts = [(at, text) for at, text in came if text]
    assert [text for _, text in texts] == [b"see ", b"[EMAIL"]
    assert texts[0][0] < 1.5
    assert 1.8 < texts[1][0] < 3.5


def test_what_was_read_before_a_hang_up_is_counted(gateway: Gateway, provider: Saying) -> None:
    """An estimate, because the provider's numbers come last; the provider is cut off."""

    async def for_ever(call: Call) -> None:
        for _ in range(400):
            await call.chunk(event({"content": "word after word "}))
            await asyncio.sleep(0.05)

    provider.goes_on = for_ever
    with opened(gateway) as answer:
        identity = answer.headers["x-request-id"]
        got = b""
        for piece in answer.iter_raw():
            got += piece
            if got.count(b"word after word") > 12:
                break
    record = gateway.record(identity)
    assert (record["outcome"], record["reason"]) == ("aborted", "client_gone")
    assert record["usage"]["source"] == "estimated"
    assert 20 < record["usage"]["output_tokens"] < 120
    assert record["restored"] == 2
    gateway.wait_for(lambda: provider.was_cut)


def test_a_provider_that_breaks_off_breaks_the_answer_off(gateway: Gateway, provider: Saying) -> None:
    """In the middle of a placeholder: nothing of it was sent, and the caller sees that the answer is not whole."""

    async def reset(call: Call) -> None:
        await asyncio.sleep(0.3)
        call.reset()

    provider.answer = lambda text: said("Dear " + text.split()[2][:-3])
    provider.goes_on = reset
    got = b""
    with pytest.raises(httpx2.RemoteProtocolError), opened(gateway) as answer:
        identity = answer.headers["x-request-id"]
        for piece in answer.iter_raw():
            got += piece
    assert b"".join(_contents(got)) == b"Dear "
    record = gateway.record(identity)
    assert (record["outcome"], record["reason"]) == ("failed", "provider_reset")


def test_an_event_that_cannot_be_read_ends_the_stream(
    gateway: Gateway, client: openai.OpenAI, provider: Saying
) -> None:
    """With an error that client libraries raise; the provider is cut off, and nothing after it passes."""

    async def go_on(call: Call) -> None:
        await call.chunk(b"data: {broken\n\n")
        for _ in range(400):
            await call.chunk(event({"content": "never"}))
            await asyncio.sleep(0.02)

    provider.goes_on = go_on
    got = []
    with client.chat.completions.with_streaming_response.create(**body()) as raw:
        identity = raw.headers["x-request-id"]
        with pytest.raises(openai.APIError) as caught:
            got.extend(raw.parse())
    assert caught.value.code == "answer_unreadable"
    record = gateway.record(identity)
    assert (record["outcome"], record["reason"]) == ("failed", "answer_unreadable")
    assert record["usage"]["source"] == "estimated"
    gateway.wait_for(lambda: provider.was_cut)


def test_log_probabilities_cannot_be_had_with_redacted_values(client: openai.OpenAI, provider: Saying) -> None:
    """They would say the text a second time, token by token."""
    with pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(**body(logprobs=True))
    assert (caught.value.code, caught.value.param) == ("logprobs_with_redaction", "logprobs")


def test_a_processor_killed_in_mid_stream_lets_nothing_through(gateway: Gateway, provider: Saying) -> None:
    """The answer breaks off; not a byte of the provider's passes unread."""

    async def for_ever(call: Call) -> None:
        placeholder = json.loads(call.body)["messages"][-1]["content"].split()[2]
        for _ in range(400):
            for at in range(0, len(placeholder), 3):
                await call.chunk(event({"content": placeholder[at : at + 3]}))
            await asyncio.sleep(0.01)

    provider.goes_on = for_ever
    got = b""
    with pytest.raises(httpx2.RemoteProtocolError), opened(gateway) as answer:
        identity = answer.headers["x-request-id"]
        for piece in answer.iter_raw():
            if len(got) < 20_000 <= len(got + piece):
                os.kill(gateway.running.supervisor.pids()["extproc-0"], signal.SIGKILL)
            got += piece
    whole = b"".join(_contents(got[: got.rindex(b"\n\n") + 2])).decode()
    assert whole.startswith(PROMPT)
    assert set(whole.removeprefix(PROMPT).split(MAIL)) <= {""}
    assert b"EMAIL_ADDRESS" not in got
    assert gateway.record(identity)["outcome"] == "failed"
