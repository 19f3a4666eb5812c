"""The story of an answer that is guarded: masked or blocked, streamed or whole, and each ending accounted for."""

from dataclasses import replace
from typing import Any

import orjson
import pytest
from playbook import CLOSED, GUARDS, TRAILERS, Playbook, That, answer, body, chunk, context, head, inspected

from extproc.findings import AnswerFinding
from extproc.streams.whole import finish
from extproc.transaction import effects as fx
from extproc.transaction import events as e
from extproc.transaction.events import Headers
from extproc.transaction.state import State
from forebay.config.resolved import Guards, OutputGuards, RedactAction, Tenant
from forebay.outcomes import Outcome, Reason

SYSTEM = "You are Ada of the Northwind shipping desk. Never promise any refund above fifty dollars to anybody at all."
PLAIN = orjson.dumps(
    {"model": "chat", "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "hello"}]}
)
ASKED = PLAIN.replace(b'"chat",', b'"chat","stream":true,')
COUNTING = ASKED.replace(b'"stream":true,', b'"stream":true,"stream_options":{"include_usage":true},')
DONE = fx.Conclude(Outcome.COMPLETED, Reason.OK)
BROKEN = fx.Conclude(Outcome.FAILED, Reason.ANSWER_UNREADABLE)
CUT = fx.Conclude(Outcome.BLOCKED, Reason.BLOCKED_IN_STREAM)
MARK = b"data: [DONE]\n\n"
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}\n\n'
MAIL = AnswerFinding("pii", "EMAIL_ADDRESS", 1, 99)
TOLD = {"kind": "pii", "type": "EMAIL_ADDRESS", "channel": "output", "count": 1, "score": 99}


def said(text: str, **more: object) -> bytes:
    """A chunk that says `text`."""
    return b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": {"content": text}, **more}]}) + b"\n\n"


def guards(**actions: RedactAction) -> Guards:
    """Those of the tenant."""
    return replace(GUARDS, output=OutputGuards(**actions))  # type: ignore[arg-type]


def forwarded(raw: bytes = ASKED, **actions: RedactAction) -> Playbook:
    """A story that has come to its answer."""
    mine = guards(**actions)
    story = Playbook(context(tenants={"acme": Tenant("acme", (), None, None, mine)}))
    story = story >> head() << fx.ContinueRequestHeaders() >> body(raw) << fx.InspectBody
    return story >> inspected(raw, mine) << fx.ForwardRequest


def streaming(raw: bytes = ASKED, **actions: RedactAction) -> Playbook:
    """A story whose answer is a stream."""
    return forwarded(raw, **actions) >> answer("200", "text/event-stream") << fx.RewriteAnswer()


def piece(raw: bytes, end: bool = False) -> That:
    """What goes to the caller, whatever is told of it."""
    return That(fx.SendPiece, body=raw, end_of_stream=end)


def whole(content: str, **choice: Any) -> bytes:
    """An answer in one piece."""
    message = {"role": "assistant", "content": content}
    usage = {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}
    return orjson.dumps({"choices": [{"index": 0, "message": message, **choice}], "usage": usage})


def restored(raw: bytes, mine: Guards, story: Playbook) -> e.AnswerRestored:
    """What the inspector says of it."""
    done = finish(raw, {}, mine, story.transaction.exchange.prints)
    return e.AnswerRestored(done.body, done.restored, 5_500, done.findings, done.blocked)


@pytest.mark.parametrize("action", ["redact", "log"])
def test_a_value_is_found_however_it_is_split(action: RedactAction) -> None:
    """Over three deltas; what was found is told with the end, beside the provider's usage.

    The last delta waits for the next event: more of its text would be no end.
    """
    story = streaming(pii=action) >> chunk(said("Write to eve.")) << piece(said("Write "))
    story = story >> chunk(said("adams@exa")) << piece(said(""))
    story = story >> chunk(said("mple.org!", finish_reason="stop"))
    rest = "to [EMAIL_ADDRESS]!" if action == "redact" else "to eve.adams@example.org!"
    story = (
        story >> chunk(USAGE) << piece(said(rest, finish_reason="stop"))
    )  # usage was asked for by the gateway: hidden
    ending = That(
        fx.SendPiece,
        body=MARK,
        end_of_stream=True,
        metadata=lambda m: m["findings"] == [TOLD] and m["usage"]["source"] == "provider" and "reason" not in m,
    )
    assert story >> chunk(MARK, end=True) << ending << DONE >> CLOSED


