"""The story of a stream in which values are restored: rewritten while it passes, cut where it may not."""

from dataclasses import replace

import orjson
import pytest
from playbook import CLOSED, TRAILERS, Playbook, That, answer, body, chunk, context, head, inspected

from extproc.transaction import effects as fx
from extproc.transaction import events as e
from extproc.transaction.events import Headers
from extproc.transaction.state import State
from extproc.transaction.stream_path import ACCOUNT_EVERY, PIECE
from forebay.outcomes import Outcome, Reason

PLAIN = b'{"model":"chat","messages":[{"role":"user","content":"I am jo@example.org"}]}'
ASKED = PLAIN.replace(b'"chat",', b'"chat","stream":true,')
DONE = fx.Conclude(Outcome.COMPLETED, Reason.OK)
BROKEN = fx.Conclude(Outcome.FAILED, Reason.ANSWER_UNREADABLE)
MARK = b"data: [DONE]\n\n"
USAGE = b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2,"total_tokens":9}}\n\n'


def said(text: str, **more: object) -> bytes:
    """A chunk that says `text`."""
    return b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": {"content": text}, **more}]}) + b"\n\n"


def later(raw: bytes, at: int) -> e.ResponseBodyReceived:
    """A piece that comes at that time."""
    return e.ResponseBodyReceived(raw, False, at)


def streaming(raw: bytes = ASKED) -> tuple[Playbook, str]:
    """A story that has come to the answer's head, and the placeholder in its request."""
    story = Playbook(context()) >> head() << fx.ContinueRequestHeaders() >> body(raw) << fx.InspectBody
    story = story >> inspected(raw) << fx.ForwardRequest
    placeholder = next(iter(story.transaction.exchange.values))
    return story >> answer("200", "text/event-stream; charset=utf-8") << fx.RewriteAnswer(), placeholder


def piece(raw: bytes, end: bool = False) -> That:
    """What goes to the caller, whatever is told of it."""
    return That(fx.SendPiece, body=raw, end_of_stream=end)


def failing(end: bool) -> That:
    """The error as the last event of a stream."""
    return That(
        fx.SendPiece,
        body=lambda raw: raw.endswith(b"\n\n") and orjson.loads(raw[6:])["error"]["code"] == "answer_unreadable",
        end_of_stream=end,
    )


@pytest.mark.parametrize("raw", [ASKED, PLAIN], ids=["asked for", "not asked for"])
def test_a_value_comes_back_however_its_placeholder_is_cut(raw: bytes) -> None:
    """While it may still become one nothing is sent; usage travels with the end."""
    story, placeholder = streaming(raw)
    counted = That(
        fx.SendPiece,
        body=MARK,
        end_of_stream=True,
        metadata=lambda m: (
            m["usage"]["source"] == "provider" and m["usage"]["input_tokens"] == 7 and m["restored"] == 1
        ),
    )
    story = story >> chunk(said("Dear ")) << piece(said("Dear ")) >> chunk(said(placeholder[:5])) << piece(said(""))
    story = story >> chunk(said(placeholder[5:] + "! ")) << piece(said("jo@example.org! "))
    story = story >> chunk(USAGE)
    if raw is PLAIN:
        story = story << piece(USAGE)
    assert story >> chunk(MARK, end=True) << counted << DONE >> CLOSED
    assert story.transaction.exchange.rewrite is None


def test_half_an_event_brings_nothing() -> None:
    """Envoy gets no answer to a piece that completes none."""
    story, _ = streaming()
    story = story >> chunk(said("a")[:9]) >> chunk(b"") >> chunk(said("a")[9:]) << piece(said("a"))
    assert story >> chunk(b"", end=True) << That(fx.SendPiece, body=b"", end_of_stream=True) << DONE


def test_an_answer_without_a_word_ends_as_well() -> None:
    """An end of nothing is still the end."""
    story, _ = streaming()
    assert story >> chunk(b"", end=True) << piece(b"", True) << DONE


