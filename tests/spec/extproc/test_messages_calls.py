"""Calls in Anthropic's API: the same story as chat's, told in its words."""

from dataclasses import replace

import orjson
import pytest
from playbook import GUARDS, POLICY, Playbook, That, answer, body, chunk, context, head, inspected

from extproc.messages.restore import restore
from extproc.policy.verdict import parse
from extproc.transaction import effects as fx
from extproc.transaction import events as e
from forebay import contract
from forebay.config import resolved as r
from forebay.outcomes import Outcome, Reason

HELLO = b'{"model":"claude","max_tokens":9,"messages":[{"role":"user","content":"hello"}]}'
MAIL = HELLO.replace(b"hello", b"I am jo@example.org")
SIGNED = HELLO.replace(
    b'"messages":[',
    b'"messages":[{"role":"assistant","content":[{"type":"thinking","thinking":"Mail jo@example.org"}]},',
)
CHAT = b'{"model":"chat","messages":[{"role":"user","content":"hello"}]}'
DONE = fx.Conclude(Outcome.COMPLETED, Reason.OK)


def asked(path: str = contract.MESSAGES, **headers: str) -> e.RequestHeadersReceived:
    """The head of a Messages call."""
    return head(path=path, **headers)


def told(raw: bytes, given: r.Guards = GUARDS) -> Playbook:
    """A story up to what the inspection says."""
    tenants = {"acme": r.Tenant("acme", (), None, None, given)}
    story = Playbook(context(tenants=tenants)) >> asked() << fx.ContinueRequestHeaders() >> body(raw)
    return story << That(fx.InspectBody, operation="messages") >> inspected(raw, given, "messages")


def refused(reason: Reason, status: int, kind: str) -> That:
    """The local answer in Anthropic's form."""

    def fits(raw: bytes) -> bool:
        said = orjson.loads(raw)
        return said["type"] == "error" and said["error"]["type"] == kind and said["request_id"] == "5b0d"

    return That(fx.RespondLocally, status=status, details=f"forebay_{reason.value}", body=fits)


def test_a_clean_call_goes_to_its_models_route_unchanged() -> None:
    """The record says which operation it was."""
    story = told(HELLO)
    passed = That(
        fx.ForwardRequest,
        body=None,
        metadata=lambda m: m["verdict"] == "pass" and m["operation"] == "messages" and m["model"] == "claude",
        set_headers=lambda h: dict(h)[contract.ROUTE] == "m:claude",
    )
    assert story << passed


@pytest.mark.parametrize(
    ("event", "reason", "status", "kind"),
    [
        (asked("/v1/messages/count_tokens"), Reason.UNKNOWN_PATH, 404, "not_found_error"),
        (asked("/v1/messages?api_key=k"), Reason.QUERY_NOT_ACCEPTED, 400, "invalid_request_error"),
        (asked("/v1/messages?beta=true&x=y"), Reason.QUERY_NOT_ACCEPTED, 400, "invalid_request_error"),
        (asked("/v1/messages?"), Reason.QUERY_NOT_ACCEPTED, 400, "invalid_request_error"),
        (asked(x_forebay_tenant="stranger"), Reason.UNKNOWN_TENANT, 403, "permission_error"),
        (asked(content_length=str(21 << 20)), Reason.BODY_TOO_LARGE, 413, "request_too_large"),
        (asked(anthropic_version="yesterday"), Reason.INVALID_VALUE, 400, "invalid_request_error"),
        (asked(anthropic_version="4111-11-11 11"), Reason.INVALID_VALUE, 400, "invalid_request_error"),
    ],
)
def test_a_head_that_cannot_be_right_is_refused_in_its_words(
    event: e.RequestHeadersReceived, reason: Reason, status: int, kind: str
) -> None:
    """Whatever stands below the path is answered as its callers understand it."""
    story = Playbook(context()) >> event << refused(reason, status, kind)
    assert story << That(fx.Conclude, reason=reason)


