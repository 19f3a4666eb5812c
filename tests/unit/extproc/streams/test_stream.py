"""One streamed answer: what is held, what stops it, how it ends."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.leakage import NOTHING
from extproc.findings import Stretch
from extproc.messages.answer import Usage
from extproc.messages.sse import EventReader
from extproc.streams.chat import ChatDialect
from extproc.streams.guarding import Finder, Guarding, answer_guard
from extproc.streams.messages import MessagesDialect
from extproc.streams.responses import ResponsesDialect
from extproc.streams.restoring import Restoring
from extproc.streams.rewriting import Rewriting
from extproc.streams.stops import Bounds, Stop
from extproc.streams.stream import Stream
from forebay.config.resolved import Guards, InjectionGuard, OutputGuards, RedactAction

A = "[EMAIL_ADDRESS_x7k2mq]"
HEAD = {"id": "chatcmpl-ours", "object": "chat.completion.chunk", "created": 1, "model": "m"}
DONE = b"data: [DONE]\n\n"
USED = Usage(21, 34, 0, 0)


def stream(*rewritings: Rewriting, bounds: Bounds | None = None, values: dict[str, str] | None = None) -> Stream:
    """A stream that restores unless told otherwise."""
    return Stream(ChatDialect(HEAD), rewritings or [Restoring(values or {A: "eve@example.org"})], len, bounds=bounds)


def chunk(finish: str | None = None, index: int = 0, **delta: Any) -> bytes:
    """One chunk of a provider."""
    body = {"id": "c", "choices": [{"index": index, "delta": delta, "finish_reason": finish}]}
    return b"data: " + orjson.dumps(body) + b"\n\n"


def said(passed: bytes) -> str:
    """The content a client puts together."""
    events = [event.data for event in EventReader().feed(passed, end=True) if event.data != b"[DONE]"]
    return "".join(
        choice["delta"].get("content") or "" for data in events for choice in orjson.loads(data).get("choices", ())
    )


def guard(action: RedactAction = "redact") -> Guarding:
    """Finds the word «secret7»."""

    def find(text: str) -> list[Stretch]:
        return [Stretch(at, at + 7, "secret", "WORD", 9) for at in range(len(text)) if text.startswith("secret7", at)]

    return Guarding([Finder(find, action)])


def guards_of(action: RedactAction) -> Guards:
    """Real ones, for personal data."""
    return Guards("g", InjectionGuard("off", 100), "off", (), "off", 1.0, "closed", OutputGuards(pii=action))


def test_held_text_moves_into_a_later_delta() -> None:
    """Of the same channel; nothing else of the events changes."""
    one = stream()
    assert one.feed(chunk(content="to [EMAIL_"), False, 1) == chunk(content="to ")
    assert one.feed(chunk(refusal="no"), False, 2) == chunk(refusal="no")
    assert one.feed(chunk(content="ADDRESS_x7k2mq] !"), False, 3) == chunk(content="eve@example.org !")


def test_the_time_of_what_is_held_is_known() -> None:
    """That of its oldest piece, and none when nothing is held."""
    one = stream()
    assert one.held_since is None
    one.feed(chunk(content="to [EMAIL_"), False, 10)
    one.feed(chunk(content="ADDR"), False, 20)
    one.feed(chunk(refusal="["), False, 30)
    assert (one.held, one.held_since) == (12, 10)
    one.feed(chunk(content="ESS [EMA"), False, 40)
    assert (one.held, one.held_since) == (5, 30)
    one.feed(chunk(refusal="x"), False, 50)
    assert one.held_since == 40
    one.feed(chunk(content="x"), False, 60)
    assert (one.held, one.held_since) == (0, None)


def test_a_release_lets_go_what_is_held() -> None:
    """In events of our own; the text then goes on."""
    one = stream()
    passed = one.feed(chunk(content="to [EMAIL_", refusal="no ["), False, 1)
    released = one.release(2)
    assert (said(passed + released), one.held) == ("to [EMAIL_", 0)
    assert said(one.feed(chunk(content="x " + A + " "), False, 3)) == "x eve@example.org "


def test_what_a_guard_keeps_for_all_its_time_does_not_run_out_again() -> None:
    """Only what came later does, once that is the oldest."""
    output = OutputGuards(pii="redact")
    guards = Guards("g", InjectionGuard("off", 100), "off", (), "off", 1.0, "closed", output)
    one = Stream(ChatDialect(HEAD), [answer_guard(guards, NOTHING)], len)
    out = one.feed(chunk(content="Pay with 4111 11"), False, 10)
    assert (said(out), one.held_since) == ("Pay with ", 10)
    assert (said(one.release(20)), one.held, one.held_since) == ("", 7, None)
    out = one.feed(chunk(content="11 1111 1111 for all of it, and that is what it comes to in the en"), False, 30)
    assert (said(out), one.held_since) == ("[CREDIT_CARD] for all of it, and that is what it comes to in the ", 30)
    assert (said(one.release(40)), one.held, one.held_since) == ("en", 0, None)


@pytest.mark.parametrize("after", [DONE, b"", b'data: {"choices":[],"usage":{"prompt_tokens":1}}\n\n', None])
def test_a_finished_choice_has_all_of_its_text(after: bytes | None) -> None:
    """Before its last chunk where that brings none, in it where it does: once that is known to be the last."""
    for end, last in ((chunk("stop"), chunk("stop")), (chunk("stop", content="IL_"), chunk("stop", content="[EMAIL_"))):
        one = stream()
        assert said(one.feed(chunk(content="to [EMA") + end, False, 1)) == "to "
        passed = one.release(2) if after is None else one.feed(after, not after, 2)
        assert said(passed) in ("[EMA", "[EMAIL_")
        assert passed.endswith(last + (after or b""))


def test_a_chunk_that_ends_what_holds_nothing_waits_for_nothing() -> None:
    """Most streams end that way."""
    assert stream().feed(chunk(content="to") + chunk("stop"), False, 1) == chunk(content="to") + chunk("stop")


def test_only_the_choice_that_finished_is_flushed() -> None:
    """The other one's text may still become a placeholder."""
    one = stream()
    one.feed(chunk(content="[EMA") + chunk(index=1, content="[EMA"), False, 1)
    one.feed(chunk("stop") + chunk(index=1, content="IL"), False, 2)
    assert one.held == 6