def test_usage_is_asked_for_where_an_answer_may_be_cut() -> None:
    """By the gateway, where the caller did not."""
    story = Playbook(context(tenants={"acme": Tenant("acme", (), None, None, guards(pii="log"))}))
    story = story >> head() << fx.ContinueRequestHeaders() >> body(ASKED) << fx.InspectBody
    assert story >> inspected(ASKED, guards(pii="log")) << That(fx.ForwardRequest, body=lambda b: b"include_usage" in b)


def test_a_blocked_stream_ends_as_a_filtered_one() -> None:
    """What came before, a last chunk, the mark and the end; the reason and the tokens so far in the same message."""
    story = streaming(pii="block") >> chunk(said("It is a fine day today. ")) << piece(said("It is a fine day today. "))
    last = That(
        fx.SendPiece,
        body=lambda raw: (
            raw.startswith(said("Ask ")) and raw.endswith(b'"finish_reason":"content_filter"}]}\n\n' + MARK)
            and b"eve" not in raw
        ),
        end_of_stream=True,
        metadata=lambda m: (
            m["reason"] == "blocked_in_stream" and m["usage"]["source"] == "estimated" and m["findings"] == [TOLD]
        ),
    )  # fmt: skip
    story = (
        story >> chunk(said("Ask ") + said("eve@example.org") + said(" x", finish_reason="stop") + MARK) << last << CUT
    )
    assert story.transaction.state is State.CUT
    assert story >> chunk(said("more")) >> chunk(b"", end=True) >> TRAILERS >> e.HoldExpired(9) >> CLOSED


def counted(raw: bytes) -> list[dict[str, Any]]:
    """What the chunks of a stream say of usage, those that say nothing of it left out."""
    chunks = [orjson.loads(each[6:]) for each in raw.split(b"\n\n") if each.startswith(b"data: {")]
    return [chunk["usage"] for chunk in chunks if chunk.get("usage") is not None]


@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("states", [True, False])
def test_the_caller_of_a_blocked_stream_is_told_what_the_record_says(asked: bool, states: bool) -> None:
    """The provider's numbers if they came, else our own; once, and only if the caller asked for them."""
    more = {"usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9}} if states else {}
    event = {"choices": [{"index": 0, "delta": {"content": "eve@example.org "}}], **more}
    bad = b"data: " + orjson.dumps(event) + b"\n\n" + said("x", finish_reason="stop") + MARK
    story = streaming(COUNTING if asked else ASKED, pii="block") >> chunk(bad)
    sent: list[bytes] = []
    told: list[Any] = []
    story = story << That(fx.SendPiece, body=lambda b: not sent.append(b), metadata=lambda m: not told.append(m))
    usage = told[0]["usage"]
    assert (usage["source"], usage["input_tokens"] == 7) == (("provider", True) if states else ("estimated", False))
    numbers = {"prompt_tokens": usage["input_tokens"], "completion_tokens": usage["output_tokens"]}
    numbers["total_tokens"] = sum(numbers.values())
    assert counted(sent[0].partition(b"content_filter")[2]) == ([numbers] if asked else [])
    assert story << CUT >> CLOSED


def test_a_blocked_message_keeps_the_input_that_its_provider_told() -> None:
    """The record, too; what was written is counted."""
    mine = guards(pii="block")
    raw = b'{"model":"claude","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hello"}]}'
    story = Playbook(context(tenants={"acme": Tenant("acme", (), None, None, mine)}))
    story = story >> head(path="/v1/messages") << fx.ContinueRequestHeaders() >> body(raw) << fx.InspectBody
    story = story >> inspected(raw, mine, operation="messages") << fx.ForwardRequest
    story = story >> answer("200", "text/event-stream") << fx.RewriteAnswer()
    text = "to eve@example.org" + " and so on" * 18
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 21, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": text}},
    ]
    given = b"".join(b"event: %s\ndata: %s\n\n" % (each["type"].encode(), orjson.dumps(each)) for each in events)
    known = {"input_tokens": 21, "output_tokens": 49, "source": "estimated"}
    ending = That(
        fx.SendPiece,
        body=lambda raw: b'"input_tokens":21' in (end := raw.partition(b"refusal")[2]) and b'"output_tokens":49' in end,
        end_of_stream=True,
        metadata=lambda m: m["usage"] | known == m["usage"],
    )
    assert story >> chunk(given) << ending << CUT >> CLOSED


