"""What callers see of the pace and the end of an answer, with the official SDKs: what docs/streams.md says."""

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final

import anthropic
import httpx2
import openai
import pytest
from bare_http import Call
from gateways import Gateway, Starter

TENANTS = ("plain", "guarded", "logging")
WORDS = "one two three four five six seven eight nine ten"
MAIL = "jo@example.org"
MODELS = {"chat": "chat", "responses": "chat", "messages": "claude"}
CONFIG = """
providers:
  m: {type: mock, outlier: {consecutive_5xx: 1000}}
  a: {type: mock, api: anthropic, outlier: {consecutive_5xx: 1000}}
  half: {type: openai, url: "http://127.0.0.1:@half@/v1"}
models: {chat: m/gpt-4o-mini, away: m/gpt-4o, claude: a/claude-sonnet-4-5, half: half/m}
tenants:
  plain: {keys: ["${file:@folder@/plain}"]}
  guarded: {keys: ["${file:@folder@/guarded}"], guards: guarded}
  logging: {keys: ["${file:@folder@/logging}"], guards: logging}
guards:
  guarded: {pii: {out: redact}}
  logging: {pii: {out: log}}
"""


def key(tenant: str) -> str:
    """Its API key."""
    return f"key-of-{tenant}-0123456789"


async def half(call: Call) -> None:
    """Half of an answer whose length was stated."""
    await call.begin(length=200)
    await call.raw(b'{"choices": [')
    await asyncio.sleep(0.1)
    call.reset()


@pytest.fixture(scope="module")
def gateway(start_once: Starter) -> Gateway:
    for tenant in TENANTS:
        start_once.file(tenant, key(tenant))
    return start_once.gateway(CONFIG.replace("@half@", str(start_once.bare_provider(half).port)))


@pytest.fixture(autouse=True)
def unscripted(request: pytest.FixtureRequest) -> Iterator[None]:
    """The mocks as they were."""
    yield
    gateway: Gateway = request.getfixturevalue("gateway")
    for name in ("m", "a"):
        gateway.mock(name).script()


@dataclass
class Ended:
    """How a call ended for its caller."""

    error: Exception
    came: int  # events
    waited: float  # seconds from the last thing that came
    record: dict[str, Any]


def heard(gateway: Gateway, api: str, tenant: str, stream: bool) -> Ended:
    """A call that does not end well, made with the SDK of its API."""
    with openai_or_anthropic(gateway, api, tenant) as client:
        resource = {"chat": lambda: client.chat.completions, "responses": lambda: client.responses}
        asking: Any = resource.get(api, lambda: client.messages)()
        said = {"input": WORDS} if api == "responses" else {"messages": [{"role": "user", "content": WORDS}]}
        body = {"model": MODELS[api], **said, **({"max_tokens": 99} if api == "messages" else {})}
        came, last, before = 0, time.monotonic(), ids(gateway)
        try:
            if not stream:
                asking.create(**body)
            else:
                for _ in asking.create(**body, stream=True):
                    came, last = came + 1, time.monotonic()
        except Exception as error:
            waited = time.monotonic() - last
            (identity,) = gateway.wait_for(lambda: mine(gateway, api, tenant, stream) - before)
            return Ended(error, came, waited, gateway.record(identity))
    raise AssertionError("it ended as if it were whole")


def openai_or_anthropic(gateway: Gateway, api: str, tenant: str) -> Any:
    """The SDK, with the retries it has by itself where a stream has begun: none."""
    if api == "messages":
        return anthropic.Anthropic(base_url=gateway.origin, api_key=key(tenant), max_retries=0, timeout=30)
    return gateway.client(key(tenant))


def ids(gateway: Gateway) -> set[str]:
    """Of all requests that were recorded."""
    return {record["id"] for record in gateway.records()}


def mine(gateway: Gateway, api: str, tenant: str, stream: bool) -> set[str]:
    """Of those like this one."""
    like = (api, tenant, stream)
    return {each["id"] for each in gateway.records() if (each["operation"], each["tenant"], each["stream"]) == like}


CALLS: Final = [(api, tenant, stream) for api in MODELS for tenant in ("plain", "guarded") for stream in (True, False)]