def test_a_finish_reason_on_every_chunk_ends_nothing() -> None:
    """Adapters of Gemini send it: the last one counts, and nothing comes out early."""
    card = "Card 4111111111111111"
    for action in ("redact", "block"):
        one = Stream(ChatDialect(HEAD), [answer_guard(guards_of(action), NOTHING)], len)
        passed = b"".join(one.feed(chunk("stop", content=letter), False, 1) for letter in card) + one.feed(
            DONE, False, 2
        )
        assert said(passed) == ("Card [CREDIT_CARD]" if action == "redact" else "Card ")
        assert passed.count(b'"stop"') == len(card) - (action == "block")
    one = stream()
    passed = b"".join(one.feed(chunk("stop", content=A[at : at + 5]), False, at) for at in range(0, len(A), 5))
    assert said(passed + one.feed(chunk("stop") + DONE, False, 99)) == "eve@example.org"


@pytest.mark.parametrize(
    "between",
    [chunk("stop"), chunk(index=1, content="x"), b'data: {"choices":[],"usage":{}}\n\n', chunk(), None],
    ids=["again", "another", "usage", "empty", "a pause"],
)  # fmt: skip
def test_no_text_goes_on_behind_its_end(between: bytes | None) -> None:
    """Each end lets go what is held: one text would come out in pieces."""
    one = stream(guard("log"))
    one.feed(chunk(content="a secre") + chunk("stop"), False, 1)
    passed = one.release(2) if between is None else one.feed(between, False, 2)
    assert (said(passed)[:7], one.held) == ("a secre", 1 if between == chunk(index=1, content="x") else 0)
    ended = chunk("stop") + chunk() + chunk(content="")  # as often as it likes, without text
    assert one.feed(ended, False, 3) == ended
    assert (one.feed(chunk(content="t7"), False, 4), one.stop) == (b"", Stop.UNREADABLE)


