"""Guards over whole answers of Responses: what the model said is read, what the caller said is not."""

from typing import Any

import orjson
import pytest

from extproc.messages.answer import Usage
from extproc.messages.refusal import Refused
from extproc.messages.responses_answer import stated
from extproc.messages.restore import restore
from extproc.streams.whole import finish
from forebay.config.resolved import Guards, InjectionGuard, OutputGuards

MAIL, MINE, HOLDER = "mallory@example.net", "jo@example.org", "[EMAIL_ADDRESS_x7k2mq]"
VALUES = {HOLDER: MINE}
USAGE = stated(Usage(3, 5, 0, 0))
HEAD = {"id": "resp_1", "object": "response", "created_at": 1, "status": "completed", "model": "m", "usage": USAGE}
BASE64 = "iVBORw0KGgo" * 9


def guards(action: Any) -> Guards:
    """A tenant's."""
    return Guards("g", InjectionGuard("off", 100), "off", (), "off", 1.0, "closed", OutputGuards(pii=action))


def whole(action: Any, *items: dict[str, Any], **members: Any) -> Any:
    """A whole answer, guarded."""
    done = finish(orjson.dumps({**HEAD, **members, "output": items}), VALUES, guards(action), operation="responses")
    return orjson.loads(done.body), done


def message(text: str, **members: Any) -> dict[str, Any]:
    """An item that says it."""
    return {"type": "message", "content": [{"type": "output_text", "text": text, **members}]}


def test_what_the_model_says_is_masked_wherever_it_says_it() -> None:
    """Texts, reasoning, arguments, queries; and the caller's own comes back."""
    answer, done = whole(
        "redact",
        {"type": "reasoning", "summary": [{"type": "summary_text", "text": f"{MAIL} wrote"}]},
        message(f"Write to {MAIL} or {HOLDER}"),
        {"type": "function_call", "call_id": "4111111111111111", "arguments": f'{{"to":"{MAIL}","me":"{HOLDER}"}}'},
        {"type": "custom_tool_call", "input": MAIL},
        {"type": "web_search_call", "action": {"query": MAIL}},
        {"type": "tool_search_call", "arguments": {"id": "4111111111111111"}},
    )
    reasoning, said, call, custom, search, tools = answer["output"]
    assert reasoning["summary"][0]["text"] == "[EMAIL_ADDRESS] wrote"
    assert said["content"][0]["text"] == f"Write to [EMAIL_ADDRESS] or {MINE}"
    assert orjson.loads(call["arguments"]) == {"to": "[EMAIL_ADDRESS]", "me": MINE}
    assert call["call_id"] == "4111111111111111"
    assert (custom["input"], search["action"]["query"]) == ("[EMAIL_ADDRESS]", "[EMAIL_ADDRESS]")
    assert tools["arguments"] == {"id": "[CREDIT_CARD]"}
    assert (done.restored, done.blocked) == (2, False)


def test_what_the_caller_said_is_restored_and_not_guarded() -> None:
    """An answer quotes its prompt and its tools."""
    echo = {"instructions": f"{MAIL} {HOLDER}", "metadata": {"a": MAIL}, "tools": [{"description": MAIL}], "user": MAIL}
    answer, done = whole("block", message("fine"), **echo)
    assert {name: answer[name] for name in echo} == {**echo, "instructions": f"{MAIL} {MINE}"}
    assert (done.blocked, done.findings) == (False, ())


def test_a_blocked_answer_says_nothing() -> None:
    """It is incomplete, as one that its provider has filtered."""
    answer, done = whole("block", message(f"Write to {MAIL}"), instructions=HOLDER)
    assert done.blocked
    assert (answer["status"], answer["incomplete_details"]) == ("incomplete", {"reason": "content_filter"})
    assert (answer["output"], answer["usage"], answer["id"]) == ([], HEAD["usage"], "resp_1")
    assert HOLDER not in orjson.dumps(answer).decode()


@pytest.mark.parametrize(
    "item",
    [
        {"type": "reasoning", "summary": [], "encrypted_content": HOLDER},
        {"type": "compaction", "encrypted_content": "gAAAA" * 20},
        {"type": "program", "code": "x", "fingerprint": HOLDER},
        {"type": "image_generation_call", "result": BASE64},
    ],
)
def test_what_must_come_back_and_what_is_a_picture_stays(item: dict[str, Any]) -> None:
    """Byte for byte."""
    body = orjson.dumps({**HEAD, "output": [item]})
    assert whole("redact", item)[0]["output"] == [item]
    assert restore(body, VALUES, operation="responses") == (body, 0)


def test_log_probabilities_cannot_pass_where_text_may_change() -> None:
    """Empty ones can."""
    assert whole("redact", message("x", logprobs=[]))[0]["output"] == [message("x", logprobs=[])]
    assert whole("log", message("x", logprobs=[{"token": "x"}]))[0]["output"]
    with pytest.raises(Refused):
        whole("redact", message("x", logprobs=[{"token": "x"}]))
