"""The answer's story: passed unread, watched, or held back and restored."""

import pytest
from playbook import CLOSED, TRAILERS, FixedPrice, Playbook, That, answer, body, chunk, context, head, inspected

from extproc.messages.restore import restore
from extproc.transaction import effects as fx
from extproc.transaction import events as e
from extproc.transaction.response_path import MOST_HELD
from forebay.outcomes import Outcome, Reason

HELLO = b'{"model":"chat","messages":[{"role":"user","content":"hello"}]}'
MAIL = b'{"model":"chat","messages":[{"role":"user","content":"I am jo@example.org"}]}'
USAGE = b'{"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}'
DONE = fx.Conclude(Outcome.COMPLETED, Reason.OK)


def forwarded(raw: bytes) -> Playbook:
    """A request that was let through."""
    story = Playbook(context()) >> head() << fx.ContinueRequestHeaders() >> body(raw) << fx.InspectBody
    return story >> inspected(raw) << fx.ForwardRequest


def test_an_error_passes_unread() -> None:
    """Nothing in a provider's error is ours to restore, and Envoy goes on without us."""
    assert forwarded(HELLO) >> answer("429") << fx.Release() << DONE >> CLOSED


def test_an_answer_passes_in_pieces_and_the_last_one_carries_its_usage() -> None:
    """The provider's numbers, and the price they make."""
    counted = That(
        fx.PassChunk,
        metadata=lambda m: (
            m["usage"]["input_tokens"] == 7
            and m["usage"]["source"] == "provider"
            and m["cost"] == {"usd": 0.001, "source": "genai-prices"}
        ),
    )
    story = forwarded(HELLO) >> answer() << fx.WatchAnswer() >> chunk(USAGE[:20]) << fx.PassChunk(None)
    assert story >> chunk(USAGE[20:], end=True) << counted << DONE >> CLOSED


def test_a_stream_without_usage_is_estimated_and_says_so() -> None:
    """Counted from what passed."""
    event = b'data: {"choices":[{"delta":{"content":"some words here"}}]}\n\n'
    estimated = That(fx.PassChunk, metadata=lambda m: m["usage"]["source"] == "estimated")
    story = forwarded(HELLO) >> answer("200", "text/event-stream") << fx.WatchAnswer()
    story = story >> chunk(event) << fx.PassChunk(None)
    assert story >> chunk(b"data: [DONE]\n\n", end=True) << estimated << DONE


def test_trailers_end_an_answer_as_well() -> None:
    """A body's end is then told by its trailers."""
    story = forwarded(HELLO) >> answer() << fx.WatchAnswer() >> chunk(USAGE) << fx.PassChunk(None)
    assert story >> TRAILERS << That(fx.PassTrailers, metadata=lambda m: m["usage"]["output_tokens"] == 2) << DONE


def test_redacted_values_come_back_to_their_caller() -> None:
    """The answer is held back, restored and sent with its new length."""
    story = forwarded(MAIL)
    values = dict(story.transaction.exchange.values)
    placeholder = next(iter(values))
    raw = b'{"choices":[{"message":{"content":"Dear %s"}}]}' % placeholder.encode()
    restored, count = restore(raw, values)
    assert b"jo@example.org" in restored
    story = story >> answer(length=len(raw)) << fx.AwaitAnswer() >> chunk(raw, end=True)
    story = story << That(fx.RestoreAnswer, values=values)
    story = story >> e.AnswerRestored(restored, count, 9)
    assert story << That(fx.ReplaceAnswer, body=restored, metadata=lambda m: m["restored"] == 1) << DONE


def test_an_answer_that_cannot_be_read_is_an_error_not_a_placeholder() -> None:
    """A caller whose values were redacted gets them back, or a clear error."""
    story = forwarded(MAIL) >> answer("200", "text/plain")
    assert story << That(fx.RespondLocally, status=502) << That(fx.Conclude, reason=Reason.ANSWER_UNREADABLE)


def test_nothing_is_kept_of_an_exchange_that_was_cut() -> None:
    """Bodies and values are dropped when the stream ends, whatever state it was in."""
    story = (
        forwarded(MAIL) >> answer(length=9) << fx.AwaitAnswer() >> CLOSED << That(fx.Conclude, outcome=Outcome.ABORTED)
    )
    assert story
    assert not story.transaction.exchange.values
    assert not story.transaction.exchange.answer_whole


