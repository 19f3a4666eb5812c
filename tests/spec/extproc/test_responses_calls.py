"""Calls to /v1/responses: the same story as chat's, told in its words, with nothing kept at the provider."""

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

HELLO = b'{"model":"chat","store":false,"input":"hello"}'
MAIL = HELLO.replace(b"hello", b"I am jo@example.org")
DONE = fx.Conclude(Outcome.COMPLETED, Reason.OK)


def asked(path: str = contract.RESPONSES, **headers: str) -> e.RequestHeadersReceived:
    """The head of a Responses call."""
    return head(path=path, **headers)


def told(raw: bytes, given: r.Guards = GUARDS) -> Playbook:
    """A story up to what the inspection says."""
    tenants = {"acme": r.Tenant("acme", (), None, None, given)}
    story = Playbook(context(tenants=tenants)) >> asked() << fx.ContinueRequestHeaders() >> body(raw)
    return story << That(fx.InspectBody, operation="responses") >> inspected(raw, given, "responses")


def refused(reason: Reason, status: int, param: str | None = None) -> That:
    """The local answer in OpenAI's form."""

    def fits(raw: bytes) -> bool:
        said = orjson.loads(raw)["error"]
        return said["code"] == reason.value and said["param"] == param

    return That(fx.RespondLocally, status=status, details=f"forebay_{reason.value}", body=fits)


def test_a_clean_call_goes_to_its_models_route_unchanged() -> None:
    """The record says which operation it was."""
    passed = That(
        fx.ForwardRequest,
        body=None,
        metadata=lambda m: m["verdict"] == "pass" and m["operation"] == "responses" and m["model"] == "chat",
        set_headers=lambda h: dict(h)[contract.ROUTE] == "m:chat",
    )
    assert told(HELLO) << passed


def test_a_call_that_does_not_say_so_is_not_stored_either() -> None:
    """And its model is found where it stands then."""
    raw = b'{"model":"chat","input":"hello"}'
    expected = b'{"store":false,"model":"chat","input":"hello"}'
    span = "23:6"
    sent = That(fx.ForwardRequest, body=expected, set_headers=lambda h: dict(h)[contract.MODEL_SPAN] == span)
    assert told(raw) << sent


@pytest.mark.parametrize(
    ("member", "param"),
    [
        (b'"previous_response_id":"resp_1"', "previous_response_id"),
        (b'"conversation":"conv_1"', "conversation"),
        (b'"background":true', "background"),
        (b'"prompt":{"id":"pmpt_1"}', "prompt"),
        (b'"tools":[{"type":"file_search","vector_store_ids":["vs_1"]}]', "tools[0]"),
    ],
)
def test_what_is_kept_at_the_provider_cannot_be_used(member: bytes, param: str) -> None:
    """Nobody could tell whose it is."""
    raw = HELLO.replace(b"{", b"{" + member + b",", 1)
    assert told(raw) << refused(Reason.STORED_STATE, 400, param) << That(fx.Conclude, reason=Reason.STORED_STATE)


@pytest.mark.parametrize("path", ["/v1/responses/resp_1", "/v1/responses/compact", "/v1/conversations"])
def test_what_is_kept_there_cannot_be_asked_for(path: str) -> None:
    """Neither read nor deleted nor continued."""
    story = Playbook(context()) >> asked(path) << refused(Reason.UNKNOWN_PATH, 404)
    assert story << That(fx.Conclude, reason=Reason.UNKNOWN_PATH)


def test_encrypted_reasoning_with_a_value_in_it_is_refused() -> None:
    """What is no base64 could be anybody's words, and could not be redacted."""
    item = b'[{"type":"reasoning","summary":[],"encrypted_content":"Mail jo@example.org"}]'
    story = told(HELLO.replace(b'"hello"', item)) << refused(Reason.SIGNED_TEXT, 403)
    assert story << fx.Conclude(Outcome.BLOCKED, Reason.SIGNED_TEXT)


def test_a_policy_hears_of_a_chat_and_may_change_it() -> None:
    """In the words of chat, and in the bytes of this API."""
    raw = b'{"model":"chat","input":"hi","tools":[{"type":"mcp","server_label":"s"}],"tool_choice":{"type":"mcp"}}'
    verdict = parse({"version": "v1", "allow": True, "mutations": {"drop_tools": ["mcp"], "max_tokens": 20}}, "r1")
    story = Playbook(context(**POLICY)) >> asked() << fx.ContinueRequestHeaders() >> body(raw) << fx.InspectBody
    asks = That(
        fx.DecidePolicy,
        facts=lambda f: (
            (f.request.protocol, f.request.operation, f.request.path, f.tools, f.tool_choice, f.messages.count)
            == ("openai.responses", "chat", "/v1/responses", ("mcp",), "mcp", 1)
        ),
    )
    story = story >> inspected(raw, operation="responses") << asks >> e.PolicyDecided(verdict, 9)
    expected = {"model": "chat", "input": "hi", "max_output_tokens": 20, "store": False}
    assert story << That(fx.ForwardRequest, body=lambda sent: orjson.loads(sent) == expected)


