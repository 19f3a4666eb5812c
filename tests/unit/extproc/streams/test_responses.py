"""The events of Responses: what is said again says what went out, numbers ascend, and every end is a whole one."""

import json
from contextlib import suppress
from typing import Any

import orjson
import pytest
from exchanges import FOLDER
from exchanges import NAMES as EVERY
from hypothesis import given
from hypothesis import strategies as st
from openai.types.responses import (
    ResponseContentPartDoneEvent,
    ResponseCreatedEvent,
    ResponseErrorEvent,
    ResponseIncompleteEvent,
    ResponseOutputItemDoneEvent,
    ResponseReasoningSummaryPartDoneEvent,
    ResponseReasoningSummaryTextDoneEvent,
    ResponseTextDeltaEvent,
    ResponseTextDoneEvent,
)

from extproc.messages.answer import Usage
from extproc.messages.refusal import error_body
from extproc.streams.dialect import Piece
from extproc.streams.guarding import answer_guard
from extproc.streams.memory import CrowdedError
from extproc.streams.names import AmbiguousError
from extproc.streams.responses import ResponsesDialect
from extproc.streams.restoring import Restoring
from extproc.streams.stops import Bounds, Stop
from extproc.streams.stream import Stream
from extproc.streams.whole import finish
from forebay.config.resolved import Guards, InjectionGuard, OutputGuards, RedactAction
from forebay.outcomes import Reason

NAMES = [name for name in EVERY if name.startswith("responses_")]
OFFICIAL: dict[str, Any] = {
    "response.created": ResponseCreatedEvent,
    "response.output_text.delta": ResponseTextDeltaEvent,
    "response.output_text.done": ResponseTextDoneEvent,
    "response.content_part.done": ResponseContentPartDoneEvent,
    "response.reasoning_summary_text.done": ResponseReasoningSummaryTextDoneEvent,
    "response.reasoning_summary_part.done": ResponseReasoningSummaryPartDoneEvent,
    "response.output_item.done": ResponseOutputItemDoneEvent,
    "response.incomplete": ResponseIncompleteEvent,
    "error": ResponseErrorEvent,
}
USED = Usage(21, 34, 5, 8, 3)
MAIL, MINE, HOLDER = "mallory@example.net", "jo@example.org", "[EMAIL_ADDRESS_x7k2mq]"
VALUES = {HOLDER: MINE}
LETTERS = str.maketrans("0123456789", "abcdefghij")
WHERE = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
MESSAGE: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress"}
PART: dict[str, Any] = {"type": "output_text", "annotations": [], "text": ""}


def dialect() -> ResponsesDialect:
    """Nothing has come yet."""
    return ResponsesDialect({"id": "resp_ours", "created_at": 1, "model": "ours"})


def event(name: str, number: int | None = None, **members: Any) -> bytes:
    """An event of the provider's."""
    numbered = {} if number is None else {"sequence_number": number}
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps({"type": name, **numbered, **members}))


def events(raw: bytes) -> list[dict[str, Any]]:
    """What a client gets, named as it is."""
    found = []
    for each in raw.replace(b"\r\n", b"\n").split(b"\n\n"):
        name, _, data = each.partition(b"\ndata: ")
        if data:
            answer = orjson.loads(data)
            assert name == b"event: " + answer["type"].encode()
            found.append(answer)
    return found


def official(raw: bytes) -> list[dict[str, Any]]:
    """Events of ours: such as the official client takes."""
    found = events(raw)
    for answer in found:
        OFFICIAL[answer["type"]].model_validate(answer)
    return found


def guards(action: RedactAction) -> Guards:
    """A tenant's."""
    return Guards("g", InjectionGuard("off", 100), "off", (), "off", 1.0, "closed", OutputGuards(pii=action))


def streaming(action: RedactAction = "off", bounds: Bounds | None = None) -> Stream:
    """One under a guard, that restores."""
    guarding = [] if action == "off" else [answer_guard(guards(action), ())]
    return Stream(dialect(), [*guarding, Restoring(VALUES)], len, bounds=bounds)


