"""Texts that are said again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.streams.dialect import Channel, Piece
from extproc.streams.memory import ENTRY, Memory
from extproc.streams.repeats import Repeats
from extproc.streams.rewriting import Rewriter
from extproc.streams.sse import EventTooLargeError

ONE, OTHER = Channel(0, "one"), Channel(1, "other")


class Louder:
    """Says everything in capitals, one character late."""

    def __init__(self) -> None:
        self._kept = ""

    @property
    def held(self) -> int:
        return len(self._kept)

    def feed(self, text: str, end: bool = False) -> str:
        text = self._kept + text.upper()
        out, self._kept = (text, "") if end else (text[:-1], text[-1:])
        return out


def say(rewriters: list[Rewriter], text: str, end: bool = False) -> str:
    """One piece through all of them."""
    for rewriter in rewriters:
        text = rewriter.feed(text, end)
    return text


def piece(text: str, channel: Channel = ONE) -> Piece:
    """A text that is said as a whole."""
    return Piece(channel, ("text",), text)


@given(st.lists(st.text(max_size=5), max_size=80))
def test_what_came_in_pieces_is_said_again_as_it_went(pieces: list[str]) -> None:
    """However many there were."""
    repeats = Repeats(10_000, Memory())
    rewriters = repeats.around(ONE, [Louder()])
    went = "".join([say(rewriters, each) for each in pieces]) + say(rewriters, "", True)
    assert repeats.again(piece("".join(pieces))) == went == repeats.said(ONE)
    assert repeats.again(piece("".join(pieces) + "x")) is None
    assert repeats.again(piece("".join(pieces), OTHER)) is None


def test_a_text_said_whole_is_known_as_long_as_it_is_the_same() -> None:
    """At its place; one that has changed is another text."""
    repeats = Repeats(100, Memory())
    assert repeats.again(piece("a")) is None
    repeats.note(piece("a"), "A")
    assert (repeats.again(piece("a")), repeats.again(piece("b")), repeats.said(ONE)) == ("A", None, "A")
    repeats.note(piece("b"), "B")
    assert (repeats.again(piece("a")), repeats.again(piece("b"))) == (None, "B")
    assert repeats.said(OTHER) == ""


def test_no_more_is_kept_than_an_event_can_say() -> None:
    """What is said whole is then read again; what comes in pieces ends the stream."""
    repeats = Repeats(10, Memory())
    repeats.note(piece("x" * 11), "y")
    repeats.note(piece("x"), "y" * 11)
    assert repeats.again(piece("x")) is None
    rewriters = repeats.around(OTHER, [])
    say(rewriters, "x" * 9)
    with pytest.raises(EventTooLargeError):
        say(rewriters, "xx")


def test_no_more_is_kept_than_there_is_room_for() -> None:
    """Many short texts are much to remember; what replaces another takes its room."""
    repeats = Repeats(10_000, Memory(3 * (ENTRY + 8)))
    for index in range(9):
        repeats.note(piece("a", Channel(0, f"{index}")), "b")
    assert [repeats.said(Channel(0, f"{index}")) for index in range(9)] == ["b"] * 3 + [""] * 6
    for text in "xyz":
        repeats.note(piece(text, Channel(0, "0")), text)
    assert repeats.said(Channel(0, "0")) == "z"
    with pytest.raises(EventTooLargeError):
        say(repeats.around(OTHER, []), "x" * ENTRY)
