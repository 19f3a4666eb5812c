"""What an answer says in keys and numbers, in objects where APIs have strings, and where a seal should stand.

In a stream and in a whole answer alike.
"""

import base64
from collections.abc import Mapping
from typing import Any

import orjson
import pytest

from extproc.detectors.leakage import NOTHING
from extproc.streams.beside import member, number_in, told
from extproc.streams.chat import ChatDialect
from extproc.streams.dialect import Dialect
from extproc.streams.guarding import answer_guard
from extproc.streams.messages import MessagesDialect
from extproc.streams.responses import ResponsesDialect
from extproc.streams.restoring import Restoring
from extproc.streams.rewriting import BlockedError, Rewriting
from extproc.streams.stops import Stop
from extproc.streams.stream import Stream
from extproc.streams.whole import finish
from forebay.config.resolved import Guards, InjectionGuard, OutputGuards

MAIL, CARD, TOKEN = "eve@example.org", 4111111111111111, "ghp_16C7e42F292c6912E7710c838347Ae178B4a"
MINE = {"[EMAIL_ADDRESS_x7k2mq]": "jo@example.org"}
SEAL = base64.b64encode(bytes(range(128, 192))).decode()
DIALECTS: Mapping[str, Dialect] = {
    "chat": ChatDialect({"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}),
    "messages": MessagesDialect({"id": "x", "model": "m"}),
    "responses": ResponsesDialect({"id": "x", "created_at": 1, "model": "m"}),
}


def guards(action: Any) -> Guards:
    """A tenant's."""
    output = OutputGuards(pii=action, secrets=action)
    return Guards("g", InjectionGuard("off", 100), "off", (), "off", 1.0, "closed", output)


def streamed(api: str, event: dict[str, Any], action: str = "redact", again: int = 1) -> tuple[dict[str, Any], Stream]:
    """The last event that goes out, none where it is stopped."""
    rewritings: list[Rewriting] = [answer_guard(guards(action), NOTHING), Restoring(MINE)]
    one = Stream(DIALECTS[api], rewritings, len)
    raw = b"data: " + orjson.dumps(event) + b"\n\n"
    out = b"".join([one.feed(raw, False, 0) for _ in range(again)])
    data = [line[6:] for line in out.split(b"\n") if line.startswith(b"data: ")]
    return (orjson.loads(data[-1]) if data else {}), one


def whole(api: str, answer: object, action: str = "redact") -> tuple[Any, Any]:
    """What the caller gets, and how it came about."""
    done = finish(orjson.dumps(answer), MINE, guards(action), operation=api)
    return orjson.loads(done.body), done


def chunk(**delta: Any) -> dict[str, Any]:
    """Of a chat."""
    return {"choices": [{"index": 0, "delta": delta}]}


def called(arguments: Any) -> dict[str, Any]:
    """A message or a delta that calls a tool."""
    return {"tool_calls": [{"index": 0, "function": {"name": "f", "arguments": arguments}}]}


def test_a_number_is_masked_by_a_string() -> None:
    """Wherever it stands."""
    for event in (chunk(content=CARD), chunk(content="words ", n=CARD), {**chunk(), "x": [1, [CARD]]}):
        got, one = streamed("chat", event)
        assert orjson.dumps(got) == orjson.dumps(event).replace(str(CARD).encode(), b'"[CREDIT_CARD]"')
        assert one.stop is None
        got, done = whole("chat", event)
        assert orjson.dumps(got) == orjson.dumps(event).replace(str(CARD).encode(), b'"[CREDIT_CARD]"')
        assert [(found.type, found.count) for found in done.findings] == [("CREDIT_CARD", 1)]


def test_a_number_is_masked_in_an_event_that_was_written_otherwise() -> None:
    """With blanks between its members: every other byte stays."""
    raw = b'data: {"choices": [ {"index": 0, "delta": {"content": "words ", "n": 4111111111111111}} ]}\n\n'
    one = Stream(DIALECTS["chat"], [answer_guard(guards("redact"), NOTHING)], len)
    assert one.feed(raw, False, 0) == raw.replace(b"4111111111111111", b'"[CREDIT_CARD]"')


def test_an_event_with_a_number_that_is_masked_leaves_no_mould() -> None:
    """The next one like it would bring it."""
    got, _ = streamed("chat", chunk(content="words ", n=CARD), again=3)
    assert CARD not in orjson.loads(orjson.dumps(got["choices"][0]["delta"])).values()


@pytest.mark.parametrize("api", DIALECTS)
def test_a_key_that_would_be_masked_blocks(api: str) -> None:
    """And is let pass where it is only to be seen."""
    event = {"type": "x", "choices": [{"index": 0, "delta": {"content": "words "}}], "more": {MAIL: 1}}
    for action in ("redact", "block"):
        got, one = streamed(api, event, action)
        assert (got, one.stop) == ({}, Stop.BLOCKED)
        assert whole(api, event, action)[1].blocked
    got, one = streamed(api, event, "log")
    assert (got, one.stop) == (event, None)
    answer, done = whole(api, event, "log")
    assert (answer, [found.type for found in done.findings]) == (event, ["EMAIL_ADDRESS"])


@pytest.mark.parametrize(
    ("api", "holder"),
    [
        ("chat", lambda given: chunk(**called(given))),
        ("messages", lambda given: {"type": "content_block_start", "index": 0, "content_block": {
            "type": "tool_use", "id": "t", "name": "f", "input": given}}),
    ],
    ids=["chat", "messages"],
)  # fmt: skip
def test_arguments_that_stand_as_an_object_are_json_that_is_one_text(api: str, holder: Any) -> None:
    """As in the string that they should be: keys, numbers and what the key before a value says of it."""
    given = {"card": CARD, MAIL: True, "to": f"{MAIL} [EMAIL_ADDRESS_x7k2mq]", "n": [CARD]}
    masked = {"card": "[CREDIT_CARD]", "[EMAIL_ADDRESS]": True, "to": "[EMAIL_ADDRESS] jo@example.org"}
    got, one = streamed(api, holder(given))
    assert got == holder({**masked, "n": ["[CREDIT_CARD]"]})
    assert one.stop is None
    assert streamed(api, holder(given), "block")[1].stop is Stop.BLOCKED


def test_so_are_they_in_a_whole_answer() -> None:
    """Of chat, of either kind of tool, and of the one before tools."""
    given, masked = {"card": CARD, MAIL: True}, {"card": "[CREDIT_CARD]", "[EMAIL_ADDRESS]": True}

    def answer(given: Any) -> dict[str, Any]:
        calls = [{"function": {"arguments": given}}, {"custom": {"input": given}}]
        return {"choices": [{"index": 0, "message": {"tool_calls": calls, "function_call": {"arguments": given}}}]}

    assert whole("chat", answer(given))[0] == answer(masked)


@pytest.mark.parametrize("type_", ["shell_call", "computer_call", "x"])
def test_numbers_in_items_of_responses_are_masked_each_time_they_are_said(type_: str) -> None:
    """And nothing else is: places and times are numbers too."""
    item = {"type": type_, "id": "i_1", "action": {"x": 100, "y": 1_736_948_312, "n": CARD}}
    masked = {**item, "action": {**item["action"], "n": "[CREDIT_CARD]"}}  # type: ignore[dict-item]
    for event in ("response.output_item.added", "response.output_item.done"):
        got, one = streamed("responses", {"type": event, "output_index": 0, "item": item})
        assert (got["item"], one.stop) == (masked, None)
    assert whole("responses", {"object": "response", "output": [item]})[0]["output"] == [masked]


def test_what_a_response_quotes_is_not_read() -> None:
    """Numbers and keys of the caller's own tools and notes."""
    quoted = {"metadata": {MAIL: "x"}, "tools": [{"parameters": {"enum": [CARD]}}]}
    event = {"type": "response.created", "response": {"object": "response", "output": [], **quoted}}
    assert streamed("responses", event)[0] == event
    assert whole("responses", event["response"])[0] == event["response"]


@pytest.mark.parametrize("seal", [f"Write to {MAIL}", TOKEN], ids=["words", "a token"])
@pytest.mark.parametrize(
    ("api", "event"),
    [
        ("messages", lambda seal: {"type": "content_block_delta", "index": 0,
                                   "delta": {"type": "signature_delta", "signature": seal}}),
        ("messages", lambda seal: {"type": "content_block_start", "index": 0,
                                   "content_block": {"type": "redacted_thinking", "data": seal}}),
        ("messages", lambda seal: {"type": "content_block_start", "index": 0,
                                   "content_block": {"type": "compaction", "content": "x", "encrypted_content": seal}}),
        ("responses", lambda seal: {"type": "response.output_item.done", "output_index": 0,
                                    "item": {"type": "reasoning", "id": "r", "encrypted_content": seal}}),
        ("responses", lambda seal: {"type": "response.output_item.done", "output_index": 0,
                                    "item": {"type": "program", "id": "r", "fingerprint": seal}}),
    ],
    ids=["signature", "redacted", "compaction", "reasoning", "program"],
)  # fmt: skip
def test_what_stands_for_a_seal_and_does_not_look_like_one_is_read(api: str, event: Any, seal: str) -> None:
    """It may not change, so it blocks; a placeholder of the caller's stays one."""
    for action in ("redact", "block"):
        assert streamed(api, event(seal), action)[1].stop is Stop.BLOCKED
    assert streamed(api, event(SEAL))[0] == event(SEAL)
    assert streamed(api, event("[EMAIL_ADDRESS_x7k2mq]"))[0] == event("[EMAIL_ADDRESS_x7k2mq]")


@pytest.mark.parametrize("seal", [f"Write to {MAIL}", TOKEN], ids=["words", "a token"])
@pytest.mark.parametrize(
    ("api", "answer"),
    [
        ("messages", lambda seal: {"content": [{"type": "thinking", "thinking": "x", "signature": seal}]}),
        ("messages", lambda seal: {"content": [{"type": "thinking", "thinking": "x", "x": {"data": seal, "n": 1}}]}),
        ("messages", lambda seal: {"content": [{"type": "redacted_thinking", "data": seal}]}),
        ("responses", lambda seal: {"output": [{"type": "reasoning", "encrypted_content": seal}]}),
    ],
    ids=["signature", "within", "redacted", "reasoning"],
)  # fmt: skip
def test_so_it_is_in_a_whole_answer(api: str, answer: Any, seal: str) -> None:
    """The same verdict."""
    assert whole(api, answer(seal))[1].blocked
    assert whole(api, answer(SEAL))[0] == answer(SEAL)


@pytest.mark.parametrize("name", ["encrypted_content", "encrypted_index", "encrypted_stdout"])
def test_base64_of_a_text_is_not_encrypted(name: str) -> None:
    """Nor is a token that fits its alphabet."""
    got, _ = streamed("chat", chunk(content="words ", **{name: TOKEN}))
    assert TOKEN not in str(got)
    assert streamed("chat", chunk(content="words ", **{name: SEAL}))[0] == chunk(content="words ", **{name: SEAL})


@pytest.mark.parametrize("name", ["obfuscation", "status", "role", "type", "object", "service_tier", "finish_reason"])
def test_a_token_is_no_word_of_the_api_and_no_padding(name: str) -> None:
    """It is read like any text."""
    got, _ = streamed("chat", chunk(content="words ", **{name: TOKEN}))
    assert TOKEN not in str(got)
    assert TOKEN not in str(whole("chat", {name: TOKEN, "choices": []})[0])


def test_our_own_events_say_nothing_that_was_not_read() -> None:
    """They look like the provider's, whose head may say anything."""
    rewritings: list[Rewriting] = [answer_guard(guards("redact"), NOTHING)]
    one = Stream(ChatDialect({"id": "x"}), rewritings, len)
    head = {"id": MAIL, "model": f"to {MAIL}", "created": CARD, "system_fingerprint": "fp_1"}
    out = one.feed(b"data: " + orjson.dumps({**head, **chunk(content="pay 41")}) + b"\n\n", False, 0)
    out += one.feed(b"data: [DONE]\n\n", False, 0)
    assert out.count(b"data: {") == 2
    assert MAIL.encode() not in out
    assert str(CARD).encode() not in out


@pytest.mark.parametrize("api", DIALECTS)
def test_an_answer_in_place_of_a_blocked_one_says_nothing_that_was_not_read(api: str) -> None:
    """What it cost, and who is said to have said it."""
    counts = {"input_tokens": 12, "output_tokens": 3, "x": MAIL, MAIL: 1, "n": CARD}
    head = {"id": MAIL, "model": f"to {MAIL}", "usage": counts}
    body, done = whole(api, {**head, "choices": [{"index": MAIL}], "text": TOKEN}, "block")
    assert done.blocked
    assert MAIL not in str(body)
    assert str(CARD) not in str(body)
    assert body["usage"]["input_tokens"] == 12


def test_a_list_of_errors_is_read() -> None:
    """As some providers answer."""
    assert whole("chat", [{"error": {"message": f"no {MAIL}"}}])[0] == [{"error": {"message": "no [EMAIL_ADDRESS]"}}]


def test_what_is_told_is_told_by_members() -> None:
    """A number under its name, in a list under that of the list; a key alone, and ordinary ones not at all."""
    value = {"name": "x", "Name": 1, "n": 12345678, "list": [1, 12345678, True], "input": {"n": 12345678}}
    assert sorted(text for _, text, _ in told(value, (), False)) == [
        '{"Name":null}',
        '{"list":12345678}',
        '{"n":12345678}',
        '{"n":12345678}',
    ]
    assert [text for _, text, whole in told(value, [("n",), ("list",)], True) if whole] == ['{"n":12345678}']


def test_a_member_of_which_the_key_changed_blocks() -> None:
    """Only its number has another form."""
    assert number_in(member("a:b", CARD), '{"a:b":"[X]"}') == '"[X]"'
    with pytest.raises(BlockedError):
        number_in(member(MAIL, None), '{"[X]":null}')
