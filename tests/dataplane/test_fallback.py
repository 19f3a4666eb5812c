"""Providers that fail while callers call: the next one answers, with its own key and its own name for the model."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import openai
import pytest
from gateways import BuiltIn, Gateway, Starter
from raw_calls import Reply, call, chat

KEY_ONE, KEY_TWO = "sk-one-0123456789abcdef", "sk-two-fedcba9876543210"
STEADY = "outlier: {consecutive_5xx: 100000}"  # who fails on purpose all the time must not be ejected for it
CONFIG = f"""
providers:
  one: {{type: mock, key: "${{file:@folder@/one}}", {STEADY}}}
  two: {{type: mock, key: "${{file:@folder@/two}}", {STEADY}}}
  frail: {{type: mock, outlier: {{consecutive_5xx: 3, eject: 3s, interval: 1s}}}}
models:
  chat:
    backends: [{{use: one/model-one, weight: 1}}]
    fallback: [two/model-two]
    timeout: {{first_token: 1s, idle: 10s, total: 30s}}
  patient: {{backends: [{{use: one/model-one, weight: 1}}], fallback: [two/model-two]}}
  frail: {{backends: [{{use: frail/model-frail, weight: 1}}], fallback: [two/model-two]}}
"""


@pytest.fixture(scope="module")
def running(start_once: Starter) -> Gateway:
    """One gateway for all of them."""
    start_once.file("one", KEY_ONE)
    start_once.file("two", KEY_TWO)
    return start_once.gateway(CONFIG)


@pytest.fixture
def mocks(running: Gateway) -> Iterator[tuple[BuiltIn, BuiltIn]]:
    """The first and the second provider, as new."""
    found = running.mock("one"), running.mock("two")
    for each in found:
        each.script()
        each.forget()
    yield found


@pytest.fixture
def ask(running: Gateway) -> Callable[..., Reply]:
    """One call; see `raw_calls.call`."""
    return lambda body, **more: running.loop.run(call(running.origin, running.key, body, **more))


def bearer(received: dict[str, Any]) -> list[str]:
    """The credentials that a provider was sent."""
    return [value for name, value in received["headers"] if name in ("authorization", "x-api-key")]


def prompt(received: dict[str, Any]) -> str:
    """What it was asked."""
    return str(json.loads(received["body"])["messages"][-1]["content"])


def test_a_hundred_calls_that_fail_at_once_are_all_answered_by_the_second(
    running: Gateway, mocks: tuple[BuiltIn, BuiltIn]
) -> None:
    """Each was tried once here and once there, with the right key and model; the record has a line per attempt."""
    one, two = mocks
    one.script({"status": 503, "delay": 0.5, "message": "down"})  # late enough that all are under way
    prompts = [f"call {number}" for number in range(100)]

    async def everything() -> list[Any]:
        async with openai.AsyncOpenAI(base_url=running.base_url, api_key=running.key, max_retries=0) as client:
            calls = client.chat.completions.with_raw_response
            return await asyncio.gather(
                *(calls.create(model="patient", messages=[{"role": "user", "content": each}]) for each in prompts)
            )

    answers = running.loop.run(everything())
    assert [each.parse().choices[0].message.content for each in answers] == prompts
    assert {(each.headers["x-forebay-provider"], each.headers["x-forebay-attempts"]) for each in answers} == {
        ("two", "2")
    }
    for provider, key, model in ((one, KEY_ONE, "model-one"), (two, KEY_TWO, "model-two")):
        received = provider.received()
        assert sorted(map(prompt, received)) == sorted(prompts)
        assert {tuple(bearer(each)) for each in received} == {(f"Bearer {key}",)}
        assert {json.loads(each["body"])["model"] for each in received} == {model}
    assert KEY_ONE not in json.dumps(two.received())
    wanted = {each.headers["x-request-id"] for each in answers}
    running.wait_for(lambda: wanted <= {record["id"] for record in running.records()})
    attempts = [each for each in running.records("attempt") if each["id"] in wanted]
    tried = Counter((each["provider"], each["model"], each["status"]) for each in attempts)
    assert tried == {("one", "model-one", 503): 100, ("two", "model-two", 200): 100}
    assert {each["attempts"] for each in running.records() if each["id"] in wanted} == {2}


@pytest.mark.parametrize(
    "fault",
    [{"status": 429}, {"status": 500}, {"reset": "before"}, {"delay": 2.5}, {"status": 503, "headers": {"a": "b"}}],
    ids=lambda fault: "-".join(fault),
)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_a_fault_before_the_answer_moves_on(
    mocks: tuple[BuiltIn, BuiltIn], ask: Callable[..., Reply], fault: dict[str, object], stream: bool
) -> None:
    """Too many requests, an error, a reset, silence beyond `first_token`: the second provider answers."""
    one, two = mocks
    one.script(fault)
    reply = ask(chat("hello", stream=stream))
    assert (reply.status, reply.provider) == (200, "two")
    assert (reply.deltas if stream else [reply.text]) == ["hello"]
    assert (len(one.received()), len(two.received())) == (1, 1)


def test_a_body_of_3_mb_is_sent_again_whole(mocks: tuple[BuiltIn, BuiltIn], ask: Callable[..., Reply]) -> None:
    """Envoy would silently give up retrying where its buffer is too small."""
    one, two = mocks
    one.script({"status": 500})
    text = "all quiet in the north, " * 130_000
    body = chat(text)
    assert len(body) > 3_000_000
    reply = ask(body)
    assert (reply.status, reply.provider, reply.text == text) == (200, "two", True)
    for provider, model in ((one, b"model-one"), (two, b"model-two")):
        (received,) = provider.received()
        assert received["body"].encode() == body.replace(b'"chat"', b'"%b"' % model)


def test_the_second_provider_gets_placeholders_too(mocks: tuple[BuiltIn, BuiltIn], ask: Callable[..., Reply]) -> None:
    """Every attempt starts from the guarded body; the caller gets the value back."""
    one, two = mocks
    one.script({"status": 500})
    text = "Write to maria.rossi@example.com please"
    reply = ask(chat(text))
    assert (reply.provider, reply.text) == ("two", text)
    for provider in (one, two):
        (received,) = provider.received()
        assert "maria" not in received["body"]


def test_credentials_that_a_provider_refuses_are_not_the_caller_s(
    running: Gateway, mocks: tuple[BuiltIn, BuiltIn], ask: Callable[..., Reply]
) -> None:
    """401 of the first: a 502 without its text, at once, since it concerns the operator. The second is not asked."""
    one, two = mocks
    one.script({"status": 401, "message": f"Incorrect API key provided: {KEY_ONE}"})
    reply = ask(chat("hello"))
    assert (reply.status, reply.code) == (502, "provider_credentials")
    assert KEY_ONE.encode() not in reply.body
    assert two.received() == []
    record = running.record(reply.id)
    assert (record["outcome"], record["reason"], record["provider"]) == ("failed", "provider_credentials", "one")


def test_when_nobody_is_left_the_caller_gets_an_error_of_ours(
    mocks: tuple[BuiltIn, BuiltIn], ask: Callable[..., Reply]
) -> None:
    """Generic, without either provider's text."""
    for each in mocks:
        each.script({"status": 500, "message": "secret internals"})
    reply = ask(chat("hello"))
    assert (reply.status, reply.code) == (502, "provider_error")
    assert b"internals" not in reply.body
    assert [len(each.received()) for each in mocks] == [1, 1]