def test_the_price_is_that_of_the_backend_that_answered() -> None:
    """Not of the first arm: a fallback or a canary may cost something else."""
    asked: list[str] = []

    def price(backend: str, usage: object) -> FixedPrice:
        asked.append(backend)
        return FixedPrice()

    story = Playbook(context(price=price)) >> head() << fx.ContinueRequestHeaders() >> body(HELLO) << fx.InspectBody
    story = story >> inspected(HELLO) << fx.ForwardRequest >> answer() << fx.WatchAnswer
    assert story >> chunk(USAGE, end=True) << fx.PassChunk << DONE
    assert asked == ["two/gpt-4o"]


def test_an_answer_of_unknown_length_is_held_too() -> None:
    """Nothing of it leaves before the whole is restored, its head included."""
    story = forwarded(MAIL)
    placeholder = next(iter(story.transaction.exchange.values))
    raw = b'{"choices":[{"message":{"content":"Dear %s"}}]}' % placeholder.encode()
    story = story >> answer() << fx.HoldAnswer() >> chunk(raw, end=True) << That(fx.RestoreAnswer, body=raw)
    assert story >> e.AnswerRestored(b"{}", 1, 9) << That(fx.ReplaceAnswer, body=b"{}") << DONE


def test_an_answer_that_says_it_is_too_large_is_refused_at_its_head() -> None:
    """A clear error, while there can still be one."""
    story = forwarded(MAIL) >> answer(length=MOST_HELD + 1)
    assert story << That(fx.RespondLocally, status=502) << That(fx.Conclude, reason=Reason.ANSWER_UNREADABLE)


@pytest.mark.parametrize(
    ("said", "end"),
    [(b"x" * (MOST_HELD + 1), True), (b"{}" + b" " * MOST_HELD, False), (b"{}", False)],
    ids=["too large", "too large for Envoy", "more follows, and it is not known what"],
)
def test_a_held_answer_that_is_not_whole_or_too_large_is_an_error(said: bytes, end: bool) -> None:
    """Whatever were sent in place of a beginning, Envoy would let the rest follow it."""
    story = forwarded(MAIL) >> answer() << fx.HoldAnswer() >> chunk(said, end=end)
    story = story << That(fx.RespondLocally, status=502, details="forebay_answer_unreadable")
    assert story << That(fx.Conclude, outcome=Outcome.FAILED, reason=Reason.ANSWER_UNREADABLE)
    assert story.transaction.exchange.holds == 0


def test_a_held_answer_for_which_there_is_no_room_is_an_error() -> None:
    """What answers hold counts as what prompts hold."""
    story = forwarded(MAIL)
    story.transaction.context.holdings.in_all = 9
    story = story >> answer() << fx.HoldAnswer() >> chunk(b'{"choices":[]}', end=True)
    assert story << That(fx.RespondLocally, status=502) << That(fx.Conclude, reason=Reason.ANSWER_UNREADABLE)


def test_a_held_answer_that_cannot_be_read_is_an_error() -> None:
    """With the reason in the record, whether its length was stated or not."""
    for length, asks in ((None, fx.HoldAnswer()), (1, fx.AwaitAnswer())):
        story = forwarded(MAIL) >> answer(length=length) << asks >> chunk(b"{", end=True) << fx.RestoreAnswer
        story = story >> e.RestorationFailed(Reason.ANSWER_UNREADABLE, 9)
        story = story << That(fx.RespondLocally, status=502, metadata=lambda m: m["reason"] == "answer_unreadable")
        assert story << That(fx.Conclude, outcome=Outcome.FAILED)


def test_an_error_of_a_provider_that_may_quote_placeholders_is_restored() -> None:
    """A caller must not learn the placeholders of its values, and an error is not billed."""
    story = forwarded(MAIL) >> answer("400", length=9, provider=True) << fx.AwaitAnswer() >> chunk(b"{}", end=True)
    story = story << fx.RestoreAnswer >> e.AnswerRestored(b"{}", 1, 9)
    assert story << That(fx.ReplaceAnswer, metadata={"restored": 1}) << DONE


def test_a_local_reply_behind_us_passes_unread_though_values_were_redacted() -> None:
    """Envoy's own errors quote nothing."""
    assert forwarded(MAIL) >> answer("503", length=9) << fx.Release() << DONE
