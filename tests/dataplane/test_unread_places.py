"""Places of an answer where a model's words may stand that are no text of its API, and of a request that name what is
kept: through the real Envoy nothing of either passes unread.
"""

import json
from typing import Any

import httpx2
import pytest
from bare_http import Call, Provider
from gateways import Gateway, Starter

MAIL, CARD, TOKEN = "eve.adams@example.org", 4111111111111111, "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
SAID = (MAIL, str(CARD), TOKEN)
CONFIG = """
providers:
  p: {{type: openai, url: "http://127.0.0.1:{port}/v1"}}
  a: {{type: anthropic, url: "http://127.0.0.1:{port}"}}
models: {{chat: p/m, claude: a/m}}
tenants:
  masking: {{keys: ["${{file:@folder@/masking}}"], guards: masking}}
  blocking: {{keys: ["${{file:@folder@/blocking}}"], guards: blocking}}
  plain: {{keys: ["${{file:@folder@/plain}}"]}}
guards:
  masking: {{pii: {{in: redact, out: redact}}, secrets: {{in: redact, out: redact}}}}
  blocking: {{pii: {{in: redact, out: block}}, secrets: {{in: redact, out: block}}}}
"""
PATHS = {"chat": "/chat/completions", "messages": "/messages", "responses": "/responses"}


class Scripted:
    """A provider that says these bytes, in chunks."""

    def __init__(self) -> None:
        self.status, self.content_type, self.says = 200, "application/json", b"{}"

    async def __call__(self, call: Call) -> None:
        await call.begin(self.status, content_type=self.content_type)
        await call.chunk(self.says)
        await call.end()


@pytest.fixture(scope="module")
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture(scope="module")
def provider(start_once: Starter, scripted: Scripted) -> Provider:
    return start_once.bare_provider(scripted)


@pytest.fixture(scope="module")
def gateway(start_once: Starter, provider: Provider) -> Gateway:
    for tenant in ("masking", "blocking", "plain"):
        start_once.file(tenant, f"{tenant}-key-0123456789abcdef")
    return start_once.gateway(CONFIG.format(port=provider.port))


def ask(gateway: Gateway, api: str, tenant: str = "masking", **more: Any) -> httpx2.Response:
    """One call."""
    said = [{"role": "user", "content": "hello"}]
    asking: dict[str, Any] = {"model": "claude" if api == "messages" else "chat"}
    asking |= {"input": said} if api == "responses" else {"messages": said}
    asking |= {"max_tokens": 9} if api == "messages" else {}
    headers = {"authorization": f"Bearer {tenant}-key-0123456789abcdef"}
    return httpx2.post(gateway.base_url + PATHS[api], json={**asking, **more}, headers=headers, timeout=20)


def chat(message: Any = None, **more: Any) -> dict[str, Any]:
    """A chunk and a whole answer in one."""
    choice = {"index": 0, "delta": message or {}, "message": message or {"content": "fine"}, "finish_reason": "stop"}
    return {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **more}


def calling(given: Any) -> dict[str, Any]:
    return chat({"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": given}}]})


def block(**members: Any) -> dict[str, Any]:
    """A message of one block, and the event that begins it."""
    begins = {"type": "content_block_start", "index": 0, "content_block": members}
    return {**begins, "role": "assistant", "content": [members], "stop_reason": "end_turn"}


def item(**members: Any) -> dict[str, Any]:
    """A response of one item, and the event that ends it."""
    done = {"type": "response.output_item.done", "output_index": 0, "item": members}
    return {**done, "object": "response", "id": "r", "status": "completed", "output": [members]}


WORDS = f"Write to {MAIL} today."
PLACES = {
    "a key": ("chat", chat({"content": "x", MAIL: 1})),
    "a key at the top": ("chat", chat(**{MAIL: 1})),
    "a number for a text": ("chat", chat({"content": CARD})),
    "a number beside it": ("chat", chat({"content": "x", "n": CARD})),
    "a number in arguments": ("chat", calling({"card": CARD})),
    "a key in arguments": ("chat", calling({MAIL: True})),
    "a role": ("chat", chat({"role": TOKEN})),
    "padding": ("chat", chat(obfuscation=TOKEN)),
    "what looks encrypted": ("chat", chat({"encrypted_content": TOKEN})),
    "a number in an input": ("messages", block(type="tool_use", id="t", name="f", input={"card": CARD})),
    "a key in an input": ("messages", block(type="tool_use", id="t", name="f", input={MAIL: 1})),
    "redacted thinking": ("messages", block(type="redacted_thinking", data=WORDS)),
    "a signature": ("messages", block(type="thinking", thinking="", signature=WORDS)),
    "a compacted turn": ("messages", block(type="compaction", content="x", encrypted_content=WORDS)),
    "encrypted reasoning": ("responses", item(type="reasoning", id="r", encrypted_content=WORDS)),
    "a fingerprint": ("responses", item(type="program", id="r", fingerprint=WORDS)),
    "a number in an item": ("responses", item(type="shell_call", id="r", action={"n": CARD})),
}