def opened(number: int = 0, **response: Any) -> bytes:
    """How a stream of one message begins."""
    head = {"id": "resp_1", "object": "response", "status": "in_progress", "model": "m", "output": [], **response}
    return b"".join(
        [
            event("response.created", number, response=head),
            event("response.output_item.added", number + 1, output_index=0, item={**MESSAGE, "content": []}),
            event("response.content_part.added", number + 2, **WHERE, part=PART),
        ]
    )


def delta(text: str, number: int | None = None, **members: Any) -> bytes:
    """A piece of the message's text."""
    return event("response.output_text.delta", number, **WHERE, delta=text, **members)


def closed(text: str, number: int = 90) -> bytes:
    """How it ends."""
    part = {**PART, "text": text}
    item = {**MESSAGE, "status": "completed", "content": [part]}
    response = {"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": [item]}
    return b"".join(
        [
            event("response.output_text.done", number, **WHERE, text=text),
            event("response.content_part.done", number + 1, **WHERE, part=part),
            event("response.output_item.done", number + 2, output_index=0, item=item),
            event("response.completed", number + 3, response=response),
        ]
    )


@pytest.mark.parametrize("name", NAMES)
def test_the_finished_response_is_the_one_without_streaming(name: str) -> None:
    """Restored and guarded, it says what the whole answer would; and its findings are the same."""
    meta = json.loads((FOLDER / f"{name}.json").read_bytes())
    sent = (FOLDER / f"{name}.sse").read_bytes()
    given = [each["response"] for each in events(sent) if each["type"] in FINAL]
    if not given:
        return
    one = Stream(dialect(), [guard := answer_guard(guards("redact"), ()), restoring := Restoring(meta["values"])], len)
    got = [each for each in events(one.feed(sent, True, 0)) if each["type"] in FINAL]
    body = orjson.dumps(given[-1])
    whole = finish(body, meta["values"], guards("redact"), operation="responses")
    assert got[-1]["response"] == orjson.loads(whole.body)
    assert guard.findings == whole.findings
    assert restoring.restored >= whole.restored


FINAL = frozenset({"response.completed", "response.incomplete", "response.failed"})


@pytest.mark.parametrize("name", NAMES)
def test_numbers_ascend_whatever_is_put_between(name: str) -> None:
    """Each is one more than the one before, as the provider's were."""
    sent = (FOLDER / f"{name}.sse").read_bytes()
    meta = json.loads((FOLDER / f"{name}.json").read_bytes())
    got = events(Stream(dialect(), [Restoring(meta["values"])], len).feed(sent, True, 0))
    numbers = [each["sequence_number"] for each in got if "sequence_number" in each]
    assert numbers == list(range(len(numbers)))
    assert len(got) - len(events(sent)) in (0, 1) or meta["expected"]["stop"]  # what was held at the end of a text


@pytest.mark.parametrize(
    ("stem", "within", "member"),
    [
        ("output_text", {"content_index": 2}, "text"),
        ("refusal", {"content_index": 2}, "refusal"),
        ("reasoning_text", {"content_index": 0}, "text"),
        ("reasoning_summary_text", {"summary_index": 1}, "text"),
        ("function_call_arguments", {}, "arguments"),
        ("mcp_call_arguments", {}, "arguments"),
        ("custom_tool_call_input", {}, "input"),
        ("code_interpreter_call_code", {}, "code"),
        ("shell_call_command", {"command_index": 3}, "command"),
    ],
)
def test_a_text_that_goes_on_is_a_channel(stem: str, within: dict[str, int], member: str) -> None:
    """Ours are read as the provider's would be; the event that says all of it ends it."""
    ours, where = dialect(), {"item_id": "x_1", "output_index": 4, **within}
    said = {"type": f"response.{stem}.delta", "sequence_number": 7, **where, "delta": "é"}
    (piece,) = ours.read(said).pieces
    assert (piece.path, piece.text) == (("delta",), "é")
    ours.sent(orjson.dumps(said))
    (carried,) = events(ours.carry(piece.channel, "text"))
    assert carried == {**said, "sequence_number": 8, "delta": "text"} | (
        {"logprobs": []} if "logprobs" in carried else {}
    )
    assert ours.read(carried).pieces == [Piece(piece.channel, ("delta",), "text")]
    reading = ours.read({"type": f"response.{stem}.done", **where, member: "étext"})
    assert (list(reading.again), reading.ended) == ([Piece(piece.channel, (member,), "étext")], {piece.channel.group})