def test_a_choice_that_waits_is_blocked_as_one_that_has_not_finished() -> None:
    """Its end was not sent."""
    one = stream(guard("block"))
    passed = one.feed(chunk(content="a secret7") + chunk("stop"), False, 1)
    assert (passed, one.held_since) == (chunk(content=""), 1)
    assert (one.feed(DONE, False, 2), one.stop) == (b"", Stop.BLOCKED)
    assert one.block(USED).count(b'"finish_reason":"content_filter"') == 1


def test_nothing_is_held_once_the_stream_has_closed() -> None:
    """Neither by its mark nor by its end, with or without a last blank line."""
    for ending in (DONE, b"", b"data: {}"):
        one = stream()
        passed = one.feed(chunk(content="to [EMA") + ending, True, 1)
        assert (said(passed), one.held, one.closed) == ("to [EMA", 0, True)


def test_what_follows_the_mark_is_dropped() -> None:
    """Clients have stopped reading there, and so have we."""
    one = stream()
    passed = one.feed(DONE + chunk(content="more"), False, 1) + one.feed(chunk(content="more"), True, 2)
    assert passed == DONE


def test_a_blocked_finding_stops_the_stream() -> None:
    """What was said before may still go out; then comes the ending of a filtered answer."""
    one = stream(guard("block"))
    passed = one.feed(chunk(content="this is quite a long text, ") + chunk(content="secret7"), False, 1)
    assert one.stop is None
    passed += one.feed(
        chunk(content=" and so on and on, for ever and ever, and then some ") + chunk(content="more"), False, 2
    )
    assert (one.stop, one.closed) == (Stop.BLOCKED, False)
    passed += one.block(USED)
    assert said(passed) in "this is quite a long text, "
    assert b'"finish_reason":"content_filter"' in passed
    assert passed.endswith(DONE)
    assert (one.closed, one.held, one.feed(chunk(content="x"), True, 3), one.block(USED)) == (True, 0, b"", b"")


def test_a_blocked_end_is_found_in_time() -> None:
    """A text that ends with the finding never shows it."""
    for ending in (chunk("stop"), DONE, b""):
        one = stream(guard("block"))
        passed = one.feed(chunk(content="a secret7") + ending, True, 1)
        assert (one.stop, said(passed)) == (Stop.BLOCKED, "")


def test_a_guard_sees_placeholders_not_values() -> None:
    """What the caller sent comes back, what the model says of its own is masked; fields nobody knows are scanned."""
    values, one = {A: "secret7"}, b""
    both = stream(guard(), Restoring(values))
    one = both.feed(chunk(content=f"a secret7 {A}", mood="secret7") + DONE, True, 1)
    assert said(one) == "a [WORD] secret7"
    assert b'"mood":"[WORD]"' in one


def test_what_is_held_grows_no_older_than_it_is() -> None:
    """A stretch without an end goes out from its beginning while more of it comes: nothing is overdue."""
    one = stream(guard())
    for at in range(200):
        one.feed(chunk(content="12.5; 7 "), False, at)
        one.feed(chunk(content=""), False, at)
        assert one.held_since is not None
        assert at - one.held_since <= 65  # 384 characters and 128 that were unfinished, eight at a time
    one.feed(chunk("stop") + DONE, False, 200)
    assert (one.held, one.held_since) == (0, None)