def test_what_is_long_goes_in_several_pieces() -> None:
    """A piece is at most 64 KiB, the last one has the end."""
    story, _ = streaming()
    raw = said("x" * 2 * PIECE)
    story = in_slices(story >> chunk(raw), e.WayGiven(5_001))
    story = story << piece(raw[:PIECE]) << piece(raw[PIECE : 2 * PIECE]) << piece(raw[2 * PIECE :])
    exactly = b"data:" + b" " * (PIECE - 7) + b"\n\n"
    assert story >> chunk(exactly, end=True) << piece(exactly, True) << DONE


def in_slices(story: Playbook, turn: e.WayGiven) -> Playbook:
    """To the last slice of a piece that is much work; nothing goes out before it."""
    slices = 0
    while story.transaction.state is State.SLICING:
        story = story << fx.GiveWay() >> turn
        slices += 1
    assert slices > 10
    return story


def test_a_piece_that_is_much_work_lets_others_have_their_turns() -> None:
    """What is done goes out at once, the rest with its slice, and the answer's end with the last."""
    story, placeholder = streaming()
    holdings = story.transaction.context.holdings
    long = said("x" * PIECE + placeholder + " ")
    story = story >> chunk(said("first") + long, end=True) << piece(said("first"))
    assert holdings.total == len(said("first") + long)  # what is held counts
    story = in_slices(story, e.WayGiven(5_001))
    assert holdings.total == 0
    restored = said("x" * PIECE + "jo@example.org ")
    assert story << piece(restored[:PIECE]) << piece(restored[PIECE:], True) << DONE


def test_an_event_that_only_the_trailers_complete_is_read_in_slices_too() -> None:
    """It lacks its blank line."""
    story, _ = streaming()
    story = story >> chunk(said("x" * PIECE)[:-2]) >> TRAILERS
    story = in_slices(story, e.WayGiven(6_001)) << That(fx.SendPiece) << That(fx.SendPiece, end_of_stream=False)
    assert story << fx.PassTrailers << DONE


def test_nothing_else_happens_between_two_slices() -> None:
    """What is held is being looked at: to let it go now would bring it out of order. The end ends it, too."""
    story, _ = streaming()
    story = story >> chunk(said("x" * PIECE)) << fx.GiveWay()
    assert story >> e.HoldExpired(9_000) << fx.Abort(Reason.INTERNAL) << fx.Conclude >> e.WayGiven(9_001)
    story, _ = streaming()
    story = story >> chunk(said("x" * PIECE)) << fx.GiveWay() >> CLOSED << fx.Conclude
    assert story >> e.WayGiven(9_000)


def test_what_has_passed_is_told_now_and_then() -> None:
    """After a hang-up there is no piece that could carry it: with the first, and then four times a second at most."""
    story, _ = streaming()
    told = That(fx.SendPiece, metadata=lambda m: m["usage"]["source"] == "estimated")
    silent = That(fx.SendPiece, metadata=None)
    story = story >> later(said("one"), 0) << told >> later(said("two"), ACCOUNT_EVERY - 1) << silent
    story = story >> later(said("three"), ACCOUNT_EVERY) << told >> later(said("four"), ACCOUNT_EVERY + 1) << silent
    assert story >> CLOSED << fx.Conclude(Outcome.ABORTED, Reason.CLIENT_GONE)
    assert story.transaction.exchange.rewrite is None


def test_trailers_end_a_stream() -> None:
    """What is held goes out before them, and they carry what was counted."""
    story, placeholder = streaming()
    story = story >> chunk(said(placeholder[:-1])) << piece(said(""))
    story = story >> TRAILERS << That(fx.SendPiece, body=lambda raw: placeholder[:-1].encode() in raw, metadata=None)
    assert story << That(fx.PassTrailers, metadata=lambda m: m["usage"]["source"] == "estimated") << DONE


def test_trailers_after_all_was_said_need_no_piece() -> None:
    """Nothing is held then."""
    story, _ = streaming()
    assert story >> chunk(MARK) << piece(MARK) >> TRAILERS << fx.PassTrailers << DONE