def test_places_are_told_apart() -> None:
    """Two items, two parts: four texts."""
    ours = dialect()
    for item in (0, 1):
        ours.read({"type": "response.content_part.added", "output_index": item, "content_index": 1, "part": PART})
    said = [
        {"type": "response.output_text.delta", "output_index": item, "content_index": part, "delta": "x"}
        for item in (0, 1)
        for part in (0, 1)
    ]
    channels = [piece.channel for each in said for piece in ours.read(each).pieces]
    assert len({channel.group for channel in channels}) == 4
    whole = {"type": "message", "content": [{"type": "output_text", "text": "x"}, {"type": "output_text", "text": "x"}]}
    reading = ours.read({"type": "response.output_item.done", "output_index": 1, "item": whole})
    assert {piece.channel for piece in reading.again} == set(channels[2:])
    assert reading.ended == {channel.group for channel in channels[2:]}


def test_a_text_without_deltas_is_read_where_it_is_said_first() -> None:
    """And ends there."""
    ours = dialect()
    first = ours.read({"type": "response.output_text.done", **WHERE, "text": "x"})
    (piece,) = first.pieces
    assert (first.ended, list(first.again)) == ({piece.channel.group}, [])
    then = ours.read({"type": "response.content_part.done", **WHERE, "part": {**PART, "text": "x"}})
    assert [each.channel for each in then.again] == [piece.channel]


def test_what_the_caller_said_is_restored_and_not_guarded() -> None:
    """The answer quotes its prompt, in placeholders."""
    one = streaming("redact")
    head = {"instructions": f"Write to {HOLDER} or {MAIL}", "metadata": {"a": MAIL}, "tools": [{"description": MAIL}]}
    (created, *_) = events(one.feed(opened(**head), False, 0))
    assert created["response"]["instructions"] == f"Write to {MINE} or {MAIL}"
    assert created["response"]["metadata"] == {"a": MAIL}
    assert created["response"]["tools"] == [{"description": MAIL}]


def test_what_is_said_again_says_what_went_out() -> None:
    """Masked and restored in every event that says it."""
    text = f"Hello {HOLDER}, I am {MAIL}, and this is all there is to it."
    one = streaming("redact")
    out = one.feed(opened() + b"".join(delta(text[at : at + 7]) for at in range(0, len(text), 7)), False, 0)
    out += one.feed(closed(text), True, 0)
    expected = f"Hello {MINE}, I am [EMAIL_ADDRESS], and this is all there is to it."
    got = events(out)
    assert "".join(each["delta"] for each in got if each["type"].endswith(".delta")) == expected
    said, part, item, done = got[-4:]
    assert (said["text"], part["part"]["text"]) == (expected, expected)
    assert item["item"]["content"][0]["text"] == done["response"]["output"][0]["content"][0]["text"] == expected
    assert one.stop is None


def test_text_let_go_by_a_deadline_is_said_again_as_it_went() -> None:
    """Though read at once it would have become a value."""
    one = streaming()
    out = one.feed(opened() + delta(HOLDER[:9], 3), False, 0)
    assert one.held_since == 0
    out += one.release(5)
    out += one.feed(delta(HOLDER[9:], 4) + closed(HOLDER, 5), True, 6)
    got = events(out)
    assert [each["sequence_number"] for each in got] == list(range(10))
    assert {each["text"] for each in got if each["type"] == "response.output_text.done"} == {HOLDER}
    assert got[-1]["response"]["output"][0]["content"][0]["text"] == HOLDER


def test_what_is_said_again_otherwise_is_read_by_itself() -> None:
    """A provider that contradicts itself gets no text past the guard."""
    one = streaming("redact")
    out = one.feed(opened() + delta("Hello."), False, 0) + one.feed(closed(f"Hello {MAIL}, {HOLDER}"), True, 0)
    assert MAIL.encode() not in out
    got = events(out)
    assert got[-1]["response"]["output"][0]["content"][0]["text"] == f"Hello [EMAIL_ADDRESS], {MINE}"


