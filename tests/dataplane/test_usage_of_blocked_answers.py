"""What the official clients are told of usage when a guard ends an answer: the numbers of its record."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import anthropic
import pytest
from bare_http import Call, Provider
from gateways import Gateway, Starter
from speaking import COUNTED, Chat, Responses, Speaking, said

CONFIG = """
providers:
  o: {{type: openai, url: "http://127.0.0.1:{port}/v1"}}
  a: {{type: anthropic, url: "http://127.0.0.1:{port}"}}
models: {{chat: o/m, claude: a/claude}}
guards: {{default: {{pii: {{out: block}}}}}}
"""
SYSTEM, PROMPT = "You are kind.", "Whom shall I ask?"
TEXT = "It is a fine day today. Write to eve.adams@example.org, and that is all there is to be said of it. " * 3
CACHED = 5  # tokens, which Anthropic counts beside its input
OPENAI: dict[str, Speaking] = {"/v1" + api.path: api for api in (Chat(), Responses())}


@dataclass(frozen=True)
class Told:
    """What a caller was told."""

    finish: str | None
    usage: dict[str, Any]
    identity: str


def event(name: str, **members: Any) -> bytes:
    """An event of Messages."""
    return f"event: {name}\ndata: {json.dumps({'type': name, **members})}\n\n".encode()


def message(stream: bool) -> bytes:
    """An answer of Messages that says `TEXT`."""
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_sequence": None}
    usage = {"input_tokens": COUNTED[0], "cache_read_input_tokens": CACHED, "output_tokens": 1}
    if not stream:
        whole = {**head, "content": [{"type": "text", "text": TEXT}], "stop_reason": "end_turn"}
        return json.dumps({**whole, "usage": {**usage, "output_tokens": COUNTED[1]}}).encode()
    deltas = [
        event("content_block_delta", index=0, delta={"type": "text_delta", "text": TEXT[at : at + 3]})
        for at in range(0, len(TEXT), 3)
    ]
    return b"".join(
        [
            event("message_start", message={**head, "content": [], "stop_reason": None, "usage": usage}),
            event("content_block_start", index=0, content_block={"type": "text", "text": ""}),
            *deltas,
            event("content_block_stop", index=0),
            event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": COUNTED[1]}),
            event("message_stop"),
        ]
    )


class Saying:
    """A provider of all three APIs that says `TEXT`, streamed or not; `more` is said with each of chat's chunks."""

    def __init__(self) -> None:
        self.more: dict[str, Any] = {}

    async def __call__(self, call: Call) -> None:
        asked = json.loads(call.body)
        api, stream = OPENAI.get(call.path), bool(asked.get("stream"))
        if api is None:
            answer = message(stream)
        elif stream:
            answer = api.begin() + said(api, TEXT) + api.finish(TEXT, api.counts(asked))
        else:
            answer = json.dumps(api.whole(TEXT)).encode()
        if not stream:
            await call.answer(200, answer)
            return
        if self.more:
            answer = answer.replace(b'"choices":', json.dumps(self.more)[1:-1].encode() + b',"choices":')
        await call.begin(content_type="text/event-stream")
        for each in answer.split(b"\n\n")[:-1]:
            await call.chunk(each + b"\n\n")
        await call.end()


@pytest.fixture(scope="module")
def served(start_once: Starter) -> tuple[Saying, Provider]:
    saying = Saying()
    return saying, start_once.bare_provider(saying)


@pytest.fixture(scope="module")
def gateway(start_once: Starter, served: tuple[Saying, Provider]) -> Gateway:
    return start_once.gateway(CONFIG.format(port=served[1].port))


@pytest.fixture
def provider(served: tuple[Saying, Provider]) -> Saying:
    """As new."""
    served[0].__init__()  # type: ignore[misc]
    return served[0]


def chat(gateway: Gateway, stream: bool) -> Told:
    """Through OpenAI's client. Its usage comes in the last chunk, which brings nothing else."""
    body = Chat().asking(SYSTEM, PROMPT)
    with gateway.client() as client:
        if not stream:
            raw = client.chat.completions.with_raw_response.create(**body)
            whole = raw.parse()
            assert whole.usage is not None
            return Told(whole.choices[0].finish_reason, whole.usage.to_dict(), raw.headers["x-request-id"])
        options = {"include_usage": True}
        with client.chat.completions.with_streaming_response.create(
            **body, stream=True, stream_options=options
        ) as streamed:
            *chunks, last = list(streamed.parse())
            identity = streamed.headers["x-request-id"]
    assert last.choices == []
    assert all(chunk.choices for chunk in chunks)
    return Told(chunks[-1].choices[0].finish_reason, last.usage.to_dict(), identity)