def test_a_stream_that_cannot_be_read_is_cut() -> None:
    """With what came before it, an error, the end and the reason; what the provider still says is dropped."""
    story, placeholder = streaming()
    story = story >> chunk(said(placeholder + " ") + b"data: {oops\n\n")
    last = That(
        fx.SendPiece,
        body=lambda raw: raw.startswith(said("jo@example.org ")) and raw.count(b"answer_unreadable") == 1,
        end_of_stream=True,
        metadata=lambda m: m["reason"] == "answer_unreadable" and m["restored"] == 1,
    )
    story = story << last << BROKEN
    assert story.transaction.state is State.CUT
    assert story >> chunk(said("more")) >> chunk(b"", end=True) >> TRAILERS >> e.HoldExpired(9) >> CLOSED


def test_a_stream_that_cannot_be_read_at_its_trailers_is_cut_by_them() -> None:
    """They are the end already; a piece that says so too would be one end too many."""
    story, _ = streaming()
    story = story >> chunk(b"data: {oops") >> TRAILERS << failing(end=False)
    assert story << That(fx.PassTrailers, metadata=lambda m: m["reason"] == "answer_unreadable") << BROKEN >> CLOSED


def test_log_probabilities_nobody_asked_for_cut_the_stream() -> None:
    """They say again, token by token, what is to be restored."""
    story, _ = streaming()
    story = story >> chunk(said("[", logprobs={"content": [{"token": "["}]}))
    assert story << failing(end=True) << BROKEN


def test_text_that_was_held_too_long_goes_out() -> None:
    """The beginning of a placeholder is nobody's value. Its rest stays what it is."""
    story, placeholder = streaming()
    assert story.transaction.held_since is None
    story = story >> later(said(placeholder[:8]), 100) << piece(said(""))
    assert story.transaction.held_since == 100
    story = story >> e.HoldExpired(2_100) << That(fx.SendPiece, body=lambda raw: placeholder[:8].encode() in raw)
    assert story.transaction.held_since is None
    story = story >> e.HoldExpired(2_200)
    assert story >> later(said(placeholder[8:]), 3_000) << piece(said(placeholder[8:])) >> CLOSED << fx.Conclude


def test_a_hold_that_expires_in_the_wrong_place_ends_closed() -> None:
    """Where nothing can be held."""
    story = Playbook(context()) >> head() << fx.ContinueRequestHeaders() >> e.HoldExpired(3)
    assert story << fx.Abort(Reason.INTERNAL) << fx.Conclude


@pytest.mark.parametrize(
    ("status", "encoding", "operation"), [("200", "gzip", "chat"), ("400", "", "chat"), ("200", "", "embeddings")]
)
def test_what_cannot_be_a_stream_to_restore_is_refused(status: str, encoding: str, operation: str) -> None:
    """Compressed, a provider's error, or the answer to a call that has no streams."""
    raw = PLAIN if operation == "chat" else b'{"model":"chat","input":"I am jo@example.org"}'
    story = Playbook(context()) >> head(path=f"/v1/{_PATHS[operation]}") << fx.ContinueRequestHeaders() >> body(raw)
    story = story << fx.InspectBody >> inspected(raw, operation=operation) << fx.ForwardRequest
    given = answer(status, "text/event-stream", provider=True)
    if encoding:
        given = replace(given, headers=Headers((*given.headers.pairs, ("content-encoding", encoding))))
    assert story >> given << That(fx.RespondLocally, status=502) << BROKEN


_PATHS = {"chat": "chat/completions", "embeddings": "embeddings"}


def test_a_stream_nobody_redacted_anything_for_is_watched() -> None:
    """It passes as it comes."""
    plain = ASKED.replace(b"jo@example.org", b"nobody")
    story = Playbook(context()) >> head() << fx.ContinueRequestHeaders() >> body(plain) << fx.InspectBody
    story = story >> inspected(plain) << fx.ForwardRequest
    assert story >> answer("200", "text/event-stream") << fx.WatchAnswer()
