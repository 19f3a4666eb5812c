"""A response as far as it has been sent."""

from typing import Any

import pytest

from extproc.streams.dialect import Channel, Path
from extproc.streams.memory import ENTRY, Memory
from extproc.streams.unfinished import Event, TooLongError, Unfinished

ITEM: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
PART = {"type": "output_text", "annotations": [], "text": "never kept"}


def channel(place: Path) -> Channel:
    """Told by its place alone."""
    return Channel(0, "/".join(map(str, place)))


def said(one: Channel) -> str:
    """What went out there."""
    return f"<{one.name}>"


def unfinished(memory: Memory | None = None) -> Unfinished:
    """Nothing is sent."""
    return Unfinished({"id": "resp_ours"}, channel, memory or Memory())


def closing(one: Unfinished) -> list[Event]:
    """The events that close what is open."""
    return one.ending(said, 1 << 20)[0]


def output(one: Unfinished) -> list[Any]:
    """The items in the response that ends."""
    return one.ending(said, 1 << 20)[1]


def test_of_texts_only_their_places_are_kept() -> None:
    """What went out of them is asked for when it is needed; names that the provider gives are no texts."""
    one = unfinished()
    one.item({**ITEM, "content": [PART], "phase": "never kept", "n": 1}, 3, True)
    one.note()
    kept = {name: getattr(one, name) for name in dir(one) if not name.startswith("__")}
    assert "output" in repr(kept)
    assert "never kept" not in repr(kept)
    part = {**PART, "text": "<output/3/content/0/text>"}
    assert output(one) == [{**ITEM, "content": [part], "phase": "<output/3/phase>", "n": 1}]


def test_what_was_not_sent_does_not_count() -> None:
    """Neither items, nor parts, nor that it has begun."""
    one = unfinished()
    one.state({"id": "resp_1", "model": "m"})
    one.forget()
    one.note()
    assert (one.started, one.head["id"]) == (False, "resp_ours")
    one.item(ITEM, 0, False)
    one.note()
    one.part(PART, ("output", 0, "content", 0), False)
    one.forget()
    assert output(one) == [{**ITEM, "status": "incomplete"}]
    assert [name for name, _ in closing(one)] == ["response.output_item.done"]


def test_parts_that_cannot_be_are_left_out() -> None:
    """Of items that have not begun, and behind a gap."""
    one = unfinished()
    for place in (("output", 5, "content", 0), ("output", 0, "content", 7)):
        one.item(ITEM, 0, False)
        one.note()
        one.part(PART, place, False)
        one.note()
    assert output(one) == [{**ITEM, "status": "incomplete"}]


def test_an_item_is_kept_up_to_a_bound() -> None:
    """A provider that says lists for ever costs no memory."""
    one = unfinished()
    one.item({**ITEM, "content": [[]] * 100_000}, 0, True)
    one.note()
    (kept,) = output(one)
    assert len(kept["content"]) < 2_000


def test_all_items_together_are_kept_up_to_a_bound() -> None:
    """Parts that are told by themselves count, too; an item that is told again takes the place of what it was."""
    one = unfinished()
    for index in range(20):
        one.item(ITEM, index, False)
        one.note()
        for number in range(20):
            one.part({**PART, "annotations": ["x"] * 500}, ("output", index, "content", number), True)
            one.note()
    assert sum(len(part["annotations"]) for item in output(one) for part in item["content"]) < 8_192
    for index in range(20):
        one.item({**ITEM, "content": [PART]}, index, True)
        one.note()
    assert [len(item["content"]) for item in output(one)] == [1] * 20


def test_what_there_is_no_room_for_is_left_out() -> None:
    """Others are kept; what is forgotten makes room."""
    one = unfinished(Memory(20 * ENTRY))
    one.item({**ITEM, "k" * 20 * ENTRY: 1}, 0, True)
    one.note()
    assert output(one) == []
    for _ in range(5):
        one.item({**ITEM, "content": [PART]}, 1, True)
        one.note()
    assert len(output(one)) == 1


def test_what_stands_very_deep_is_left_out() -> None:
    """No answer does; and the ending must be written."""
    deep: Any = "x"
    for _ in range(150):
        deep = [deep]
    one = unfinished()
    one.item({**ITEM, "deep": deep}, 0, True)
    one.note()
    (kept,) = output(one)
    for _ in range(37):
        kept = kept["deep"] if isinstance(kept, dict) else kept[0]
    assert kept == [None]


def test_an_ending_says_no_more_than_it_may() -> None:
    """Each event of it says a text again."""
    one = unfinished()
    one.item({**ITEM, "content": [PART]}, 0, True)
    one.note()
    assert one.ending(lambda _: "four", 4)[1] == [{**ITEM, "content": [{**PART, "text": "four"}]}]
    with pytest.raises(TooLongError):
        one.ending(lambda _: "four", 3)
