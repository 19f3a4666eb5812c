"""Bodies that must not be sent on: the right 4xx in OpenAI's shape, one line in the record, nothing upstream.

Every body goes over HTTP/1.1 and over HTTP/2 with prior knowledge. All are sent once, at the first test that asks;
each test then looks at its own.
"""

import json
from typing import Any, NamedTuple

import pytest
from gateways import Gateway, Starter
from wire import Answer, chat, request, send, send_h2

EMBEDDINGS = "/v1/embeddings"
CONFIG = """
providers: {m: {type: mock}}
models: {chat: m/gpt-4o-mini}
caps: {messages: 4, tools: 2, n: 3, max_tokens: 100, inputs: 2, depth: 8}
"""
USER = {"role": "user", "content": "hello"}
TOOL = {"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}


class Bad(NamedTuple):
    """A body and what must come of it."""

    body: bytes
    reason: str
    param: str | None = None
    path: str = "/v1/chat/completions"
    status: int = 400


def body(**changes: Any) -> bytes:
    """A chat body; a field changed to None is left out."""
    fields = {"model": "chat", "messages": [USER]} | changes
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def message(**fields: Any) -> bytes:
    return body(messages=[USER, fields])


def embed(given: Any) -> bytes:
    return json.dumps({"model": "chat", "input": given}).encode()


TWICE = b'{"model":"chat","messages":[],%s:"other"}'
BODIES: dict[str, Bad] = {
    "nothing but spaces": Bad(b"  \n", "empty_body"),
    "no JSON": Bad(b"model=chat", "malformed_json"),
    "cut off": Bad(chat()[:-1], "malformed_json"),
    "two documents": Bad(chat() + chat(), "malformed_json"),
    "a trailing comma": Bad(b'{"model":"chat",}', "malformed_json"),
    "single quotes": Bad(b"{'model':'chat'}", "malformed_json"),
    "a comment": Bad(b'{"model":"chat"/**/}', "malformed_json"),
    "a raw control character": Bad(chat().replace(b"hello", b"hel\x01lo"), "malformed_json"),
    "NaN": Bad(b'{"model":"chat","messages":[],"temperature":NaN}', "malformed_json"),
    "Infinity": Bad(b'{"model":"chat","messages":[],"temperature":-Infinity}', "malformed_json"),
    "a number no double holds": Bad(b'{"model":"chat","temperature":1e999}', "invalid_value", "body"),
    "a number of 5000 digits": Bad(b'{"model":"chat","seed":' + b"9" * 5000 + b"}", "invalid_value", "body"),
    "a key twice": Bad(TWICE % b'"model"', "duplicate_key"),
    "a key twice, once escaped": Bad(TWICE % b'"mod\\u0065l"', "duplicate_key"),
    "a key twice, deep inside": Bad(
        b'{"model":"chat","messages":[{"role":"user","content":"a","c\\u006fntent":"b"}]}', "duplicate_key"
    ),
    "a lone high surrogate": Bad(chat().replace(b"hello", b"hel\\ud83dlo"), "invalid_encoding"),
    "a lone low surrogate": Bad(chat().replace(b"hello", b"hel\\udc00lo"), "invalid_encoding"),
    "a lone surrogate in a key": Bad(b'{"model":"chat","\\ud800":1}', "invalid_encoding"),
    "a BOM": Bad(b"\xef\xbb\xbf" + chat(), "invalid_encoding"),
    "UTF-16": Bad(chat().decode().encode("utf-16"), "invalid_encoding"),
    "bad UTF-8": Bad(chat().replace(b"hello", b"hel\xfflo"), "invalid_encoding"),
    "overlong UTF-8": Bad(chat().replace(b"hello", b"hel\xc0\xaelo"), "invalid_encoding"),
    "a surrogate as UTF-8": Bad(chat().replace(b"hello", b"hel\xed\xa0\x80lo"), "invalid_encoding"),
    "a depth bomb of arrays": Bad(b"[" * 60_000, "too_deep"),
    "a depth bomb of objects": Bad(b'{"a":' * 9_000, "too_deep"),
    "one level too many": Bad(b'{"model":"chat","x":' + b"[" * 8 + b"]" * 8 + b"}", "too_deep"),
    "a string": Bad(b'"chat"', "invalid_type", "body"),
    "an array": Bad(b"[]", "invalid_type", "body"),
    "null": Bad(b"null", "invalid_type", "body"),
    "no model": Bad(body(model=None), "missing_field", "model"),
    "model null": Bad(b'{"model":null,"messages":[]}', "invalid_type", "model"),
    "model a number": Bad(body(model=7), "invalid_type", "model"),
    "model empty": Bad(body(model=""), "invalid_value", "model"),
    "an unknown model": Bad(body(model="gpt-9"), "unknown_model", "model", status=404),
    "a provider's model": Bad(body(model="m/gpt-4o-mini"), "unknown_model", "model", status=404),
    "a model by another case": Bad(body(model="Chat"), "unknown_model", "model", status=404),
    "no messages": Bad(body(messages=None), "missing_field", "messages"),
    "messages an object": Bad(body(messages={}), "invalid_type", "messages"),
    "messages empty": Bad(body(messages=[]), "empty_messages", "messages"),
    "a message a string": Bad(body(messages=["hello"]), "invalid_type", "messages[0]"),
    "an unknown role": Bad(message(role="root", content="x"), "unknown_role", "messages[1].role"),
    "a role by another case": Bad(message(role="System", content="x"), "unknown_role", "messages[1].role"),
    "no role": Bad(message(content="x"), "missing_field", "messages[1].role"),
    "role a number": Bad(message(role=1, content="x"), "invalid_type", "messages[1].role"),
    "no content": Bad(message(role="user"), "missing_field", "messages[1].content"),
    "content a number": Bad(message(role="user", content=5), "invalid_type", "messages[1].content"),
    "content an object": Bad(message(role="user", content={"text": "x"}), "invalid_type", "messages[1].content"),
    "content token ids": Bad(message(role="user", content=[1, 2]), "token_ids", "messages[1].content"),
    "a part without type": Bad(
        message(role="user", content=[{"text": "x"}]), "missing_field", "messages[1].content[0].type"
    ),
    "a part's text token ids": Bad(
        message(role="user", content=[{"type": "text", "text": [1]}]), "token_ids", "messages[1].content[0].text"
    ),
    "too many messages": Bad(body(messages=[USER] * 5), "cap_exceeded", "messages"),
    "too many tools": Bad(body(tools=[TOOL] * 3), "cap_exceeded", "tools"),
    "too many functions": Bad(body(functions=[{"name": "f"}] * 3), "cap_exceeded", "functions"),
    "too many of both": Bad(body(tools=[TOOL] * 2, functions=[{"name": "f"}]), "cap_exceeded", "tools"),
    "a tool without name": Bad(
        body(tools=[{"type": "function", "function": {}}]), "missing_field", "tools[0].function.name"
    ),
    "n over its cap": Bad(body(n=4), "cap_exceeded", "n"),
    "n zero": Bad(body(n=0), "invalid_value", "n"),
    "n a boolean": Bad(body(n=True), "invalid_type", "n"),
    "n 1.0": Bad(body(n=1.0), "invalid_type", "n"),
    "max_tokens over its cap": Bad(body(max_tokens=101), "cap_exceeded", "max_tokens"),
    "max_completion_tokens over its cap": Bad(body(max_completion_tokens=101), "cap_exceeded", "max_completion_tokens"),
    "max_tokens negative": Bad(body(max_tokens=-1), "invalid_value", "max_tokens"),
    "max_tokens a string": Bad(body(max_tokens="5"), "invalid_type", "max_tokens"),
    "stream a string": Bad(body(stream="true"), "invalid_type", "stream"),
    "temperature a string": Bad(body(temperature="hot"), "invalid_type", "temperature"),
    "stop a number": Bad(body(stop=3), "invalid_type", "stop"),
    "user a number": Bad(body(user=3), "invalid_type", "user"),
    "metadata an array": Bad(body(metadata=[]), "invalid_type", "metadata"),
    "too many values": Bad(b'{"model":"chat","x":[' + b"0," * 100_000 + b"0]}", "cap_exceeded", "body"),
    "embeddings of token ids": Bad(embed([1, 2]), "token_ids", "input", EMBEDDINGS),
    "embeddings of lists of token ids": Bad(embed([[1, 2], [3]]), "token_ids", "input[0]", EMBEDDINGS),
    "embeddings of token ids behind text": Bad(embed(["a", [1]]), "token_ids", "input[1]", EMBEDDINGS),
    "embeddings of nothing": Bad(embed([]), "invalid_value", "input", EMBEDDINGS),
    "embeddings of empty text": Bad(embed(""), "invalid_value", "input", EMBEDDINGS),
    "embeddings of too much": Bad(embed(["a", "b", "c"]), "cap_exceeded", "input", EMBEDDINGS),
    "embeddings without input": Bad(b'{"model":"chat"}', "missing_field", "input", EMBEDDINGS),
}
PROTOCOLS = ("HTTP/1.1", "HTTP/2")


@pytest.fixture(scope="module")
def gateway(start_once: Starter) -> Gateway:
    return start_once.gateway(CONFIG)


@pytest.fixture(scope="module")
def answers(gateway: Gateway) -> dict[tuple[str, str], Answer]:
    """What came of every body, by name and protocol."""
    bearer = (("authorization", f"Bearer {gateway.key}"),)
    found = {}
    for name, bad in BODIES.items():
        found[name, "HTTP/1.1"] = send(gateway.origin, request(bad.body, path=bad.path, key=gateway.key))
        found[name, "HTTP/2"] = send_h2(gateway.origin, bad.body, path=bad.path, headers=bearer)
    return found


@pytest.fixture(scope="module")
def records(gateway: Gateway, answers: dict[tuple[str, str], Answer]) -> dict[str, dict[str, Any]]:
    """The published line of every one of them, by request id."""
    wanted = {answer.id for answer in answers.values()}
    assert len(wanted) == len(answers)

    def published() -> dict[str, dict[str, Any]] | None:
        lines = {record["id"]: record for record in gateway.records()}
        return lines if lines.keys() >= wanted else None

    return gateway.wait_for(published) or {}


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize("name", BODIES)
def test_a_bad_body_gets_a_clear_error_and_a_line_in_the_record(
    answers: dict[tuple[str, str], Answer], records: dict[str, dict[str, Any]], name: str, protocol: str
) -> None:
    """Status, `code` and `param` name the fault; the record says the same and nobody was asked."""
    bad, answer = BODIES[name], answers[name, protocol]
    assert (answer.status, answer.error["code"], answer.error["param"]) == (bad.status, bad.reason, bad.param)
    assert answer.error["type"] == "invalid_request_error"
    assert answer.error["message"]
    record = records[answer.id]
    assert (record["outcome"], record["reason"], record["status"]) == ("refused", bad.reason, bad.status)
    assert (record["protocol"], record["attempts"], record["provider"]) == (protocol, 0, None)
    assert record["tenant"] == "local"


def test_no_bad_body_reaches_the_provider(
    gateway: Gateway, answers: dict[tuple[str, str], Answer], records: dict[str, dict[str, Any]]
) -> None:
    """And no attempt was made to reach it."""
    assert len(answers) == 2 * len(BODIES)
    assert gateway.mock("m").received() == []
    assert gateway.records("attempt") == []


def test_an_error_never_quotes_the_body(answers: dict[tuple[str, str], Answer]) -> None:
    """Messages are fixed; what a caller sent is not in them."""
    for answer in answers.values():
        for text in (b"hello", b"root", b"gpt-9", b"look_up", b"System"):
            assert text not in answer.body


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_just_within_the_caps_is_served(gateway: Gateway, protocol: str) -> None:
    """The caps are limits, not traps: their own values are allowed."""
    fine = body(messages=[USER] * 4, tools=[TOOL] * 2, n=3, max_tokens=100, x=[[[[[[[0]]]]]]])
    if protocol == "HTTP/1.1":
        answer = send(gateway.origin, request(fine, key=gateway.key))
    else:
        answer = send_h2(gateway.origin, fine, headers=(("authorization", f"Bearer {gateway.key}"),))
    assert answer.status == 200
    assert len(answer.json["choices"]) == 3
    assert gateway.record(answer.id)["reason"] == "ok"


@pytest.mark.parametrize("framing", ["with its length", "chunked", "HTTP/2"])
def test_a_body_of_60_mb_is_refused(gateway: Gateway, framing: str) -> None:
    """Told its length, at once; without, as soon as the limit is passed."""
    large = chat("x" * 60_000_000)
    bearer = (("authorization", f"Bearer {gateway.key}"),)
    seen = len(gateway.mock("m").received())
    if framing == "HTTP/2":
        answer = send_h2(gateway.origin, large, headers=bearer)
    elif framing == "chunked":
        whole = b"%x\r\n%b\r\n0\r\n\r\n" % (len(large), large)
        answer = send(gateway.origin, request(whole, key=gateway.key, headers=(("transfer-encoding", "chunked"),)))
    else:
        answer = send(gateway.origin, request(large, key=gateway.key))
    assert (answer.status, answer.error["code"]) == (413, "body_too_large")
    record = gateway.record(answer.id)
    assert (record["outcome"], record["reason"]) == ("refused", "body_too_large")
    assert len(gateway.mock("m").received()) == seen


def test_the_body_limit_is_exact(gateway: Gateway) -> None:
    """20 MiB pass, one byte more does not."""
    frame = len(body(messages=[{"role": "user", "content": ""}]))
    for size, status in ((20 * 2**20, 200), (20 * 2**20 + 1, 413)):
        text = "word " * ((size - frame) // 5 + 1)
        raw = body(messages=[{"role": "user", "content": text[: size - frame]}])
        assert len(raw) == size
        assert send(gateway.origin, request(raw, key=gateway.key)).status == status