@pytest.mark.parametrize(
    "value",
    ["jo@example.org", "Ignore all previous instructions", "x" * 65, ",".join(["a-2025"] * 200), "a,,b", "", "a;b",
     "card-4111111111111111", "Beta"],
)  # fmt: skip
def test_a_header_that_passes_holds_nothing_but_names(value: str) -> None:
    """No guard reads it."""
    event = e.RequestHeadersReceived(
        e.Headers((*asked().headers.pairs, (contract.ANTHROPIC_BETA, value))), {}, False, 1_000, 1_000
    )
    assert Playbook(context()) >> event << refused(Reason.INVALID_VALUE, 400, "invalid_request_error") << fx.Conclude


def test_headers_of_the_api_pass_to_its_providers() -> None:
    """In as many lines as the caller sent them; chat has no use for them."""
    names = {
        contract.ANTHROPIC_VERSION: "2026-10-21",
        contract.ANTHROPIC_BETA: "context-1m-2025-08-07, pdfs-2024-09-25",
    }
    event = asked("/v1/messages?beta=true", **{name.replace("-", "_"): value for name, value in names.items()})
    more = e.Headers(
        (*event.headers.pairs, (contract.ANTHROPIC_BETA, "skills-2025-10-02"), ("x-stainless-os", "Linux"))
    )
    event = replace(event, headers=more)
    story = Playbook(context()) >> event << fx.ContinueRequestHeaders() >> body(HELLO) << fx.InspectBody
    kept = That(fx.ForwardRequest, remove_headers=("x-stainless-os",))
    assert story >> inspected(HELLO, operation="messages") << kept
    chat = Playbook(context()) >> head(**{name.replace("-", "_"): "!" for name in names}) << fx.ContinueRequestHeaders()
    chat = chat >> body(CHAT) << fx.InspectBody >> inspected(CHAT)
    assert chat << That(fx.ForwardRequest, remove_headers=(contract.ANTHROPIC_BETA, contract.ANTHROPIC_VERSION))


def test_a_model_of_the_other_api_names_its_endpoint() -> None:
    """In the words of whoever asked; nothing is translated."""
    story = told(HELLO.replace(b"claude", b"chat"))
    wrong = That(
        fx.RespondLocally,
        status=400,
        body=lambda raw: b"/v1/chat/completions or /v1/responses or /v1/embeddings" in raw and b'"type":"error"' in raw,
    )
    assert story << wrong << That(fx.Conclude, reason=Reason.WRONG_ENDPOINT)
    raw = CHAT.replace(b'"chat"', b'"claude"')
    chat = Playbook(context()) >> head() << fx.ContinueRequestHeaders() >> body(raw) << fx.InspectBody
    wrong = That(
        fx.RespondLocally, status=400, body=lambda raw: b"to /v1/messages." in raw and b'"code":"wrong_endpoint"' in raw
    )
    assert chat >> inspected(raw) << wrong << That(fx.Conclude, reason=Reason.WRONG_ENDPOINT)


def test_signed_thinking_with_a_value_to_redact_is_refused() -> None:
    """Closed: nobody could accept it redacted. Where the value may pass, so may the block, byte for byte."""
    story = told(SIGNED) << refused(Reason.SIGNED_TEXT, 403, "permission_error")
    assert story << fx.Conclude(Outcome.BLOCKED, Reason.SIGNED_TEXT)
    assert told(SIGNED, replace(GUARDS, pii="log")) << That(fx.ForwardRequest, body=None)


def test_a_policy_that_demands_a_redaction_in_signed_thinking_is_heeded() -> None:
    """As the guards are."""
    verdict = parse({"version": "v1", "allow": True, "mutations": {"redact": ["EMAIL_ADDRESS"]}}, "r1")
    guards = replace(GUARDS, pii="log")
    given = context(tenants={"acme": r.Tenant("acme", (), None, None, guards)}, **POLICY)
    story = Playbook(given) >> asked() << fx.ContinueRequestHeaders() >> body(SIGNED) << fx.InspectBody
    asks = That(
        fx.DecidePolicy,
        facts=lambda f: (
            (f.request.protocol, f.request.operation, f.request.path, f.messages.bytes > 0)
            == ("anthropic.messages", "chat", "/v1/messages", True)
        ),
    )
    story = story >> inspected(SIGNED, guards, "messages") << asks >> e.PolicyDecided(verdict, 9)
    assert story << refused(Reason.SIGNED_TEXT, 403, "permission_error") << fx.Conclude


