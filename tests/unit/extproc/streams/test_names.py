"""What events are called, and what counts as an index."""

from typing import Any

import pytest

from extproc.streams.names import LARGEST, AmbiguousError, Names, index

DELTA = {"type": "content_block_delta"}
NAME = b"content_block_delta"


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (b"ping", DELTA),
        (NAME, {"type": "ping"}),
        (NAME, {"type": "content_block_delta "}),
        (NAME, {}),
        (b"", {}),
        (b"", {"type": 7}),
        (b"error", DELTA),
        (NAME, {"type": "error"}),
        (NAME, {"error": {}}),
    ],
)
def test_a_name_and_a_type_that_contradict_each_other_are_refused(name: bytes, answer: dict[str, Any]) -> None:
    """And so is a type that is missing, whatever the name."""
    with pytest.raises(AmbiguousError):
        Names(typed=True).check(name, answer)


@pytest.mark.parametrize(
    ("name", "answer"),
    [
        (NAME, DELTA),
        (b"", DELTA),
        (b"message", DELTA),
        (b"error", {"type": "error"}),
        (b"error", {"error": {}}),
        (b"", {"error": {}}),
        (b"", {"type": "error"}),
        (b"ping", {}),
        (b"ping", {"type": "ping"}),
    ],
)
def test_what_providers_send_passes(name: bytes, answer: dict[str, Any]) -> None:
    """Named by type, without a name, and errors that lack one of the two."""
    Names(typed=True).check(name, answer)


@pytest.mark.parametrize(("first", "second"), [(b"", NAME), (NAME, b""), (b"message", b""), (NAME, b"message")])
def test_texts_are_named_in_one_manner(first: bytes, second: bytes) -> None:
    """A client that leaves out events without a name would read another text; pings and errors bring none."""
    names = Names(typed=True)
    names.check(first, DELTA)
    names.check(b"", {"type": "ping"})
    names.check(b"error", {"error": {}})
    names.check(first, DELTA)
    with pytest.raises(AmbiguousError):
        names.check(second, DELTA)


def test_chat_has_no_names_but_for_what_brings_no_text() -> None:
    """Whoever names all of its chunks alike may."""
    names = Names(typed=False)
    choices = {"choices": [{"delta": {}}]}
    for name, answer in (
        (b"", choices), (b"message", choices), (b"error", {"error": {}}), (b"ping", {"type": "ping"}),
        (b"hermes.tool.progress", {"tool": "x"}), (b"x", {"choices": []}),
    ):  # fmt: skip
        names.check(name, answer)
    for name in (b"error", b"thread.x", b"ping"):
        with pytest.raises(AmbiguousError):
            names.check(name, choices)
    other = Names(typed=False)
    other.check(b"completion", choices)
    other.check(b"completion", choices)
    with pytest.raises(AmbiguousError):
        other.check(b"", choices)


@pytest.mark.parametrize("number", [-1, 1.0, 0.5, "0", True, False, LARGEST + 1, [0], {}])
def test_an_index_is_a_plain_number(number: Any) -> None:
    """Of a list there could be."""
    with pytest.raises(AmbiguousError):
        index({"index": number}, "index", 0)


def test_an_index_may_be_missing() -> None:
    """Null is missing, too."""
    assert [index(holder, "index", 5) for holder in ({}, {"index": None}, {"index": 0}, {"index": LARGEST})] == [
        5,
        5,
        0,
        LARGEST,
    ]