@pytest.mark.parametrize(
    ("sent", "stop"),
    [
        (b"data: hello\n\n", Stop.UNREADABLE),
        (b"data: [1]\n\n", Stop.UNREADABLE),
        (b"data: null\n\n", Stop.UNREADABLE),
        (b'data: {"choices":[{"delta":{"content":"x","content":"y"}}]}\n\n', Stop.UNREADABLE),
        (b'data: {"a":"\\ud800"}\n\n', Stop.UNREADABLE),
        (b'data: {"a":"\xff"}\n\n', Stop.UNREADABLE),
        (b'data: {"a":' + b"[" * 300 + b"]" * 300 + b"}\n\n", Stop.UNREADABLE),
        (b"data: " + b"x" * 3000, Stop.EVENT_TOO_LARGE),
        (chunk(content="x") * 80, Stop.STREAM_TOO_LONG),
        (b"".join(chunk(index=index, content="x") for index in range(5)), Stop.TOO_MANY_CHANNELS),
        (b"".join(chunk(index=index, content=A[:20]) for index in range(4)), Stop.HELD_TOO_MUCH),
        (b'data: {"choices":[{"delta":{},"logprobs":{"content":[{}]}}]}\n\n', Stop.LOGPROBS),
    ],
    ids=lambda value: value if isinstance(value, Stop) else "",
)
def test_what_cannot_be_passed_stops_the_stream(sent: bytes, stop: Stop) -> None:
    """Wherever it is cut, the same bytes come before it and none after."""
    bounds = Bounds(event=2000, stream=4000, held=70, channels=4)
    before = chunk(content="hi", index=0)
    outcomes = set()
    for size in (1, 7, 10_000):
        one = stream(bounds=bounds)
        passed = b"".join(
            one.feed((before + sent)[at : at + size], False, 0) for at in range(0, len(before + sent), size)
        )
        assert one.stop is stop
        assert one.feed(chunk(content="more"), True, 1) + one.release(1) == b""
        outcomes.add(passed)
        error = one.fail(b'{"error":{}}')
        assert error == b'data: {"error":{}}\n\n'
        assert one.closed
    assert len(outcomes) == 1
    assert outcomes.pop().startswith(before)


def test_an_unknown_field_of_a_delta_is_still_one_text() -> None:
    """A whole placeholder in it is restored, but not where an earlier event's piece of it points to."""
    one = stream()
    assert one.feed(chunk(mood=f"so {A}"), False, 1) == chunk(mood="so eve@example.org")
    for text in (" https://evil.example/?", A, "x"):
        assert one.feed(chunk(mood=text), False, 2) == chunk(mood=text)
    assert one.feed(chunk(mood=f"x {A} [EMAIL_"), False, 3) == chunk(mood="x eve@example.org [EMAIL_")
    assert one.held == 0


def test_more_text_than_an_answer_may_cost_stops_it() -> None:
    """What came before is out."""
    one = stream(values={A: "x" * (1 << 19)})
    passed = one.feed(b"".join(chunk(content=A) for _ in range(18)), False, 1)
    assert (one.stop, len(said(passed))) == (Stop.RESTORED_TOO_MUCH, 8 << 20)


def test_events_without_data_pass() -> None:
    """Comments as a bare colon; empty data and other fields as they came."""
    for sent in (b":\n\n", b"data:\n\n", b"event: x\nid: 1\n\n", b"\n", b"retry: 3\r\n\r\n"):
        assert stream().feed(sent, False, 1) == sent
    assert stream().feed(b": eve@example.org\n\n", False, 1) == b":\n\n"


@pytest.mark.parametrize(
    "line", [b"\xef\xbb\xbf", b" ", b"x", b"id: eve@example.org\n", b"event: thread.x\n", b"event: error\n"]
)
def test_text_in_what_a_client_may_leave_out_or_not_stops_the_stream(line: bytes) -> None:
    """Behind an event that leaves a mould, too."""
    one = stream()
    assert one.feed(chunk(content="a ") + chunk(content="b "), False, 1) != b""
    assert (one.feed(line + chunk(content="c "), False, 1), one.stop) == (b"", Stop.UNREADABLE)