def test_a_text_that_is_said_with_its_item_does_not_go_on_in_deltas() -> None:
    """It has ended with that: nothing of it is held."""
    one = streaming("redact")
    item = {"id": "fc_1", "type": "function_call", "name": "f", "call_id": "c", "arguments": '{"to": "'}
    out = one.feed(event("response.output_item.added", output_index=0, item=item), False, 0)
    where = {"item_id": "fc_1", "output_index": 0}
    out += one.feed(event("response.function_call_arguments.delta", **where, delta=f'{MAIL}"}}'), False, 0)
    assert one.stop is Stop.UNREADABLE
    assert MAIL.encode() not in out


def test_deltas_that_nobody_knows_are_texts() -> None:
    """By their type and all that numbers them; other events that nobody knows are read one by one."""
    one = streaming("redact")
    about = {"item_id": "i", "output_index": 0}
    out = one.feed(event("response.new.delta", **about, delta="see [x](https://a.example/"), False, 0)
    out += one.feed(event("response.new.delta", **about, delta=f"{HOLDER}) {HOLDER[:9]}"), False, 0)
    out += one.feed(event("response.other", **about, delta=f"{HOLDER} and "), False, 0)
    out += one.feed(event("response.new.delta", **about, delta=f"{HOLDER[9:]}, {MAIL[:9]}"), False, 0)
    out += one.feed(event("response.new.delta", **{**about, "output_index": 1}, delta=f"{MAIL[9:]} "), False, 0)
    out += one.feed(event("response.new.done", **about), False, 0)
    said = [(each["type"], each.get("delta")) for each in events(out) if each.get("output_index") == 0]
    assert (
        "".join(delta for type_, delta in said if type_ == "response.new.delta")
        == f"see [x](https://a.example/{HOLDER}) {MINE}, {MAIL[:9]}"
    )
    assert said[-2][0] == "response.new.delta"  # what was held, before the end
    assert ("response.other", f"{MINE} and ") in said
    out = one.feed(event("response.news", note=f"{HOLDER} {MAIL}"), False, 0)
    assert events(out)[0]["note"] == f"{MINE} [EMAIL_ADDRESS]"
    one.feed(event("response.new.delta", **about, delta="more"), False, 0)
    assert one.stop is Stop.UNREADABLE


def test_sound_is_no_text() -> None:
    """Its pieces come as they went; what is no base64 is text all the same."""
    raw = event("response.audio.delta", delta="AAAA" * 90 + "=") + event("response.audio.delta", delta="BBBB" * 9)
    assert streaming("redact").feed(raw, False, 0) == raw
    one = streaming("redact")
    out = one.feed(
        event("response.audio.delta", delta=MAIL[:9]) + event("response.audio.delta", delta=MAIL[9:]), True, 0
    )
    assert "".join(each["delta"] for each in events(out)) == "[EMAIL_ADDRESS]"


def test_an_item_stands_at_one_place_and_its_parts_are_announced() -> None:
    """To some clients an item's id is all that tells texts apart: they would put together what two guards read."""
    first = event("response.output_text.delta", **WHERE, delta=MAIL[:9])
    for other in ({"output_index": 1}, {"content_index": 1}):
        one = streaming("log")
        one.feed(first, False, 0)
        assert one.feed(event("response.output_text.delta", **{**WHERE, **other}, delta=MAIL[9:]), True, 0) == b""
        assert one.stop is Stop.UNREADABLE
    one = streaming("log")
    added = event("response.content_part.added", **{**WHERE, "content_index": 1}, part=PART)
    more = event("response.output_text.delta", **{**WHERE, "content_index": 1}, delta="x ")
    other = event("response.output_text.delta", **{**WHERE, "item_id": "msg_2", "output_index": 1}, delta="x ")
    one.feed(first + added + more + other, True, 0)
    assert one.stop is None