@pytest.fixture(scope="module")
def broken(gateway: Gateway) -> dict[tuple[str, str, bool], Ended]:
    """Every kind of call to a provider that breaks off in the middle of its answer, all at once."""
    for name in ("m", "a"):
        gateway.mock(name).script({"reset": "midway"})
    with ThreadPoolExecutor(len(CALLS)) as pool:
        ended = pool.map(lambda call: heard(gateway, *call), CALLS)
        return dict(zip(CALLS, ended, strict=True))


HELD: Final = ("guarded", False)  # a whole answer that is read before any of it passes


@pytest.mark.parametrize(("api", "tenant", "stream"), [call for call in CALLS if call[1:] != HELD])
def test_an_answer_that_breaks_off_is_an_error_of_the_connection(
    broken: dict[tuple[str, str, bool], Ended], api: str, tenant: str, stream: bool
) -> None:
    """In each SDK, up to five seconds later over HTTP/1.1; the record tells of the break, not of the wait."""
    ended = broken[api, tenant, stream]
    kinds = {True: httpx2.RemoteProtocolError, False: anthropic.APIConnectionError}
    assert type(ended.error) is (kinds[stream] if api == "messages" else openai.APIConnectionError)
    assert (ended.came > 0) == stream
    assert 4.5 < ended.waited < 6.5
    record = ended.record
    assert (record["outcome"], record["reason"], record["status"]) == ("failed", "provider_reset", 200)
    assert record["duration_ms"] < 3000


@pytest.mark.parametrize("api", MODELS)
def test_of_a_stream_that_broke_off_only_what_was_read_is_counted(
    broken: dict[tuple[str, str, bool], Ended], api: str
) -> None:
    """The provider's count did not come; one that nobody rewrites has not been told of in time."""
    assert broken[api, "plain", True].record["usage"] is None
    assert broken[api, "guarded", True].record["usage"]["source"] == "estimated"


@contextlib.contextmanager
def opened(gateway: Gateway, tenant: str, timeout: float = 30, **more: Any) -> Iterator[httpx2.Response]:
    """A chat call over HTTP/2, to be read."""
    body = {"model": "chat", "messages": [{"role": "user", "content": WORDS}], **more}
    headers = {"authorization": f"Bearer {key(tenant)}"}
    with httpx2.Client(http1=False, http2=True, timeout=timeout) as client:
        url = gateway.base_url + "/chat/completions"
        with client.stream("POST", url, json=body, headers=headers) as answer:
            yield answer


@pytest.mark.parametrize(("tenant", "stream"), [("plain", True), ("plain", False), ("guarded", True)])
def test_over_http2_a_break_is_seen_at_once(gateway: Gateway, tenant: str, stream: bool) -> None:
    """Of a whole answer half is there."""
    gateway.mock("m").script({"reset": "midway"})
    got, began = b"", time.monotonic()
    with pytest.raises(httpx2.RemoteProtocolError), opened(gateway, tenant, stream=stream) as answer:
        assert (answer.status_code, answer.http_version) == (200, "HTTP/2")
        for piece in answer.iter_raw():
            got += piece
    assert time.monotonic() - began < 3
    assert b"[DONE]" not in got
    assert b'"error"' not in got
    assert got


@pytest.mark.parametrize("api", MODELS)
def test_a_whole_answer_that_is_guarded_is_an_error_instead(
    broken: dict[tuple[str, str, bool], Ended], api: str
) -> None:
    """At once: its head has waited for the rest, though nobody knew how long that would be."""
    ended = broken[api, "guarded", False]
    assert isinstance(ended.error, openai.APIStatusError | anthropic.APIStatusError)
    assert ended.error.status_code == 502
    assert ended.waited < 4
    record = ended.record
    assert (record["outcome"], record["reason"], record["status"]) == ("failed", "provider_reset", 502)


def test_so_is_one_of_known_length(gateway: Gateway) -> None:
    """Its head waits for the rest, so there is still a status to tell."""
    with opened(gateway, "guarded", model="half") as answer:
        answer.read()
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "provider_reset")
    with pytest.raises(httpx2.RemoteProtocolError), opened(gateway, "plain", model="half") as answer:
        answer.read()
    assert answer.status_code == 200