def test_a_stream_blocked_at_its_trailers_is_ended_by_them() -> None:
    """They are the end already."""
    story = streaming(pii="block") >> chunk(said("eve@example.org")) << piece(said(""))
    story = story >> TRAILERS << That(fx.SendPiece, body=lambda raw: b"content_filter" in raw, end_of_stream=False)
    assert story << That(fx.PassTrailers, metadata=lambda m: m["reason"] == "blocked_in_stream") << CUT >> CLOSED


def test_text_held_too_long_is_scanned_before_it_goes() -> None:
    """As if it ended there: what is clean goes out, what is not is masked."""
    story = streaming(pii="redact") >> chunk(said("Ask eve@example.org")) << piece(said("Ask "))
    assert story.transaction.held_since == 5_000
    went = That(fx.SendPiece, body=lambda raw: b"[EMAIL_ADDRESS]" in raw and b"eve" not in raw)
    story = story >> e.HoldExpired(9_000) << went
    assert story.transaction.held_since is None


def test_text_held_too_long_may_be_what_blocks() -> None:
    """Never let go unread."""
    story = streaming(pii="block") >> chunk(said("Ask eve@example.org")) << piece(said("Ask "))
    last = That(fx.SendPiece, body=lambda raw: b"content_filter" in raw and b"eve" not in raw, end_of_stream=True)
    assert story >> e.HoldExpired(9_000) << last << CUT >> CLOSED


def test_the_system_prompt_is_known_by_its_hashes() -> None:
    """Of the call itself; and no text of it is kept."""
    story = streaming(system_prompt="block")
    assert SYSTEM not in repr(story.transaction.exchange.prints)
    last = That(fx.SendPiece, end_of_stream=True, metadata=lambda m: m["findings"][-1]["type"] == "system-prompt")
    assert story >> chunk(said(SYSTEM.lower())) << last << CUT


def test_a_call_without_a_system_prompt_has_none_to_repeat() -> None:
    """Nothing is held for its sake."""
    raw = b'{"model":"chat","stream":true,"messages":[{"role":"user","content":"hello"}]}'
    story = streaming(raw, system_prompt="block") >> chunk(said("half a wo")) << piece(said("half a wo"))
    assert story >> chunk(MARK, end=True) << piece(MARK, True) << DONE


def test_a_hang_up_leaves_an_account() -> None:
    """Told with the first piece already."""
    story = streaming(pii="redact") >> chunk(said("It is a fine day today. "))
    story = story << That(fx.SendPiece, metadata=lambda m: m["usage"]["source"] == "estimated")
    assert story >> CLOSED << fx.Conclude(Outcome.ABORTED, Reason.CLIENT_GONE)
    assert story.transaction.exchange.rewrite is None


def test_findings_of_the_request_stay_beside_those_of_the_answer() -> None:
    """Envoy replaces the list."""
    raw = ASKED.replace(b"hello", b"I am jo@example.org")
    story = streaming(raw, pii="log") >> chunk(said("eve@example.org")) << piece(said("")) >> chunk(MARK, end=True)
    first = {**TOLD, "channel": "user"}
    last = That(fx.SendPiece, end_of_stream=True, metadata=lambda m: m["findings"] == [first, TOLD])
    assert story << last << DONE


@pytest.mark.parametrize("action", ["redact", "block"])
def test_log_probabilities_are_refused_where_text_may_change(action: RedactAction) -> None:
    """Streamed and not; where it is only looked at they pass."""
    for raw in (ASKED, PLAIN):
        asking = raw.replace(b'"chat",', b'"chat","logprobs":true,')
        mine = guards(pii=action)
        story = Playbook(context(tenants={"acme": Tenant("acme", (), None, None, mine)}))
        story = story >> head() << fx.ContinueRequestHeaders() >> body(asking) << fx.InspectBody
        refused = That(fx.RespondLocally, status=400, details="forebay_logprobs_with_guard")
        assert story >> inspected(asking, mine) << refused << fx.Conclude
    logprobs = said("hi ", logprobs={"content": [{"token": "hi"}]})
    asking = ASKED.replace(b'"chat",', b'"chat","logprobs":true,')
    assert streaming(asking, pii="log") >> chunk(logprobs) << piece(said("", logprobs={"content": [{"token": "hi"}]}))