def test_what_events_of_ours_repeat_is_no_text() -> None:
    """No guard reads them."""
    one = streaming("redact")
    delta = event("response.output_text.delta", **{**WHERE, "item_id": f"a {MAIL}"}, delta="[EMAIL_")
    assert MAIL.encode() not in one.feed(delta, True, 0)
    one = streaming("redact")
    bare = b"data: " + orjson.dumps({"type": f"x\ndata: {MAIL}", "delta": "[EMAIL_"}) + b"\n\n"
    assert (one.feed(bare, True, 0), one.stop) == (b"", Stop.UNREADABLE)


@pytest.mark.parametrize("name", ["output_index", "content_index"])
@pytest.mark.parametrize("number", [-1, 1.0, "1", True, 2**31 + 1, [1]])
def test_an_index_that_is_none_is_refused(name: str, number: Any) -> None:
    """Some client would take it for one; none at all is the first."""
    delta = {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "x"}
    with pytest.raises(AmbiguousError):
        dialect().read({**delta, name: number})
    (piece,) = dialect().read({**delta, name: None}).pieces
    assert piece.channel.name == "output/0/content/0/text"


@pytest.mark.parametrize(
    "member", [{"encrypted_content": HOLDER}, {"fingerprint": HOLDER}, {"encrypted_content": "gAAA" * 9}]
)
def test_what_must_come_back_stays_as_it_is(member: dict[str, Any]) -> None:
    """Encrypted by the provider, or its seal."""
    item = {"id": "rs_1", "type": "reasoning", "summary": [], **member}
    raw = event("response.output_item.done", 4, output_index=0, item=item)
    assert streaming("redact").feed(raw, False, 0) == raw


@pytest.mark.parametrize(
    "raw",
    [
        delta("x", logprobs=[{"token": "x"}]),
        event("response.output_text.done", **WHERE, text="x", logprobs=[{"token": "x"}]),
        event("response.content_part.done", **WHERE, part={**PART, "logprobs": [{"token": "x"}]}),
        closed("x").replace(b'"annotations"', b'"logprobs":[{"token":"x"}],"annotations"'),
    ],
)
def test_log_probabilities_end_the_stream(raw: bytes) -> None:
    """They would say the text again, token by token; empty ones say nothing."""
    one = streaming()
    one.feed(opened() + raw, False, 0)
    assert one.stop is Stop.LOGPROBS
    fine = streaming()
    fine.feed(opened() + delta("x", logprobs=[]), False, 0)
    assert fine.stop is None


def blocked(*sent: bytes) -> list[dict[str, Any]]:
    """How a stream ends that a guard has blocked."""
    one = streaming("block")
    for each in sent:
        one.feed(each, False, 0)
    assert one.stop is Stop.BLOCKED
    return official(one.block(USED))


