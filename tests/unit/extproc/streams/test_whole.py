"""A whole answer, guarded and restored."""

from typing import Any

import orjson
import pytest

from extproc.detectors.leakage import prints
from extproc.findings import AnswerFinding
from extproc.messages.refusal import Refused
from extproc.streams.whole import Finished, finish
from forebay.config.resolved import Guards, InjectionGuard, OutputGuards, RedactAction
from forebay.outcomes import Reason

MAIL = AnswerFinding("pii", "EMAIL_ADDRESS", 1, 99)
VALUES = {"[US_SSN_x7k2mq]": "536-90-4399"}


def guards(**actions: RedactAction) -> Guards:
    """A tenant's."""
    output = OutputGuards(**actions)  # type: ignore[arg-type]
    return Guards("g", InjectionGuard("off", 100), "off", (), "off", 1.0, "closed", output)


def answer(message: dict[str, Any], **choice: Any) -> dict[str, Any]:
    """A chat completion that says this."""
    return {
        "id": "chatcmpl-4111111111111111",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop", **choice}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
    }


def done(given: object, values: dict[str, str] | None = None, **actions: RedactAction) -> Finished:
    """What becomes of it."""
    return finish(orjson.dumps(given), values or {}, guards(**actions))


def test_what_the_model_adds_is_masked_and_what_the_caller_sent_comes_back() -> None:
    """In one answer; its id stays."""
    given = answer({"content": "[US_SSN_x7k2mq] is yours, eve@example.org and 536-90-4388 are not."})
    result = done(given, VALUES, pii="redact")
    expected = answer({"content": "536-90-4399 is yours, [EMAIL_ADDRESS] and [US_SSN] are not."})
    assert result.body == orjson.dumps(expected)
    assert (result.restored, result.blocked) == (1, False)
    assert result.findings == (MAIL, AnswerFinding("pii", "US_SSN", 1, 92))


@pytest.mark.parametrize(
    "message",
    [
        {"content": "eve@example.org"},
        {"content": [{"type": "text", "text": "eve@example.org"}]},
        {"content": None, "refusal": "eve@example.org"},
        {"content": "", "reasoning_content": "eve@example.org"},
        {"tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": '"eve@example.org"'}}]},
        {"tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "f", "input": "eve@example.org"}}]},
        {"function_call": {"name": "f", "arguments": '{"to": "eve\\u0040example.org"}'}},
        {"content": "", "annotations": [{"type": "url_citation", "url_citation": {"title": "eve@example.org"}}]},
        {"content": "", "audio": {"id": "a", "transcript": "eve@example.org"}},
        {"content": "", "something_new": {"deep": ["eve@example.org"]}},
    ],
)
def test_every_text_of_an_answer_is_read(message: dict[str, Any]) -> None:
    """Whatever field it stands in."""
    assert done(answer(message), pii="log") == Finished(orjson.dumps(answer(message)), 0, (MAIL,))
    masked = done(answer(message), pii="redact")
    assert (b"eve" in masked.body, masked.findings) == (False, (MAIL,))
    orjson.loads(masked.body)
    blocked = done(answer(message), pii="block")
    assert (b"eve" in blocked.body, blocked.blocked, blocked.findings) == (False, True, (MAIL,))


def test_a_blocked_answer_looks_like_a_filtered_one() -> None:
    """Every choice empty; who asked what, and what it cost, stays."""
    given = answer({"content": "eve@example.org"})
    given["choices"].append({"index": 1, "message": {"role": "assistant", "content": "fine"}, "finish_reason": "stop"})
    told = orjson.loads(done(given, pii="block").body)
    assert {name: told[name] for name in ("id", "model", "usage")} == {
        name: given[name] for name in ("id", "model", "usage")
    }
    empty = {"role": "assistant", "content": "", "refusal": None}
    assert [(c["index"], c["message"], c["finish_reason"]) for c in told["choices"]] == [
        (0, empty, "content_filter"),
        (1, empty, "content_filter"),
    ]
    assert len(orjson.loads(done({"oops": "eve@example.org"}, pii="block").body)["choices"]) == 1


def test_an_answer_with_nothing_in_it_passes_byte_for_byte() -> None:
    """Blanks and escapes as the provider wrote them."""
    raw = b'{ "choices" : [ {"message": {"content": "caf\\u00e9 \\/ tea"}} ] }'
    assert finish(raw, {}, guards(pii="redact", secrets="block", links="block", system_prompt="block")) == Finished(
        raw, 0
    )


def test_a_leak_is_told_by_the_prompt_of_the_call() -> None:
    """And by no other."""
    prompt = (
        "You are Ada of the Northwind shipping desk. Never promise any refund above fifty dollars to anybody at all."
    )
    body = orjson.dumps(answer({"content": prompt.upper()}))
    assert finish(body, {}, guards(system_prompt="block"), prints([prompt])).blocked
    assert finish(body, {}, guards(system_prompt="block"), prints(["Something else entirely. " * 9])) == Finished(
        body, 0
    )


@pytest.mark.parametrize(
    "raw",
    [b"oops", b"[]", b'{"a": 1, "a": 2}', b'{"a": "\xff"}', b"[" * 300 + b"]" * 300, b""],
    ids=["no JSON", "no object", "a key twice", "bad UTF-8", "too deep", "nothing"],
)
def test_what_cannot_be_read_is_refused(raw: bytes) -> None:
    """Closed, with guards and with values."""
    with pytest.raises(Refused) as refused:
        finish(raw, {}, guards(pii="log"))
    assert refused.value.reason is Reason.ANSWER_UNREADABLE


def test_text_that_may_change_is_not_said_again() -> None:
    """Nobody was to ask for log probabilities; where nothing changes they pass."""
    again = answer({"content": "hi"}, logprobs={"content": [{"token": "hi", "logprob": -1.0, "bytes": [104, 105]}]})
    for action in ("redact", "block"):
        with pytest.raises(Refused):
            done(again, pii=action)  # type: ignore[arg-type]
    assert done(again, pii="log").body == orjson.dumps(again)
    none = answer({"content": "hi"}, logprobs={"content": [], "refusal": None})
    assert done(none, pii="redact").body == orjson.dumps(none)


def test_without_guards_values_come_back_alone() -> None:
    """As ever."""
    body = orjson.dumps(answer({"content": "[US_SSN_x7k2mq] and eve@example.org"}))
    assert finish(body, VALUES, None) == Finished(body.replace(b"[US_SSN_x7k2mq]", b"536-90-4399"), 1)