def test_a_mark_at_the_beginning_is_taken_off_once() -> None:
    """And no mould has it."""
    one = stream()
    assert one.feed(b"\xef\xbb\xbf" + chunk(content="a "), False, 1) == chunk(content="a ")
    assert (one.feed(b"\xef\xbb\xbf" + chunk(content="b "), False, 1), one.stop) == (b"", Stop.UNREADABLE)


def test_an_unfinished_last_event_is_ended_before_ours() -> None:
    """Else the two would be one event."""
    one = stream()
    passed = one.feed(chunk(content="[EMA")[:-1], True, 1)
    assert said(passed) == "[EMA"
    assert passed.count(b"\n\n") == 2


def test_text_is_counted_as_it_comes_in() -> None:
    """In characters and tokens, whatever the field; the first one has its time."""
    one = stream()
    one.feed(chunk(content=""), False, 1)
    one.feed(chunk(content="abc [EM") + chunk("odd", reasoning="xy"), False, 2)
    assert (one.said.characters, one.said.tokens, one.said.first_text_at) == (9, 9, 2)
    assert one.said.finish_reasons == ["other"]


TEXTS = st.lists(st.sampled_from([A, A[:9], A[9:], "x", "é", "[", '"', "\\", "😀", " "]), max_size=8).map("".join)
DELTAS = st.lists(st.tuples(st.sampled_from(["content", "refusal", "reasoning"]), st.integers(0, 1), TEXTS), max_size=8)


@given(DELTAS, st.booleans(), st.lists(st.integers(0, 900), max_size=6))
def test_each_channel_gets_what_its_whole_text_restores_to(
    deltas: list[tuple[str, int, str]], finished: bool, cuts: list[int]
) -> None:
    """However its pieces and the stream are cut, and whatever comes between them."""
    sent = b"".join(chunk(index=index, **{name: text}) for name, index, text in deltas)
    sent += (chunk("stop") + chunk("stop", index=1) + DONE) if finished else b""
    one, passed, at = stream(), b"", 0
    for place in [*sorted(cut for cut in cuts if cut < len(sent)), len(sent)]:
        passed += one.feed(sent[at:place], place == len(sent), 0)
        at = place
    got: dict[tuple[str, int], str] = {}
    wanted: dict[tuple[str, int], str] = {}
    for name, index, text in deltas:
        wanted[name, index] = wanted.get((name, index), "") + text
    for event in EventReader().feed(passed, end=True):
        for choice in [] if event.data == b"[DONE]" else orjson.loads(event.data)["choices"]:
            for name, text in choice["delta"].items():
                got[name, choice["index"]] = got.get((name, choice["index"]), "") + text
    whole = Restoring({A: "eve@example.org"}).whole
    assert got == {key: whole(text) for key, text in wanted.items()}
    assert one.held == 0


def test_a_sealed_text_passes_as_it_is_and_counts() -> None:
    """No rewriting sees it: a change of one byte would break its signature."""
    one = Stream(MessagesDialect({}), [Restoring({A: "eve@example.org"})], len)
    delta = {"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": f"to {A}"}}
    sent = b"event: content_block_delta\ndata: " + orjson.dumps(delta) + b"\n\n"
    assert one.feed(sent, False, 7) == sent
    assert (one.held, one.said.characters, one.said.tokens, one.said.first_text_at) == (0, 3 + len(A), 3 + len(A), 7)


def named(type_: str, **members: Any) -> bytes:
    """An event of the two APIs that name theirs."""
    return b"event: %b\ndata: %b\n\n" % (type_.encode(), orjson.dumps({"type": type_, **members}))


def letter(text: str) -> bytes:
    """A delta of Messages."""
    return named("content_block_delta", index=0, delta={"type": "text_delta", "text": text})


def spoken(text: str) -> bytes:
    """A delta of Responses."""
    return named("response.output_text.delta", item_id="m", output_index=0, content_index=0, delta=text)