@pytest.mark.parametrize("tenant", ["masking", "blocking"])
@pytest.mark.parametrize("stream", [True, False], ids=["streamed", "whole"])
@pytest.mark.parametrize("place", PLACES)
def test_nothing_passes_where_no_text_should_stand(
    gateway: Gateway, scripted: Scripted, place: str, stream: bool, tenant: str
) -> None:
    """Masked, or the answer is blocked; either way the record says what was found."""
    api, says = PLACES[place]
    scripted.status = 200
    scripted.content_type = "text/event-stream" if stream else "application/json"
    raw = json.dumps(says).encode()
    scripted.says = b"event: %s\ndata: %s\n\n" % (str(says.get("type", "x")).encode(), raw) if stream else raw
    answer = ask(gateway, api, tenant, stream=stream)
    assert answer.status_code == 200
    assert not [each for each in SAID if each in answer.text]
    record = gateway.record(answer.headers["x-request-id"])
    assert [found["channel"] for found in record["findings"]] == ["output"]
    assert tenant == "masking" or record["outcome"] == "blocked"


def test_an_error_of_a_provider_is_read(gateway: Gateway, scripted: Scripted) -> None:
    """With its status: masked, or replaced by one of ours; as it is only for a tenant without guards on answers."""
    for status in (400, 404, 418, 429):
        scripted.status, scripted.content_type = status, "application/json"
        scripted.says = json.dumps({"error": {"message": WORDS, "type": "x"}}).encode()
        masked, blocked, plain = [ask(gateway, "chat", tenant) for tenant in ("masking", "blocking", "plain")]
        assert [each.status_code for each in (masked, blocked, plain)] == [status] * 3
        assert masked.json()["error"]["message"] == "Write to [EMAIL_ADDRESS] today."
        assert blocked.json()["error"]["code"] == "answer_blocked"
        assert plain.content == scripted.says
        assert gateway.record(blocked.headers["x-request-id"])["reason"] == "answer_blocked"


@pytest.mark.parametrize(("status", "content_type"), [(429, "text/plain"), (400, "text/event-stream"), (400, "x/y")])
def test_an_error_that_cannot_be_read_is_one_of_ours(
    gateway: Gateway, scripted: Scripted, status: int, content_type: str
) -> None:
    """Nobody has read what it says."""
    scripted.status, scripted.content_type, scripted.says = status, content_type, WORDS.encode()
    answer = ask(gateway, "chat")
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "answer_unreadable")
    assert ask(gateway, "chat", "plain").text == WORDS


@pytest.mark.parametrize("tenant", ["masking", "plain"])
def test_a_status_that_nobody_knows_is_a_502(gateway: Gateway, scripted: Scripted, tenant: str) -> None:
    """Guards or not: a client library might take it for anything."""
    scripted.status, scripted.content_type, scripted.says = 600, "application/json", b'{"error": {}}'
    answer = ask(gateway, "chat", tenant)
    assert (answer.status_code, answer.json()["error"]["code"]) == (502, "answer_unreadable")
    assert gateway.record(answer.headers["x-request-id"])["reason"] == "answer_unreadable"


SKILL = {"skills": [{"type": "custom", "skill_id": "skill_1"}]}
SHELL = {"type": "shell_call_output", "call_id": "c", "output": [{"file_id": "file-1"}]}


@pytest.mark.parametrize(
    ("api", "more", "param"),
    [
        ("chat", {"store": True}, "store"),
        ("chat", {"messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}, "messages[0].audio"),
        ("chat", {"tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]}, "tools[0]"),
        ("responses", {"input": [SHELL]}, "input[0].output[0].file_id"),
        ("messages", {"container": SKILL}, None),
    ],
)
def test_what_names_something_kept_never_reaches_the_provider(
    gateway: Gateway, provider: Provider, api: str, more: dict[str, Any], param: str | None
) -> None:
    """It is an error of the caller's, which says where."""
    before = len(provider.calls)
    answer = ask(gateway, api, "plain", **more)
    assert answer.status_code == 400
    assert answer.json()["error"].get("param") == param
    assert gateway.record(answer.headers["x-request-id"])["reason"] == "stored_state"
    assert len(provider.calls) == before
