"""Every recorded exchange, cut anywhere, gives what it gives uncut and what it would give without streaming."""

import itertools
import json
import random
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from exchanges import DIALECTS, FOLDER, NAMES, texts

from extproc.messages.answer import Usage
from extproc.messages.restore import restore
from extproc.streams.restoring import Restoring
from extproc.streams.sse import EventReader
from extproc.streams.stream import Stream

# Arguments that were cut off: without streaming they count as text today, and the value goes in unescaped.
BROKEN_JSON = {"cut_by_length", "messages_cut_by_length"}


@dataclass(frozen=True)
class Exchange:
    """What a provider sent, and what is to come of it."""

    name: str
    sent: bytes
    meta: dict[str, Any]

    @property
    def api(self) -> str:
        """Which dialect it is in."""
        return str(self.meta.get("api", "chat"))


@dataclass(frozen=True)
class Result:
    """All that is seen of a stream from outside."""

    passed: bytes
    usage: Usage | None
    finish_reasons: list[str]
    stop: str | None
    closed: bool
    held: int
    restored: int
    withheld: int


@pytest.fixture(params=NAMES)
def exchange(request: pytest.FixtureRequest) -> Exchange:
    """Each of the corpus."""
    name = request.param
    return Exchange(name, (FOLDER / f"{name}.sse").read_bytes(), json.loads((FOLDER / f"{name}.json").read_bytes()))


def run(exchange: Exchange, *cuts: int) -> Result:
    """Feed it in pieces, the end with the last."""
    restoring = Restoring(exchange.meta["values"])
    stream = Stream(DIALECTS[exchange.api](), [restoring], len, exchange.meta["hide_usage"])
    places = [0, *cuts, len(exchange.sent)]
    passed = b"".join(
        stream.feed(exchange.sent[start:stop], stop == len(exchange.sent) and step == len(places) - 2, 0)
        for step, (start, stop) in enumerate(itertools.pairwise(places))
    )
    said = stream.said
    return Result(
        passed, said.usage, said.finish_reasons, stream.stop, stream.closed, stream.held,
        restoring.restored, restoring.withheld,
    )  # fmt: skip


def test_each_exchange_gives_what_it_should(exchange: Exchange) -> None:
    """Texts, usage, finish reasons, and that nothing stays held."""
    result, expected = run(exchange), exchange.meta["expected"]
    assert texts(result.passed, exchange.api) == expected["channels"]
    assert result.usage == (Usage(*expected["usage"]) if expected["usage"] else None)
    assert result.finish_reasons == expected["finish_reasons"]
    assert (result.stop, result.closed) == (expected["stop"], expected["closed"])
    assert (result.withheld, result.held) == (expected["withheld"], 0)


def test_a_cut_at_any_byte_changes_nothing(exchange: Exchange) -> None:
    """Not one byte of what the caller gets, and nothing of what is recorded."""
    whole = run(exchange)
    for place in range(len(exchange.sent) + 1):
        assert run(exchange, place) == whole, place


def test_many_cuts_at_once_change_nothing(exchange: Exchange) -> None:
    """Byte by byte, and in forty random ways."""
    whole = run(exchange)
    assert run(exchange, *range(1, len(exchange.sent))) == whole
    dice = random.Random(exchange.name)
    for _ in range(40):
        cuts = sorted(dice.sample(range(len(exchange.sent)), dice.randint(2, 40)))
        assert run(exchange, *cuts) == whole, cuts


def test_the_text_is_that_of_an_unstreamed_answer(exchange: Exchange) -> None:
    """What the provider said, put together first and restored as a whole."""
    expected = exchange.meta["expected"]
    if expected["withheld"] or expected["stop"] or exchange.name in BROKEN_JSON:
        return  # told by the expectations of the exchange alone
    said = texts(exchange.sent, exchange.api)
    open_texts = {key: text for key, text in said.items() if not key.endswith(".thinking")}  # what is signed stays
    body, count = restore(orjson.dumps(open_texts), exchange.meta["values"])
    assert texts(run(exchange).passed, exchange.api) == said | orjson.loads(body)
    assert count <= run(exchange).restored  # strings besides the channels are restored too


def test_what_is_not_restored_passes_byte_for_byte(exchange: Exchange) -> None:
    """Without a placeholder of its own an exchange is left alone, but for comments and the like: see `sse`."""
    if exchange.meta["expected"]["stop"]:
        return
    other = Exchange(exchange.name, exchange.sent, {**exchange.meta, "values": {}, "hide_usage": False})
    plain = b"".join(event.raw for event in EventReader().feed(exchange.sent, end=True))
    assert run(other).passed == plain
    assert (plain == exchange.sent) == ("crlf_and_unknowns" not in exchange.name)


def test_the_corpus_has_a_pair_of_files_for_each() -> None:
    """A request and expectations beside each stream."""
    assert [path.stem for path in sorted(FOLDER.glob("*.json"))] == NAMES
    assert len(NAMES) >= 20
