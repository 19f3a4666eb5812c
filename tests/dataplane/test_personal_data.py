"""Personal data there and back: the provider sees placeholders, the caller its own values, nobody another's."""

import json
import re
from collections.abc import Callable
from typing import Any

import openai
import pytest
from gateways import Gateway, Starter
from wire import Answer, chat, chunks, request, send, send_h2

MAIL, CARD, IBAN = "maria.rossi@example.com", "4111 1111 1111 1111", "DE89 3704 0044 0532 0130 00"
ADDRESS = "198.51.100.23"
SECRET = "ghp_" + "aB3dE6gH9jK2mN5pQ8sT1vW4xY7zC0eF2hJ5"
VALUES = (MAIL, CARD, IBAN, ADDRESS)
KEYS = {"acme": "key-of-acme-0123456789", "other": "key-of-other-0123456789"}
CONFIG = """
providers: {m: {type: mock}}
models: {chat: m/gpt-4o-mini}
tenants:
  acme: {keys: ["${file:@folder@/acme}"]}
  other: {keys: ["${file:@folder@/other}"]}
"""
PLACEHOLDER = re.compile(r"\[[A-Z_]+_[a-z2-7]{6}\]")


@pytest.fixture(scope="module")
def gateway(start_once: Starter) -> Gateway:
    for name, key in KEYS.items():
        start_once.file(name, key)
    return start_once.gateway(CONFIG)


@pytest.fixture
def ask(gateway: Gateway) -> Callable[..., Answer]:
    """A call of a tenant; the provider has forgotten earlier ones and follows no script."""
    gateway.mock("m").forget()
    gateway.mock("m").script()

    def asked(body: bytes, tenant: str = "acme", path: str = "/v1/chat/completions") -> Answer:
        return send(gateway.origin, request(body, path=path, key=KEYS[tenant]))

    return asked


def said(answer: Answer) -> str:
    """The text of the answer."""
    assert answer.status == 200, answer.body
    return str(answer.json["choices"][0]["message"]["content"])


def seen(gateway: Gateway) -> str:
    """The body that the provider got, the only one."""
    (received,) = gateway.mock("m").received()
    return str(received["body"])


def test_the_provider_sees_placeholders_and_the_caller_its_values(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """Every kind, and a value that occurs twice has one placeholder; the record counts and holds none."""
    prompt = f"Write to {MAIL} (yes, {MAIL}), card {CARD}, {IBAN}, host {ADDRESS}, token {SECRET}. Grüße 👋"
    answer = ask(chat(prompt))
    assert said(answer) == prompt
    body = seen(gateway)
    assert not any(value in body for value in (*VALUES, SECRET))
    content = json.loads(body)["messages"][0]["content"]
    found = PLACEHOLDER.findall(content)
    assert len(found) == 6
    assert found[0] == found[1]
    assert len(set(found)) == 5
    record = gateway.record(answer.id)
    assert record["redacted"]["EMAIL_ADDRESS"] == 2
    assert sum(record["redacted"].values()) == record["restored"] == 6
    assert not any(value in json.dumps(record) for value in (*VALUES, SECRET))


def test_every_text_of_a_request_is_redacted(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """Roles, parts, names, tool calls, tool definitions, formats, metadata and fields that nobody knows."""

    def mail(number: int) -> str:
        return f"person{number}@example.com"

    function = {"name": "send", "arguments": json.dumps({"to": mail(4), "more": json.dumps({"cc": mail(5)})})}
    document = {
        "model": "chat",
        "messages": [
            {"role": "system", "content": f"You serve {mail(1)}."},
            {"role": "developer", "content": [{"type": "text", "text": f"And {mail(2)}."}]},
            {"role": "user", "content": "Send it", "name": mail(3)},
            {"role": "assistant", "tool_calls": [{"id": "c", "type": "function", "function": function}]},
            {"role": "tool", "tool_call_id": "c", "content": f"sent to {mail(6)}", "x_trace": {"who": [mail(7)]}},
            {"role": "user", "content": "And now?"},
        ],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "send",
                    "description": f"Sends to {mail(8)}",
                    "parameters": {"type": "object", "properties": {"to": {"enum": [mail(9)], "title": mail(10)}}},
                },
            }
        ],
        "response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": {"const": mail(11)}}},
        "metadata": {"ticket": mail(12)},
        "stop": [mail(13)],
        "prediction": {"type": "content", "content": mail(14)},
        "x_unknown": {"deep": [{"er": mail(15)}], mail(16): 1},
        "x_number": 4111111111111111,
    }
    answer = ask(json.dumps(document).encode())
    assert answer.status == 200, answer.body
    body = seen(gateway)
    assert "@example.com" not in body
    assert "4111111111111111" not in body
    assert json.loads(body)["model"] == "gpt-4o-mini"
    inner = json.loads(json.loads(body)["messages"][3]["tool_calls"][0]["function"]["arguments"])
    assert PLACEHOLDER.fullmatch(inner["to"])
    assert gateway.record(answer.id)["redacted"]["EMAIL_ADDRESS"] == 16