def test_a_mistake_of_the_caller_is_not_tried_elsewhere(
    mocks: tuple[BuiltIn, BuiltIn], ask: Callable[..., Reply]
) -> None:
    """A 400 of the provider surfaces as it is."""
    one, two = mocks
    one.script({"status": 400, "message": "max_tokens is too large"})
    reply = ask(chat("hello"))
    assert (reply.status, reply.json()["error"]["message"]) == (400, "max_tokens is too large")
    assert two.received() == []


def test_who_keeps_failing_is_left_alone_for_a_while(running: Gateway, ask: Callable[..., Reply]) -> None:
    """Three failures in a row eject; callers do not notice; after its time it is asked again and serves."""
    frail = running.mock("frail")
    frail.script({"status": 500})
    frail.forget()
    assert [ask(chat("hello", "frail")).provider for _ in range(3)] == ["two"] * 3
    assert len(frail.received()) == 3
    assert [ask(chat("hello", "frail")).provider for _ in range(5)] == ["two"] * 5
    assert len(frail.received()) == 3, "it was asked although it was ejected"
    frail.script()
    began = time.monotonic()
    assert running.wait_for(lambda: ask(chat("hello", "frail")).provider == "frail", 20)
    assert time.monotonic() - began > 1
    assert {ask(chat("hello", "frail")).provider for _ in range(3)} == {"frail"}
