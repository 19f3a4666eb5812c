"""A response as far as it has been sent."""

from typing import Any

from extproc.streams.dialect import Channel, Path
from extproc.streams.unfinished import Unfinished

ITEM: dict[str, Any] = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
PART = {"type": "output_text", "annotations": [], "text": "never kept"}


def channel(place: Path) -> Channel:
    """Told by its place alone."""
    return Channel(0, "/".join(map(str, place)))


def said(one: Channel) -> str:
    """What went out there."""
    return f"<{one.name}>"


def unfinished() -> Unfinished:
    """Nothing is sent."""
    return Unfinished({"id": "resp_ours"}, channel)


def test_of_texts_only_their_places_are_kept() -> None:
    """What went out of them is asked for when it is needed; names that the provider gives are no texts."""
    one = unfinished()
    one.item({**ITEM, "content": [PART], "phase": "never kept", "n": 1}, 3, True)
    one.note()
    kept = {name: getattr(one, name) for name in dir(one) if not name.startswith("__")}
    assert "output" in repr(kept)
    assert "never kept" not in repr(kept)
    part = {**PART, "text": "<output/3/content/0/text>"}
    assert one.output(said) == [{**ITEM, "content": [part], "phase": "<output/3/phase>", "n": 1}]


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
    assert one.output(said) == [{**ITEM, "status": "incomplete"}]
    assert [name for name, _ in one.closing(said)] == ["response.output_item.done"]


def test_parts_that_cannot_be_are_left_out() -> None:
    """Of items that have not begun, and behind a gap."""
    one = unfinished()
    for place in (("output", 5, "content", 0), ("output", 0, "content", 7)):
        one.item(ITEM, 0, False)
        one.note()
        one.part(PART, place, False)
        one.note()
    assert one.output(said) == [{**ITEM, "status": "incomplete"}]


def test_an_item_is_kept_up_to_a_bound() -> None:
    """A provider that says lists for ever costs no memory."""
    one = unfinished()
    one.item({**ITEM, "content": [[]] * 100_000}, 0, True)
    one.note()
    (kept,) = one.output(said)
    assert len(kept["content"]) < 2_000  # type: ignore[index]