def test_values_spelled_with_escapes_are_redacted(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """What counts is what the text says, not how its JSON is written."""
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in MAIL)
    answer = ask(chat("@").replace(b"@", escaped.encode()))
    assert said(answer) == MAIL
    assert PLACEHOLDER.fullmatch(json.loads(seen(gateway))["messages"][0]["content"])


@pytest.mark.parametrize("framing", ["chunked", "HTTP/2", "many chunks"])
def test_a_body_of_any_framing_is_redacted(gateway: Gateway, ask: Callable[..., Answer], framing: str) -> None:
    """Split wherever it was; what goes on has its new length."""
    body, bearer = chat(MAIL), ("authorization", f"Bearer {KEYS['acme']}")
    if framing == "HTTP/2":
        answer = send_h2(gateway.origin, body, headers=(bearer,))
    else:
        pieces = [body] if framing == "chunked" else [body[at : at + 1] for at in range(len(body))]
        headers = (("transfer-encoding", "chunked"), bearer)
        answer = send(gateway.origin, request(chunks(*pieces), headers=headers))
    assert said(answer) == MAIL
    (received,) = gateway.mock("m").received()
    assert MAIL not in received["body"]
    lengths = [value for name, value in received["headers"] if name == "content-length"]
    assert lengths in ([str(len(received["body"]))], [])


