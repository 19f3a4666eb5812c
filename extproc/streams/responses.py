"""The events of /v1/responses (https://platform.openai.com/docs/api-reference/responses-streaming).

Every string has a place in the finished response: `("output", 2, "content", 0, "text")`. Deltas bring a text there
piece by piece; the events after them say it again, alone, in its part, in its item and in the response. A group is a
place that deltas bring text to.

Events are numbered. Behind one of ours the provider's have other numbers than they came with.
"""

import re
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

import orjson

from extproc.messages.answer import Usage
from extproc.messages.responses_answer import ECHOED, filtered, finishes, is_opaque, must_stay, read_usage, stated
from extproc.streams.changes import strings
from extproc.streams.dialect import Channel, Path, Piece, Reading
from extproc.streams.identifiers import is_identifier
from extproc.streams.memory import MOST_GROUPS, CrowdedError, Memory, shortened
from extproc.streams.names import AmbiguousError, index
from extproc.streams.numbers import renumbered
from extproc.streams.unfinished import TooLongError, Unfinished

_DONE: Final = b"[DONE]"  # no event of this API, but some servers close their streams with it

# What an event is about -> the member that says all of it, and where it stands in its item. A name that ends in
# `_index` stands for the number that the event has under it.
_TEXTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "response.output_text": ("text", ("content", "content_index", "text")),
    "response.refusal": ("refusal", ("content", "content_index", "refusal")),
    "response.reasoning_text": ("text", ("content", "content_index", "text")),
    "response.reasoning_summary_text": ("text", ("summary", "summary_index", "text")),
    "response.function_call_arguments": ("arguments", ("arguments",)),
    "response.mcp_call_arguments": ("arguments", ("arguments",)),
    "response.custom_tool_call_input": ("input", ("input",)),
    "response.code_interpreter_call_code": ("code", ("code",)),
    "response.shell_call_command": ("command", ("action", "commands", "command_index")),
}
_INDEXES: Final = ("output_index", "content_index", "summary_index", "command_index")
_SHAPES: Final = frozenset(
    tuple(0 if name in _INDEXES else name for name in place) for _, place in _TEXTS.values()
)  # of a place in an item
_LONGEST_PLACE: Final = 2 + max(map(len, _SHAPES))
_SOUND: Final = "response.audio.delta"
_BASE64: Final = re.compile(r"[A-Za-z0-9+/]*={0,2}")
_FINAL: Final = frozenset({"completed", "incomplete", "failed"})
_LARGEST_NUMBER: Final = 10**15  # of an event
_SLICE: Final = 256  # strings that are told apart at a time
_LONGEST_ENDING: Final = 1 << 20  # characters of text that the events of an ending say in all
_NO_GROUP: Final = -1