@pytest.mark.parametrize("more", [b'"top_logprobs":2', b'"include":["message.output_text.logprobs"]'])
def test_log_probabilities_cannot_be_had_with_redacted_values(more: bytes) -> None:
    """They would say the text again, token by token."""
    raw = MAIL.replace(b"{", b'{"stream":true,' + more + b",", 1)
    story = told(raw) << refused(Reason.LOGPROBS_WITH_REDACTION, 400, "logprobs")
    assert story << That(fx.Conclude, reason=Reason.LOGPROBS_WITH_REDACTION)


def test_redacted_values_come_back_to_their_caller() -> None:
    """In a whole answer, whose usage is counted."""
    story = told(MAIL) << fx.ForwardRequest
    values = dict(story.transaction.exchange.values)
    (placeholder,) = values
    item = {"type": "message", "content": [{"type": "output_text", "text": f"Hello {placeholder}"}]}
    used = {"input_tokens": 10, "output_tokens": 5, "input_tokens_details": {"cached_tokens": 7}}
    raw = orjson.dumps({"object": "response", "status": "completed", "output": [item], "usage": used})
    restored, count = restore(raw, values, operation="responses")
    story = story >> answer(length=len(raw)) << fx.AwaitAnswer() >> chunk(raw, end=True)
    story = story << That(fx.RestoreAnswer, operation="responses") >> e.AnswerRestored(restored, count, 9)
    sent = That(
        fx.ReplaceAnswer,
        body=lambda raw: b"jo@example.org" in raw,
        metadata=lambda m: (m["usage"]["cached_tokens"], m["usage"]["source"], m["restored"]) == (7, "provider", 1),
    )
    assert story << sent << DONE


def event(name: str, **members: object) -> bytes:
    """An event of the provider's."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps({"type": name, **members}))


def delta(text: str) -> bytes:
    """A piece of text."""
    where = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    return event("response.output_text.delta", **where, delta=text)


def streaming() -> tuple[Playbook, str]:
    """A stream that has begun, and the placeholder in its request."""
    raw = MAIL.replace(b'"store"', b'"stream":true,"store"')
    story = told(raw) << That(fx.ForwardRequest, body=lambda sent: b"stream_options" not in sent)
    placeholder = next(iter(story.transaction.exchange.values))
    return story >> answer("200", "text/event-stream") << fx.RewriteAnswer(), placeholder


def test_a_stream_is_restored_and_counted() -> None:
    """Its usage is known without asking."""
    story, placeholder = streaming()
    story = story >> chunk(delta("I am " + placeholder[:9])) << That(fx.SendPiece, body=delta("I am "))
    story = story >> chunk(delta(placeholder[9:] + " ")) << That(fx.SendPiece, body=delta("jo@example.org "))
    used = {"input_tokens": 3, "output_tokens": 8}

    def ending(text: str) -> bytes:
        item = {"type": "message", "content": [{"type": "output_text", "text": text}]}
        return event("response.completed", response={"status": "completed", "output": [item], "usage": used})

    counted = That(
        fx.SendPiece,
        body=ending("I am jo@example.org "),
        end_of_stream=True,
        metadata=lambda m: (m["usage"]["input_tokens"], m["usage"]["output_tokens"], m["restored"]) == (3, 8, 1),
    )
    assert story >> chunk(ending("I am " + placeholder + " "), end=True) << counted << DONE


def test_a_stream_that_cannot_be_read_ends_with_an_error_event() -> None:
    """The caller's client raises it."""
    story, _ = streaming()

    def fits(raw: bytes) -> bool:
        name, data = raw.strip().split(b"\n")
        said = orjson.loads(data.removeprefix(b"data: "))
        return name == b"event: error" and said["error"]["code"] == said["code"] == "answer_unreadable"

    broken = fx.Conclude(Outcome.FAILED, Reason.ANSWER_UNREADABLE)
    assert story >> chunk(b"data: {nonsense\n\n") << That(fx.SendPiece, body=fits, end_of_stream=True) << broken


def test_a_model_of_the_other_api_names_its_endpoint() -> None:
    """Nothing is translated."""
    raw = HELLO.replace(b'"chat"', b'"claude"')
    assert told(raw) << refused(Reason.WRONG_ENDPOINT, 400, "model") << That(fx.Conclude, reason=Reason.WRONG_ENDPOINT)