def test_a_blocked_answer_ends_as_a_filtered_one() -> None:
    """What is open is closed with what went out, and the response says why it is incomplete."""
    text = f"Dear {HOLDER}, it is a fine day today, so write to {MAIL}" + " and so on" * 9
    pieces = [delta(text[at : at + 9], at // 9 + 3) for at in range(0, len(text), 9)]
    *closing, last = blocked(opened(), *pieces)
    went = f"Dear {MINE}, it is a fine day today, so write "
    assert [each["type"] for each in closing] == [
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
    ]
    said, part, item = closing
    assert (said["text"], part["part"]) == (went, {**PART, "text": went})
    assert item["item"] == {**MESSAGE, "status": "incomplete", "content": [{**PART, "text": went}]}
    response = last["response"]
    assert (last["type"], response["status"]) == ("response.incomplete", "incomplete")
    assert (response["incomplete_details"], response["output"]) == ({"reason": "content_filter"}, [item["item"]])
    assert (response["id"], response["model"]) == ("resp_1", "m")
    assert response["usage"] == {
        "input_tokens": 21,
        "input_tokens_details": {"cached_tokens": 5, "cache_write_tokens": 3},
        "output_tokens": 34,
        "output_tokens_details": {"reasoning_tokens": 8},
        "total_tokens": 55,
    }
    numbers = [each["sequence_number"] for each in (*closing, last)]
    assert numbers == list(range(numbers[0], numbers[0] + 4))


def test_a_call_that_is_not_whole_is_not_told_as_done() -> None:
    """Somebody might make it; one that was done is told, and so is reasoning, as far as it came."""
    done = {
        "id": "fc_1",
        "type": "function_call",
        "name": "f",
        "call_id": "c1",
        "arguments": "{}",
        "status": "completed",
    }
    half = {
        "id": "fc_2",
        "type": "function_call",
        "name": "g",
        "call_id": "c2",
        "arguments": "",
        "status": "in_progress",
    }
    thought = {"id": "rs_1", "type": "reasoning", "summary": []}
    where = {"item_id": "rs_1", "output_index": 0, "summary_index": 0}
    *closing, last = blocked(
        event("response.created", 0, response={"id": "resp_1", "output": []}),
        event("response.output_item.added", 1, output_index=0, item=thought),
        event("response.reasoning_summary_part.added", 2, **where, part={"type": "summary_text", "text": ""}),
        event("response.reasoning_summary_text.delta", 3, **where, delta="It is a fine day. "),
        event("response.output_item.added", 4, output_index=1, item={**done, "status": "in_progress", "arguments": ""}),
        event("response.function_call_arguments.delta", 5, item_id="fc_1", output_index=1, delta="{}"),
        event("response.function_call_arguments.done", 6, item_id="fc_1", output_index=1, arguments="{}"),
        event("response.output_item.done", 7, output_index=1, item=done),
        event("response.output_item.added", 8, output_index=2, item=half),
        event("response.function_call_arguments.delta", 9, item_id="fc_2", output_index=2, delta=f'{{"to":"{MAIL}"}}'),
        event("response.function_call_arguments.done", 10, item_id="fc_2", output_index=2, arguments="{}"),
    )
    assert [each["type"] for each in closing] == [
        "response.reasoning_summary_text.done",
        "response.reasoning_summary_part.done",
        "response.output_item.done",
    ]
    said = {"type": "summary_text", "text": "It is a fine day. "}
    assert last["response"]["output"] == [{**thought, "summary": [said], "status": "incomplete"}, done]


@pytest.mark.parametrize(
    "first", [b"", event("response.output_item.added", 0, output_index=0, item={**MESSAGE, "content": [MAIL]})]
)
def test_a_blocked_answer_is_whole_whenever_it_is_blocked(first: bytes) -> None:
    """Before the provider's first event, too; what was not sent is not spoken of."""
    one = streaming("block")
    one.feed(first, False, 0)
    start, last = official(one.block(USED))
    assert (start["type"], last["type"]) == ("response.created", "response.incomplete")
    assert [start["sequence_number"], last["sequence_number"]] == [0, 1]
    assert (start["response"].get("usage"), last["response"]["usage"]["total_tokens"]) == (None, 55)
    assert (start["response"]["id"], start["response"]["model"], last["response"]["output"]) == (
        "resp_ours",
        "ours",
        [],
    )


def test_an_item_that_begins_twice_begins_anew() -> None:
    """Its parts are those of the second."""
    item = event("response.output_item.added", 4, output_index=0, item={**MESSAGE, "content": []})
    *_, last = blocked(opened(), delta("It is a fine day. ", 3), item, delta(f"{MAIL} {'and so on ' * 9}", 5))
    assert last["response"]["output"] == [{**MESSAGE, "status": "incomplete", "content": []}]


def test_an_error_is_told_in_both_ways() -> None:
    """As it is documented, and as it is sent: client libraries raise the latter."""
    one = streaming()
    one.feed(opened(), False, 0)
    (told,) = official(one.fail(error_body(Reason.ANSWER_UNREADABLE)))
    assert (told["type"], told["code"], told["sequence_number"]) == ("error", "answer_unreadable", 3)
    assert told["error"]["message"] == told["message"]


@pytest.mark.parametrize(
    ("response", "usage", "reasons"),
    [
        ({"status": "completed", "usage": {"input_tokens": 3, "output_tokens": 5}}, Usage(3, 5, 0, 0), ["stop"]),
        ({"status": "completed", "output": [{"type": "function_call"}]}, None, ["tool_calls"]),
        ({"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, None, ["length"]),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, None, ["content_filter"]),
        ({"status": "failed"}, None, ["other"]),
        ({"status": "in_progress"}, None, []),
    ],
)
def test_usage_and_reason_come_with_the_end(response: dict[str, Any], usage: Usage | None, reasons: list[str]) -> None:
    """In the words of chat."""
    reading = dialect().read({"type": "response.completed", "response": response})
    assert (reading.usage, list(reading.finish_reasons)) == (usage, reasons)


def test_the_mark_of_other_servers_closes_the_stream() -> None:
    """The API has none."""
    assert dialect().closes(b"[DONE]")
    assert not dialect().closes(b'{"type":"response.completed"}')


def test_no_more_is_remembered_than_an_event_can_say_again() -> None:
    """An answer that long could not be finished anyway."""
    one = streaming(bounds=Bounds(event=2000))
    for _ in range(30):
        one.feed(delta("ordinary words and nothing else " * 3), False, 0)
    assert one.stop is Stop.EVENT_TOO_LARGE


VALUES_ = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "content", "summary", "output"]), inner)
    ),
    max_leaves=6,
)
TYPES = st.sampled_from(
    [*OFFICIAL, "response.output_item.added", "response.content_part.added", "response.function_call_arguments.delta",
     "response.output_text.annotation.added", "response.image_generation_call.partial_image", "response.x.delta", "x"]
)  # fmt: skip
HOSTILE = st.dictionaries(
    st.sampled_from(["output_index", "content_index", "delta", "text", "item", "part", "response", "sequence_number"]),
    VALUES_,
)