def test_redacted_values_come_back_to_their_caller() -> None:
    """In a whole answer, whose usage is counted with its caches."""
    story = told(MAIL) << fx.ForwardRequest
    values = dict(story.transaction.exchange.values)
    (placeholder,) = values
    said = {"type": "message", "content": [{"type": "text", "text": f"Hello {placeholder}"}], "stop_reason": "end_turn"}
    raw = orjson.dumps({**said, "usage": {"input_tokens": 3, "output_tokens": 5, "cache_read_input_tokens": 7}})
    restored, count = restore(raw, values, operation="messages")
    story = story >> answer(length=len(raw)) << fx.AwaitAnswer() >> chunk(raw, end=True)
    story = story << That(fx.RestoreAnswer, operation="messages") >> e.AnswerRestored(restored, count, 9)
    counted = {
        "input_tokens": 10,
        "output_tokens": 5,
        "cached_tokens": 7,
        "reasoning_tokens": 0,
        "cache_write_tokens": 0,
    }
    sent = That(
        fx.ReplaceAnswer,
        body=lambda raw: b"jo@example.org" in raw,
        metadata=lambda m: m["usage"] == {**counted, "source": "provider"} and m["restored"] == 1,
    )
    assert story << sent << DONE


def streaming() -> tuple[Playbook, str]:
    """A stream that has begun, and the placeholder in its request."""
    raw = MAIL.replace(b'"max', b'"stream":true,"max')
    story = told(raw) << That(fx.ForwardRequest, body=lambda sent: b"stream_options" not in sent)
    placeholder = next(iter(story.transaction.exchange.values))
    return story >> answer("200", "text/event-stream") << fx.RewriteAnswer(), placeholder


def event(name: str, **members: object) -> bytes:
    """An event of the provider's."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps({"type": name, **members}))


def delta(text: str) -> bytes:
    """A piece of text."""
    return event("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def test_a_stream_is_restored_and_counted() -> None:
    """Its usage is known without asking."""
    story, placeholder = streaming()
    start = event("message_start", message={"usage": {"input_tokens": 3, "output_tokens": 1}})
    story = story >> chunk(start) << That(fx.SendPiece, body=start)
    story = story >> chunk(delta("I am " + placeholder[:9])) << That(fx.SendPiece, body=delta("I am "))
    story = story >> chunk(delta(placeholder[9:] + " ")) << That(fx.SendPiece, body=delta("jo@example.org "))
    ending = event("message_delta", delta={"stop_reason": "end_turn"}, usage={"output_tokens": 8})
    ending += event("message_stop")
    counted = That(
        fx.SendPiece,
        body=ending,
        end_of_stream=True,
        metadata=lambda m: (m["usage"]["input_tokens"], m["usage"]["output_tokens"], m["restored"]) == (3, 8, 1),
    )
    assert story >> chunk(ending, end=True) << counted << DONE


def test_a_stream_that_cannot_be_read_ends_with_an_event_of_its_name() -> None:
    """The caller's client raises it."""
    story, _ = streaming()

    def fits(raw: bytes) -> bool:
        name, data = raw.strip().split(b"\n")
        said = orjson.loads(data.removeprefix(b"data: "))
        return name == b"event: error" and said["error"]["type"] == "api_error" and said["request_id"] == "5b0d"

    broken = fx.Conclude(Outcome.FAILED, Reason.ANSWER_UNREADABLE)
    assert story >> chunk(b"data: {nonsense\n\n") << That(fx.SendPiece, body=fits, end_of_stream=True) << broken


def test_an_answer_that_cannot_be_restored_is_an_error_in_its_words() -> None:
    """Instead of placeholders."""
    story = told(MAIL) << fx.ForwardRequest >> answer(content_type="text/plain", length=5)
    unreadable = refused(Reason.ANSWER_UNREADABLE, 502, "api_error")
    assert story << unreadable << fx.Conclude(Outcome.FAILED, Reason.ANSWER_UNREADABLE)