def test_values_come_back_inside_a_tool_call(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """Arguments are JSON in a string; the value is put back with the quotes it needs there."""
    tool = {"type": "function", "function": {"name": "send", "parameters": {"type": "object"}}}
    answer = ask(chat(f'Mail "{MAIL}"\n', tools=[tool], tool_choice="required"))
    call = answer.json["choices"][0]["message"]["tool_calls"][0]
    assert json.loads(call["function"]["arguments"]) == {"text": f'Mail "{MAIL}"\n'}
    assert MAIL not in seen(gateway)


def test_a_value_comes_back_however_often_the_provider_says_it(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """In every choice, and as often as it stands there."""
    ask(chat(MAIL))
    stand_in = json.loads(seen(gateway))["messages"][0]["content"]
    gateway.mock("m").script({"say": f"{stand_in} {stand_in}, and \\{stand_in}"})
    answer = ask(chat(MAIL, n=2))
    texts = [choice["message"]["content"] for choice in answer.json["choices"]]
    assert texts == [f"{MAIL} {MAIL}, and \\{MAIL}"] * 2
    assert gateway.record(answer.id)["restored"] == 6


LOOK_ALIKES = (
    "[EMAIL_ADDRESS_abcdef]",
    "[EMAIL_ADDRESS_234567]",
    "[CREDIT_CARD_aaaaaa]",
    "[EMAIL_ADDRESS]",
    "[X_abcdef]",
)


@pytest.mark.parametrize("literal", LOOK_ALIKES)
def test_a_look_alike_of_a_placeholder_stays_what_it_is(ask: Callable[..., Answer], literal: str) -> None:
    """With and without a value beside it."""
    assert said(ask(chat(f"What is {literal}?"))) == f"What is {literal}?"
    assert said(ask(chat(f"{literal} is not {MAIL}"))) == f"{literal} is not {MAIL}"


def test_a_placeholder_that_somebody_has_seen_opens_nothing(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """Neither alone, nor beside its own value, nor for another tenant, nor from the provider's mouth."""
    ask(chat(MAIL))
    stand_in = json.loads(seen(gateway))["messages"][0]["content"]
    assert PLACEHOLDER.fullmatch(stand_in)
    assert said(ask(chat(f"Who is {stand_in}?"))) == f"Who is {stand_in}?"
    assert said(ask(chat(f"Who is {stand_in}?"), "other")) == f"Who is {stand_in}?"
    assert said(ask(chat(f"Is {stand_in} {MAIL}?"))) == f"Is {stand_in} {MAIL}?"
    gateway.mock("m").script({"say": f"It was {stand_in}."})
    assert said(ask(chat("Whose was it?"))) == f"It was {stand_in}."
    assert said(ask(chat("Is it jo@example.org?"))) == f"It was {stand_in}."
    assert said(ask(chat(f"Is it {MAIL}?"), "other")) == f"It was {stand_in}."


def test_the_same_value_has_another_placeholder_for_another_tenant(
    gateway: Gateway, ask: Callable[..., Answer]
) -> None:
    """A provider that serves both cannot tell that they know the same person."""
    for tenant in KEYS:
        ask(chat(MAIL), tenant)
    one, two = (json.loads(each["body"])["messages"][0]["content"] for each in gateway.mock("m").received())
    assert one != two


def test_log_probabilities_of_a_stream_with_a_redacted_value_are_refused(gateway: Gateway) -> None:
    """Without them it is served; the fault names the way out."""
    mock = gateway.mock("m")
    mock.forget()
    with gateway.client(KEYS["acme"]) as client, pytest.raises(openai.BadRequestError) as caught:
        client.chat.completions.create(
            model="chat", messages=[{"role": "user", "content": MAIL}], stream=True, logprobs=True
        )
    assert caught.value.code == "logprobs_with_redaction"
    assert '"stream": false' in caught.value.message
    assert mock.received() == []
    record = gateway.record(caught.value.response.headers["x-request-id"])
    assert (record["outcome"], record["reason"]) == ("refused", "logprobs_with_redaction")
    assert record["redacted"] == {"EMAIL_ADDRESS": 1}


@pytest.mark.parametrize("given", [MAIL, [f"Dear {MAIL}", "no one", CARD]])
def test_embeddings_are_of_placeholders(gateway: Gateway, ask: Callable[..., Answer], given: Any) -> None:
    """Nothing of it has to come back."""
    body = json.dumps({"model": "chat", "input": given, "user": "u-1"}).encode()
    answer = ask(body, path="/v1/embeddings")
    assert answer.status == 200
    received = json.loads(seen(gateway))["input"]
    assert len(PLACEHOLDER.findall(json.dumps(received))) == (1 if isinstance(given, str) else 2)
    assert MAIL not in seen(gateway)
    assert len(answer.json["data"]) == (1 if isinstance(given, str) else 3)


@pytest.mark.parametrize(
    "rule",
    [
        {"body": "no JSON at all", "content_type": "application/json"},
        {"body": "plain", "content_type": "text/plain"},
        {"content_type": "application/json", "headers": {"content-encoding": "gzip"}},
    ],
)
def test_an_answer_that_cannot_be_restored_is_an_error(
    gateway: Gateway, ask: Callable[..., Answer], rule: dict[str, Any]
) -> None:
    """The caller gets its values or a clear error, never a half of it; nothing of the answer is in the error."""
    gateway.mock("m").script(rule)
    answer = ask(chat(MAIL))
    gateway.mock("m").script()
    assert (answer.status, answer.error["code"]) == (502, "answer_unreadable")
    assert b"plain" not in answer.body
    assert gateway.record(answer.id)["reason"] == "answer_unreadable"