@pytest.mark.parametrize(
    ("dialect", "delta", "end"),
    [
        (MessagesDialect({}), letter, named("content_block_stop", index=0)),
        (MessagesDialect({}), letter, named("message_delta", delta={"stop_reason": "end_turn"})),
        (ResponsesDialect({}), spoken, named("response.output_item.done", output_index=0, item={"type": "message"})),
        (
            ResponsesDialect({}),
            spoken,
            named("response.output_text.done", output_index=0, content_index=0, text="a secre"),
        ),
        (ResponsesDialect({}), spoken, named("response.completed", response={"id": "r", "status": "completed"})),
    ],
)
def test_no_text_of_a_block_or_an_item_goes_on_behind_its_end(dialect: Any, delta: Any, end: bytes) -> None:
    """Without text they may end as often as they like; and no mould goes on."""
    one = Stream(dialect, [guard("log")], len)
    first = one.feed(delta("a secre") + end, False, 1)
    assert b"secre" in first
    assert one.feed(delta("") + end + delta(""), False, 2) != b""
    assert (one.stop, one.feed(delta("t7"), False, 3), one.stop) == (None, b"", Stop.UNREADABLE)


@pytest.mark.parametrize(
    ("dialect", "sent"),
    [
        (MessagesDialect({}), letter("x").replace(b"event: content_block_delta\n", b"")),
        (MessagesDialect({}), letter("x").replace(b"event: content_block_delta\n", b"event: ping\n")),
        (MessagesDialect({}), letter("x").replace(b'"type":"content_block_delta",', b"")),
        (MessagesDialect({}), letter("x").replace(b'"index":0', b'"index":0.0')),
        (MessagesDialect({}), letter("x").replace(b'"index":0', b'"index":-1')),
        (ResponsesDialect({}), spoken("x").replace(b'"type":"response.output_text.delta",', b"")),
        (ResponsesDialect({}), spoken("x").replace(b'"output_index":0', b'"output_index":0.0')),
        (ResponsesDialect({}), b"event: error\n" + spoken("x").partition(b"\n")[2]),
        (ResponsesDialect({}), b'event: error\ndata: {"delta":"x"}\n\n'),
    ],
)
def test_what_two_clients_could_take_for_two_texts_stops_the_stream(dialect: Any, sent: bytes) -> None:
    """Behind one that is beyond doubt."""
    one = Stream(dialect, [guard("log")], len)
    before = letter("a ") if isinstance(dialect, MessagesDialect) else spoken("a ")
    assert one.feed(before, False, 1) != b""
    assert (one.feed(sent, False, 2), one.stop) == (b"", Stop.UNREADABLE)


@pytest.mark.parametrize(
    "delta",
    [
        lambda text: {"delta": {"audio": {"transcript": text}}},
        lambda text: {"delta": {"reasoning_details": [{"type": "reasoning.text", "text": text, "index": 0}]}},
        lambda text: {"delta": {"reasoning_details": [{"type": "reasoning.summary", "summary": text}]}},
        lambda text: {"delta": {"content": [{"type": "text", "text": text}]}},
        lambda text: {"delta": {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": text}]}]}},
        lambda text: {"text": text},
    ],
)
def test_a_value_in_every_known_shape_of_text_is_found_however_it_is_cut(delta: Any) -> None:
    """Nothing of it comes out before."""
    one = Stream(ChatDialect(HEAD), [answer_guard(guards_of("redact"), NOTHING)], len)
    passed = b""
    for text in ("Card 4111 1111 1111 ", "1111 is it. "):
        passed += one.feed(b"data: " + orjson.dumps({"choices": [{"index": 0, **delta(text)}]}) + b"\n\n", False, 1)
    passed += one.feed(chunk("stop") + DONE, False, 2)
    assert b"4111" not in passed
    assert b"[CREDIT_CARD] is it" in passed