class ResponsesDialect:
    """One answer's events."""

    __slots__ = (
        "_announced", "_begun", "_carriers", "_groups", "_inserted", "_items", "_next", "_numbered", "_response",
        "_unannounced", "memory",
    )  # fmt: skip

    says_again: Final = True
    typed: Final = True

    def __init__(self, head: Mapping[str, object]) -> None:
        """`head`: id, created_at and model of the response until the provider has told them, as JSON has them."""
        self.memory = Memory()
        self._groups: dict[Path, int] = {}
        self._begun: set[Channel] = set()  # those that text has come to
        self._carriers: dict[Channel, tuple[str, dict[str, object]]] = {}
        self._items: dict[str, Path] = {}  # by their ids, where they stand
        self._announced: set[Path] = set()  # parts
        self._unannounced: dict[Path, int] = {}  # by what it is about and its item, the one part that was not
        self._response = Unfinished(head, self._channel, self.memory)
        self._numbered = True
        self._next = 0  # number of the next event that goes out
        self._inserted = 0  # events of ours among them

    def closes(self, data: bytes) -> bool:
        """`[DONE]`; the API itself just ends."""
        return data.strip() == _DONE

    def read(self, answer: Mapping[str, object]) -> Reading:
        """An event; of one that is not known, no text is."""
        steps = self.reading(answer)
        while True:
            try:
                next(steps)
            except StopIteration as read:
                reading: Reading = read.value
                return reading

    def reading(self, answer: Mapping[str, object]) -> Generator[None, None, Reading]:
        """As `read`: some say a whole response."""
        self._response.forget()
        number = answer.get("sequence_number")
        self._numbered = number.__class__ is int and 0 <= number <= _LARGEST_NUMBER
        if self._numbered and isinstance(number, int):
            self._next = number + self._inserted
        type_ = _string(answer.get("type"))
        about, _, what = type_.rpartition(".")
        if isinstance(answer.get("delta"), str) and not (what == "delta" and about in _TEXTS):
            return self._go_on_unknown(type_, answer)
        if about in _TEXTS:
            if what == "delta":
                return self._go_on(about, answer)
            return (yield from self._say(about, answer))
        read = _READERS.get(about)
        if read is not None:
            return (yield from read(self, answer, what))
        if what == "delta":
            return Reading(running=[((), self._group(_unknown_place(about, answer)))])
        group = self._groups.get(_unknown_place(about, answer)) if what == "done" else None
        return Reading() if group is None else Reading(ended=frozenset({group}))

    def carry(self, channel: Channel, text: str) -> bytes:
        """A delta with this text alone."""
        type_, where = self._carriers[channel]
        return self._event(type_, {**where, "delta": text})

    def sent(self, data: bytes) -> bytes:
        """With its number behind events of ours."""
        self._response.note()
        if self._numbered:
            data = renumbered(data, self._next) if self._inserted else data
            self._next += 1
        return data

    def alike(self, number: int) -> int:
        """Counted on, behind events of ours."""
        self._next = number + self._inserted
        return self._next

    def passed(self) -> None:
        """The next one has the next number."""
        self._next += 1

    def blocked(self, unsent: frozenset[int], said: Callable[[Channel], str], used: Usage) -> bytes:
        """Messages and reasoning that are open are closed with what went out; then the response is incomplete.

        A call whose arguments are not whole stays open: somebody might make it. Where that is to say too much, all is
        left open, and the output is empty as that of a whole answer.
        """
        response = self._response
        parts = [] if response.started else [self._event("response.created", {"response": response.head})]
        try:
            closing, output = response.ending(said, _LONGEST_ENDING)
        except TooLongError:
            closing, output = [], []
        parts += [self._event(name, members) for name, members in closing]
        ended = {**filtered(response.head), "output": output, "usage": stated(used)}
        return b"".join([*parts, self._event("response.incomplete", {"response": ended})])

    def failed(self, error: bytes) -> bytes:
        """The error as the API documents it, and within it as its servers send it: client libraries raise that."""
        given = orjson.loads(error).get("error") or {}
        told = {name: given.get(name) for name in ("code", "message", "param")}
        return self._event("error", {**told, "error": given})

    def _event(self, name: str, members: Mapping[str, object]) -> bytes:
        numbered = {"sequence_number": self._next} if self._numbered else {}
        self._next += 1
        self._inserted += 1
        return b"event: %s\ndata: %s\n\n" % (name.encode(), orjson.dumps({"type": name, **members, **numbered}))

    def _group(self, place: Path) -> int:
        group = self._groups.setdefault(place, len(self._groups))
        if group >= MOST_GROUPS:
            raise CrowdedError
        return group

    def _channel(self, place: Path) -> Channel:
        group = self._group(place) if _is_text(place) else _NO_GROUP
        return Channel(group, shortened("/".join(map(str, place))))

    def _go_on(self, about: str, answer: Mapping[str, object]) -> Reading:
        channel, text = self._channel(_place(about, answer)), answer.get("delta")
        if not isinstance(text, str):
            return Reading()
        if channel not in self._carriers:
            self._starts(channel, about, answer)
        self._begun.add(channel)
        self._carry_by(channel, answer, {"logprobs": []} if about == "response.output_text" else {})
        return Reading([Piece(channel, ("delta",), text)], repeats=bool(answer.get("logprobs")))

    def _carry_by(self, channel: Channel, answer: Mapping[str, object], more: Mapping[str, object]) -> None:
        """Events of ours that bring it text are such as this one."""
        if channel not in self._carriers:
            type_, item = _string(answer.get("type")), answer.get("item_id")
            if not is_identifier(("type",), type_):
                raise AmbiguousError("a text of no plain type")
            named = {"item_id": item} if isinstance(item, str) and is_identifier(("item_id",), item) else {}
            places = {name: _index(answer, name) for name in _INDEXES if answer.get(name) is not None}
            self._carriers[channel] = type_, {**named, **places, **more}

    def _starts(self, channel: Channel, about: str, answer: Mapping[str, object]) -> None:
        """A text of an item starts with a delta.

        Some clients tell texts apart by the item's id alone, or by nothing: an item stands at one place, and its
        content is said part after part, unless parts are announced. (Some versions of vLLM count up with every token.)
        """
        place, item = _place(about, answer), shortened(_string(answer.get("item_id")))
        if item and self._items.setdefault(item, place[:2]) != place[:2]:
            raise AmbiguousError("an item that stands at two places")
        if place[2] == "content" and place[:4] not in self._announced:
            other = self._unannounced.setdefault((about, *place[:2]), channel.group)
            if other != channel.group:
                raise AmbiguousError("a part of an item that nobody announced")

    def _go_on_unknown(self, type_: str, answer: Mapping[str, object]) -> Reading:
        """An event of a type that is not known: what it calls a delta is a text, by its type and all that numbers it.

        Sound is none: its pieces are decoded one by one, and would not bear to be cut otherwise.
        """
        group, text = self._group(_unknown_place(type_.removesuffix(".delta"), answer)), _string(answer.get("delta"))
        running: list[tuple[Path, int]] = [((), group)]
        if type_ == _SOUND and _BASE64.fullmatch(text):
            return Reading(running=running)
        channel = Channel(group, "delta")
        self._carry_by(channel, answer, {})
        return Reading([Piece(channel, ("delta",), text)], running=running)

    def _say(self, about: str, answer: Mapping[str, object]) -> Generator[None, None, Reading]:
        """All of a text: behind its deltas, or without any."""
        place, member = _place(about, answer), _TEXTS[about][0]
        text = answer.get(member)
        reading = yield from self._told([((member,), place, text)] if isinstance(text, str) else [], place)
        return replace(reading, repeats=bool(answer.get("logprobs")))

    def _item(self, answer: Mapping[str, object], what: str) -> Generator[None, None, Reading]:
        item, index = answer.get("item"), _index(answer, "output_index")
        place: Path = ("output", index)
        reading = yield from self._told(_strings(item, ("item",), place), place if what == "done" else None)
        self._response.item(item, index, what == "done")
        return reading

    def _part(self, answer: Mapping[str, object], what: str) -> Generator[None, None, Reading]:
        return self._part_at(("content", _index(answer, "content_index")), answer, what)

    def _summary(self, answer: Mapping[str, object], what: str) -> Generator[None, None, Reading]:
        return self._part_at(("summary", _index(answer, "summary_index")), answer, what)

    def _part_at(self, within: Path, answer: Mapping[str, object], what: str) -> Generator[None, None, Reading]:
        part, place = answer.get("part"), ("output", _index(answer, "output_index"), *within)
        self._announced.add(place)
        if len(self._announced) > MOST_GROUPS:
            raise CrowdedError
        reading = yield from self._told(_strings(part, ("part",), place), place if what == "done" else None)
        self._response.part(part, place, what == "done")
        return reading

    def _annotation(self, answer: Mapping[str, object], what: str) -> Generator[None, None, Reading]:
        part: Path = ("output", _index(answer, "output_index"), "content", _index(answer, "content_index"))
        place = (*part, "annotations", _index(answer, "annotation_index"))
        return self._told(_strings(answer.get("annotation"), ("annotation",), place), None)

    def _state(self, answer: Mapping[str, object], what: str) -> Generator[None, None, Reading]:
        response = answer.get("response")
        if not isinstance(response, dict):
            return Reading()
        self._response.state(response)
        reading = yield from self._told(_strings(response, ("response",), ()), () if what in _FINAL else None)
        quoted: list[Path] = [("response", name) for name in ECHOED]
        usage = read_usage(response.get("usage"))
        return replace(reading, finish_reasons=finishes(response), usage=usage, quoted=quoted)

    def _image(self, answer: Mapping[str, object], what: str) -> Generator[None, None, Reading]:
        yield from ()
        picture = is_opaque("result", _string(answer.get("partial_image_b64")))
        return Reading(opaque=[("partial_image_b64",)] if picture else ())

    def _told(self, found: Iterable[tuple[Path, Path, str]], done: Path | None) -> Generator[None, None, Reading]:
        """Texts that are said as a whole, by where they stand in the event and in the response.

        `done`: the place of what ends here. A text that is new here ends, too: nothing of it is held.
        """
        pieces: list[Piece] = []
        again: list[Piece] = []
        echoed: list[Piece] = []
        opaque: list[Path] = []
        fixed: list[Path] = []
        repeats = False
        for number, (path, place, text) in enumerate(found, 1):
            if number % _SLICE == 0:
                yield
            if place[0] in ECHOED and "[" not in text and "\\" not in text:
                opaque.append(path)  # nothing to restore, and tools can be many
                continue
            if is_identifier(place, text):
                continue
            repeats |= "logprobs" in place[4:5]
            piece = Piece(self._channel(place), path, text)
            if place[0] in ECHOED:
                echoed.append(piece)
            elif len(place) == 3 and must_stay(str(place[2]), text):
                (opaque if is_opaque(str(place[2]), text) else fixed).append(path)
            elif _is_text(place) and piece.channel not in self._begun:
                self._begun.add(piece.channel)
                pieces.append(piece)
            else:
                again.append(piece)
        ended = {piece.channel.group for piece in pieces}
        if done is not None:
            ended |= {group for place, group in self._groups.items() if place[: len(done)] == done}
            self._unannounced = {key: group for key, group in self._unannounced.items() if group not in ended}
        told = Reading(pieces, frozenset(ended), opaque=opaque, fixed=fixed, again=again, echoed=echoed)
        return replace(told, repeats=repeats) if repeats else told