def responses(gateway: Gateway, stream: bool) -> Told:
    """Through OpenAI's client, in its other API."""
    body = Responses().asking(SYSTEM, PROMPT)
    with gateway.client() as client:
        if not stream:
            raw = client.responses.with_raw_response.create(**body)
            whole, identity = raw.parse(), raw.headers["x-request-id"]
        else:
            with client.responses.with_streaming_response.create(**body, stream=True) as streamed:
                whole = list(streamed.parse())[-1].response
                identity = streamed.headers["x-request-id"]
    return Told(whole.incomplete_details.reason, whole.usage.to_dict(), identity)


def messages(gateway: Gateway, stream: bool) -> Told:
    """Through Anthropic's client, which puts together what the events say."""
    asked: Any = {"model": "claude", "max_tokens": 99, "messages": [{"role": "user", "content": PROMPT}]}
    with anthropic.Anthropic(base_url=gateway.origin, api_key=gateway.key, max_retries=0, timeout=30) as client:
        if stream:
            with client.messages.stream(**asked) as streamed:
                made, identity = streamed.get_final_message(), streamed.response.headers["x-request-id"]
        else:
            raw = client.messages.with_raw_response.create(**asked)
            made, identity = raw.parse(), raw.headers["x-request-id"]
    return Told(made.stop_reason, made.usage.to_dict(), identity)


Calling = Callable[[Gateway, bool], Told]


def counted(told: Told) -> tuple[int, int, int]:
    """Tokens in, those of them from a cache, and tokens out, as the record has them."""
    usage = told.usage
    if "prompt_tokens" in usage:
        cached = (usage.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
        return usage["prompt_tokens"], cached, usage["completion_tokens"]
    if "total_tokens" in usage:
        assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
        cached = (usage.get("input_tokens_details") or {}).get("cached_tokens", 0)
        return usage["input_tokens"], cached, usage["output_tokens"]
    cached = usage["cache_read_input_tokens"]
    return usage["input_tokens"] + cached, cached, usage["output_tokens"]


def recorded(record: dict[str, Any]) -> tuple[int, int, int]:
    """The same three of a record."""
    usage = record["usage"]
    return usage["input_tokens"], usage["cached_tokens"], usage["output_tokens"]


@pytest.mark.parametrize("call", [chat, responses, messages])
def test_the_caller_of_a_blocked_stream_is_told_what_its_record_says(
    gateway: Gateway, provider: Saying, call: Calling
) -> None:
    """Our own count of what passed; the input as the provider has told it, where its API tells that first."""
    told = call(gateway, True)
    record = gateway.record(told.identity)
    assert (record["reason"], record["usage"]["source"]) == ("blocked_in_stream", "estimated")
    assert told.finish in ("content_filter", "refusal")
    assert counted(told) == recorded(record)
    assert counted(told)[2] > 10
    if call is messages:
        assert counted(told)[:2] == (COUNTED[0] + CACHED, CACHED)


@pytest.mark.parametrize("call", [chat, responses, messages])
def test_a_blocked_answer_in_one_piece_says_what_its_provider_said(
    gateway: Gateway, provider: Saying, call: Calling
) -> None:
    """And so does its record."""
    told = call(gateway, False)
    record = gateway.record(told.identity)
    assert (record["reason"], record["usage"]["source"]) == ("answer_blocked", "provider")
    cached = CACHED if call is messages else 0
    assert counted(told) == recorded(record) == (COUNTED[0] + cached, cached, COUNTED[1])


def test_the_providers_own_numbers_are_told_where_they_came(gateway: Gateway, provider: Saying) -> None:
    """Some servers count with every chunk."""
    usage = {"prompt_tokens": 21, "completion_tokens": 3, "total_tokens": 24}
    provider.more = {"usage": {**usage, "prompt_tokens_details": {"cached_tokens": 8}}}
    told = chat(gateway, True)
    record = gateway.record(told.identity)
    assert (record["reason"], record["usage"]["source"]) == ("blocked_in_stream", "provider")
    assert counted(told) == recorded(record) == (21, 8, 3)


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False}}])
def test_a_caller_who_did_not_ask_for_usage_sees_none(
    gateway: Gateway, provider: Saying, options: dict[str, Any]
) -> None:
    """Every chunk brings a choice, as without a gateway that asks for it."""
    with gateway.client() as client:
        stream = client.chat.completions.create(**Chat().asking(SYSTEM, PROMPT), stream=True, **options)
        chunks = list(stream)
    assert chunks[-1].choices[0].finish_reason == "content_filter"
    assert [chunk.usage for chunk in chunks if chunk.usage is not None or not chunk.choices] == []