def test_a_stream_that_nobody_rewrites_passes_as_it_is(gateway: Gateway) -> None:
    """Byte for byte, sense or nonsense; nothing in it is an error of ours."""
    body = 'data: {"choices": [ \n\n: odd\n\nevent: x\ndata: 1\n\n'
    gateway.mock("m").script({"body": body, "content_type": "text/event-stream"})
    with opened(gateway, "plain", stream=True) as answer:
        assert answer.read().decode() == body
    assert gateway.record(answer.headers["x-request-id"])["reason"] == "ok"


SAID = "hello there my friend and now write to eve@leak.example or not " + "as it goes on for a while " * 4


def paced(gateway: Gateway, tenant: str) -> tuple[float, list[tuple[float, str]]]:
    """When the head of a slow stream came, and its texts with their times."""
    gateway.mock("m").script({"say": SAID, "pause": 0.5, "chunk_delay": 0.04})
    began, texts = time.monotonic(), []
    with opened(gateway, tenant, stream=True) as answer:
        head = time.monotonic() - began
        for line in answer.iter_lines():
            if line.startswith("data: {"):
                choices = json.loads(line[6:])["choices"]
                texts += [(time.monotonic() - began, each["delta"].get("content") or "") for each in choices]
    return head, texts


@pytest.mark.parametrize("tenant", TENANTS)
def test_the_head_does_not_wait_for_the_text(gateway: Gateway, tenant: str) -> None:
    """Whatever reads the answer."""
    head, texts = paced(gateway, tenant)
    assert head < 0.4 < texts[0][0]


@pytest.mark.parametrize("tenant", ["guarded", "logging"])
def test_under_a_guard_text_comes_a_word_late_and_events_stay_as_many(gateway: Gateway, tenant: str) -> None:
    """Also where it only records: what is held comes with a later event, and until then they say nothing."""
    plain, texts = [text for _, text in paced(gateway, "plain")[1]], [text for _, text in paced(gateway, tenant)[1]]
    assert plain[:4] == ["", "hello", " there", " my"]
    assert texts[:4] == ["", "", "hello ", "there "]
    assert "".join(texts) == (SAID if tenant == "logging" else SAID.replace("eve@leak.example", "[EMAIL_ADDRESS]"))
    held = next(index for index, text in enumerate(texts) if "or not" in text)
    assert texts[held - 5 : held] == [""] * 5
    assert len(plain) <= len(texts) <= len(plain) + 1


def test_where_values_come_back_only_a_placeholder_waits(gateway: Gateway) -> None:
    """No word is late but one that begins as one of the call's placeholders does: it waits for its end."""
    gateway.mock("m").script({"chunk_delay": 0.04})
    said = [{"role": "user", "content": f"hello there write to {MAIL} and so on"}]
    with opened(gateway, "plain", stream=True, messages=said) as answer:
        chunks = [json.loads(line[6:]) for line in answer.iter_lines() if line.startswith("data: {")]
    texts = [choice["delta"].get("content") for chunk in chunks for choice in chunk["choices"]]
    assert texts == ["", "hello", " there", " write", " to", " ", f"{MAIL} and", " so", " on", None]


def test_who_goes_away_is_recorded_with_the_status_that_was_sent(gateway: Gateway) -> None:
    """None before the head, then that of the head."""
    gateway.mock("m").script({"delay": 3.0})
    with pytest.raises(httpx2.ReadTimeout), opened(gateway, "guarded", timeout=1, model="away", stream=True):
        raise AssertionError("it got an answer")
    gateway.mock("m").script({"chunk_delay": 0.3})
    with opened(gateway, "guarded", model="away", stream=True) as answer:
        next(answer.iter_raw())
    found = gateway.wait_for(lambda: gone if len(gone := away(gateway)) == 2 else [])
    assert [(each["outcome"], each["reason"], each["status"]) for each in found] == [
        ("aborted", "client_gone", 0),
        ("aborted", "client_gone", 200),
    ]


def away(gateway: Gateway) -> list[dict[str, Any]]:
    """The records of calls to one model."""
    return [record for record in gateway.records() if record["model"] == "away"]