_Reader = Callable[[ResponsesDialect, Mapping[str, object], str], Generator[None, None, Reading]]
_READERS: Final[Mapping[str, _Reader]] = {
    "response": ResponsesDialect._state,
    "response.output_item": ResponsesDialect._item,
    "response.content_part": ResponsesDialect._part,
    "response.reasoning_summary_part": ResponsesDialect._summary,
    "response.output_text.annotation": ResponsesDialect._annotation,
    "response.image_generation_call": ResponsesDialect._image,
}


def _strings(value: object, path: Path, place: Path) -> Iterator[tuple[Path, Path, str]]:
    for rest, text in strings(value if isinstance(value, dict | list) else {}):
        yield (*path, *rest), (*place, *rest), text


def _place(about: str, answer: Mapping[str, object]) -> Path:
    """Where a text stands in the response."""
    within = [_index(answer, name) if name in _INDEXES else name for name in _TEXTS[about][1]]
    return ("output", _index(answer, "output_index"), *within)


def _unknown_place(about: str, answer: Mapping[str, object]) -> Path:
    """Where a text of a type that is not known stands: by all that its events may say of it."""
    item, numbers = shortened(_string(answer.get("item_id"))), [_index(answer, name) for name in _INDEXES]
    within: Path = ("output", numbers[0]) if answer.get("output_index") is not None else ()
    return (*within, shortened(about), item, *numbers[1:])


def _is_text(place: Path) -> bool:
    """Whether deltas may bring text there."""
    if not 2 < len(place) <= _LONGEST_PLACE or place[0] != "output" or not isinstance(place[1], int):
        return False
    return tuple([0 if isinstance(step, int) else step for step in place[2:]]) in _SHAPES


def _string(value: object) -> str:
    return value if isinstance(value, str) else ""


def _index(answer: Mapping[str, object], name: str) -> int:
    return index(answer, name, 0)