@pytest.mark.parametrize("length", [None, 60], ids=["of unknown length", "of known length"])
@pytest.mark.parametrize("trailers", [False, True], ids=["", "with trailers"])
def test_a_whole_answer_is_held_and_guarded(length: int | None, trailers: bool) -> None:
    """And settled with the provider's usage, whatever is said in its place."""
    for action in ("redact", "log", "block"):
        mine, raw = guards(pii=action), whole("Ask eve@example.org")  # type: ignore[arg-type]
        story = forwarded(PLAIN, pii=action) >> answer(length=length)  # type: ignore[arg-type]
        story = story << (fx.HoldAnswer() if length is None else fx.AwaitAnswer())
        if trailers and length is None:
            continue  # pieces that were swallowed cannot be given back then: the answer breaks off
        asks = That(fx.RestoreAnswer, body=raw, guards=mine, values={})
        story = story >> chunk(raw, end=not trailers) << asks >> restored(raw, mine, story)
        reason = Reason.ANSWER_BLOCKED if action == "block" else Reason.OK
        gives = That(
            fx.ReplaceAnswer,
            body=lambda got, action=action, raw=raw: (
                (got == raw) is (action == "log")
                and (b"content_filter" in got) is (action == "block")
                and orjson.loads(got)["usage"] == orjson.loads(raw)["usage"]
            ),
            metadata=lambda m, reason=reason: (
                m.get("reason", "ok") == reason.value and m["findings"] == [TOLD] and m["usage"]["source"] == "provider"
            ),
        )
        story = story << gives
        outcome = Outcome.BLOCKED if action == "block" else Outcome.COMPLETED
        if trailers:
            story = story >> TRAILERS << That(fx.PassTrailers, metadata=None)
        assert story << fx.Conclude(outcome, reason) >> CLOSED


@pytest.mark.parametrize(
    ("content_type", "encoding"), [("text/event-stream", "gzip"), ("application/json", "br"), ("text/html", "")]
)
def test_what_cannot_be_read_is_not_passed_on(content_type: str, encoding: str) -> None:
    """Without guards it would be."""
    given = answer("200", content_type, provider=True)
    if encoding:
        given = replace(given, headers=Headers((*given.headers.pairs, ("content-encoding", encoding))))
    assert forwarded(pii="log") >> given << That(fx.RespondLocally, status=502) << BROKEN
    assert forwarded() >> given << fx.Release() << DONE


@pytest.mark.parametrize("action", ["redact", "block"])
def test_an_error_of_a_provider_is_guarded_too(action: Any) -> None:
    """It quotes what it was sent, and may say anything. What blocks it is an error as well, of ours."""
    mine, raw = guards(pii=action), b'{"error":{"message":"no eve@example.org"}}'
    story = forwarded(PLAIN, pii=action) >> answer("400", length=len(raw), provider=True) << fx.AwaitAnswer()
    story = story >> chunk(raw, end=True) << fx.RestoreAnswer >> restored(raw, mine, story)
    body = b"[EMAIL_ADDRESS]" if action == "redact" else b'"code":"answer_blocked"'
    story = story << That(fx.ReplaceAnswer, body=lambda got: body in got and b"eve@" not in got)
    assert story << That(fx.Conclude, reason=Reason.OK if action == "redact" else Reason.ANSWER_BLOCKED)


@pytest.mark.parametrize("content_type", ["text/html", "text/event-stream", "text/plain"])
def test_an_error_that_cannot_be_read_is_replaced(content_type: str) -> None:
    """With guards on answers nothing passes that they have not read; Envoy's own errors say nothing of anybody's."""
    story = forwarded(pii="log") >> answer("429", content_type, provider=True)
    assert story << That(fx.RespondLocally, status=502) << BROKEN
    assert forwarded(pii="log") >> answer("429", content_type) << fx.Release() << DONE


@pytest.mark.parametrize("status", ["600", "999", "101", "x"])
def test_a_status_that_means_nothing_is_an_unreadable_answer(status: str) -> None:
    """Whoever calls would have to guess, guards or not."""
    for story in (forwarded(PLAIN), forwarded(pii="log")):
        assert story >> answer(status, provider=True) << That(fx.RespondLocally, status=502) << BROKEN


def test_embeddings_are_not_guarded() -> None:
    """A model says nothing there."""
    raw = b'{"model":"chat","input":"hello"}'
    mine = guards(pii="block")
    story = Playbook(context(tenants={"acme": Tenant("acme", (), None, None, mine)}))
    story = story >> head(path="/v1/embeddings") << fx.ContinueRequestHeaders() >> body(raw) << fx.InspectBody
    story = story >> inspected(raw, mine, operation="embeddings") << fx.ForwardRequest
    assert story >> answer() << fx.WatchAnswer()
