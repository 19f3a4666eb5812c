"""Guards over answers of Messages: signed text is read and never changed, a tool's input is read as it streams."""

import base64
from typing import Any

import orjson
import pytest

from extproc.messages.answer import Usage
from extproc.streams.guarding import answer_guard
from extproc.streams.messages import MessagesDialect
from extproc.streams.restoring import Restoring
from extproc.streams.stops import Stop
from extproc.streams.stream import Stream
from extproc.streams.whole import finish
from forebay.config.resolved import Guards, InjectionGuard, OutputGuards

SIGNATURE = base64.b64encode(bytes(range(128, 192))).decode()
MAIL, CARD = "mallory@example.net", 4111111111111111
VALUES = {"[EMAIL_ADDRESS_x7k2mq]": "jo@example.org"}
HEAD = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "usage": {"input_tokens": 1}}


def guards(action: Any) -> Guards:
    """A tenant's."""
    return Guards("g", InjectionGuard("off", 100), "off", (), "off", 1.0, "closed", OutputGuards(pii=action))


def whole(action: Any, *blocks: dict[str, Any]) -> Any:
    """A whole answer, guarded."""
    body = orjson.dumps({**HEAD, "content": blocks, "stop_reason": "end_turn"})
    done = finish(body, VALUES, guards(action), operation="messages")
    return orjson.loads(done.body), done


def thinking(text: str) -> dict[str, Any]:
    """A signed block."""
    return {"type": "thinking", "thinking": text, "signature": "EqQB"}


def test_a_tools_input_is_guarded_as_one_json_text() -> None:
    """Numbers in it, and members that are called as identifiers are."""
    given = {"id": "4111 1111 1111 1111", "to": f"{MAIL} or [EMAIL_ADDRESS_x7k2mq]", "card": CARD}
    answer, done = whole("redact", {"type": "tool_use", "id": "toolu_1", "name": "send", "input": given})
    said = answer["content"][0]["input"]
    assert said == {"id": "[CREDIT_CARD]", "to": "[EMAIL_ADDRESS] or jo@example.org", "card": "[CREDIT_CARD]"}
    assert (done.restored, done.blocked) == (1, False)


@pytest.mark.parametrize(("action", "blocked"), [("redact", True), ("block", True), ("log", False)])
def test_what_is_found_in_signed_text_blocks_the_answer(action: str, blocked: bool) -> None:
    """It cannot be masked there; where it may pass, every byte of it does."""
    answer, done = whole(action, thinking(f"Mail {MAIL}, I think."), {"type": "text", "text": "Done."})
    assert done.blocked == blocked
    assert [(one.type, one.count) for one in done.findings] == [("EMAIL_ADDRESS", 1)]
    if blocked:
        assert (answer["content"], answer["stop_reason"], answer["usage"]) == ([], "refusal", HEAD["usage"])
    else:
        assert answer["content"][0] == thinking(f"Mail {MAIL}, I think.")


def test_clean_signed_text_passes_as_it_is() -> None:
    """Its placeholders too, and signatures that look like some are not read."""
    block = thinking("Mail [EMAIL_ADDRESS_x7k2mq].") | {"signature": SIGNATURE}
    answer, done = whole("redact", block)
    assert (answer["content"], done.blocked) == ([block], False)


def event(name: str, **members: Any) -> bytes:
    """An event of the provider's."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps({"type": name, **members}))


def stream(action: str, text: str, size: int) -> tuple[bytes, Stream]:
    """Thinking that says `text`, so many characters at a time, under a guard."""
    one = Stream(MessagesDialect({"id": "x", "model": "m"}), [answer_guard(guards(action), ()), Restoring(VALUES)], len)
    events = [event("content_block_start", index=0, content_block=thinking("") | {"signature": ""})]
    for at in range(0, len(text), size):
        piece = {"type": "thinking_delta", "thinking": text[at : at + size]}
        events.append(event("content_block_delta", index=0, delta=piece))
    events.append(event("content_block_delta", index=0, delta={"type": "signature_delta", "signature": "EqQB"}))
    events += [event("content_block_stop", index=0), event("message_stop")]
    passed = b"".join(one.feed(each, False, 0) for each in events)
    return passed, one


def said(passed: bytes) -> list[tuple[str, str]]:
    """Type and text of each delta."""
    found = [orjson.loads(each.partition(b"data: ")[2]) for each in passed.split(b"\n\n")[:-1]]
    return [tuple(each["delta"].values()) for each in found if each["type"] == "content_block_delta"]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_signed_text_is_held_until_it_is_read_and_goes_out_unchanged(size: int) -> None:
    """Cut otherwise, and before its signature."""
    text = "I should mail [EMAIL_ADDRESS_x7k2mq] and room 4711 tomorrow, or 12"
    passed, one = stream("redact", text, size)
    deltas = said(passed)
    assert "".join(piece for kind, piece in deltas if kind == "thinking_delta") == text
    assert deltas[-1] == ("signature_delta", "EqQB")
    assert (one.stop, one.closed, one.held) == (None, True, 0)


@pytest.mark.parametrize("size", [1, 5, 1000])
@pytest.mark.parametrize("action", ["redact", "block"])
def test_a_finding_in_signed_text_blocks_the_stream(action: str, size: int) -> None:
    """Before any of it is out."""
    passed, one = stream(action, f"I should mail {MAIL} tomorrow, I think, and that is all.", size)
    assert one.stop is Stop.BLOCKED
    assert b"mallory" not in passed
    assert one.block(Usage(1, 1, 0, 0)).endswith(event("message_stop"))