@given(st.lists(st.tuples(TYPES | VALUES_, HOSTILE), max_size=5))
def test_what_is_not_understood_is_left_out(sent: list[tuple[Any, dict[str, Any]]]) -> None:
    """Nothing but an index or a type that is none is an error here; the end is a whole one whatever came before."""
    ours = dialect()
    for type_, members in sent:
        answer = {**members, "type": type_}
        with suppress(AmbiguousError):
            ours.read(answer)
        ours.sent(orjson.dumps(answer) if isinstance(type_, str) else b"{}")
    assert events(ours.blocked(frozenset(), str, USED))[-1]["type"] == "response.incomplete"


def test_many_items_are_not_all_remembered() -> None:
    """A provider that goes on for ever costs no memory."""
    ours = dialect()
    for index in range(1_000):
        ours.read({"type": "response.output_item.added", "output_index": index, "item": {**MESSAGE, "content": []}})
        ours.sent(b"{}")
    (*_, last) = events(ours.blocked(frozenset(), str, USED))
    assert len(last["response"]["output"]) == 256


def test_only_so_many_texts_may_be_open() -> None:
    """Of types that nobody knows, or at places that are."""
    ours = dialect()
    for index in range(1024):
        name = str(index).translate(LETTERS)
        ours.read({"type": f"response.{name}.delta", "delta": "x"})
    with pytest.raises(CrowdedError):
        ours.read({"type": "response.output_text.delta", "output_index": 2, "delta": "x"})


def test_an_event_of_ours_says_nothing_unread() -> None:
    """An id that is text, or a number that none can be, is left out of it, and so is what a response tells in text."""
    ours = dialect()
    said = {"type": "response.output_text.delta", **WHERE, "delta": "x", "item_id": f"Write to {MAIL}"}
    (piece,) = ours.read({**said, "sequence_number": 2**64 - 1}).pieces
    ours.sent(orjson.dumps(said))
    (carried,) = events(ours.carry(piece.channel, "text"))
    assert carried == {"type": said["type"], "output_index": 0, "content_index": 0, "delta": "text", "logprobs": []}
    ours.read(
        {"type": "response.created", "response": {"id": f"Write to {MAIL}", "usage": {"x": [MAIL]}, "model": [[]]}}
    )
    ours.sent(b"{}")
    assert MAIL.encode() not in ours.blocked(frozenset(), str, USED)


def test_an_ending_that_would_say_too_much_leaves_the_output_out() -> None:
    """It would say each text four times."""
    ours = dialect()
    for sent in events(opened()):
        ours.read(sent)
        ours.sent(orjson.dumps(sent))
    (last,) = official(ours.blocked(frozenset(), lambda _: "x" * (1 << 19), USED))
    assert (last["response"]["id"], last["response"]["output"]) == ("resp_1", [])
