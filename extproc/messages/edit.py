"""Edits to a body that was parsed: only the bytes that must change do."""

from base64 import b64encode
from collections.abc import Collection, Iterable, Sequence
from dataclasses import field
from itertools import pairwise
from typing import Final
from urllib.parse import quote

import orjson

from extproc.findings import Text
from extproc.messages.call import Call, Member, Tool
from extproc.messages.hints import Document
from extproc.messages.places import byte_places, codepoint_places
from forebay.frozen import frozen

Replacement = tuple[int, int, str]  # first code point, the one after the last, what to put there

# What loses its meaning, or is refused by providers, once the last tool is gone.
_DEPENDENTS: Final = {"tools": ("tool_choice", "parallel_tool_calls"), "functions": ("function_call",)}
# Operations whose answer has a length to bound -> what states it, the usual one first.
_BOUNDS: Final[dict[str, tuple[str, ...]]] = {
    "chat": ("max_tokens", "max_completion_tokens"),
    "messages": ("max_tokens",),
    "responses": ("max_output_tokens",),
}


@frozen
class Edit:
    """`body[start:end]` becomes `replacement`. `start == end` inserts."""

    start: int
    end: int
    replacement: bytes = field(repr=False)


def apply(body: bytes, edits: Iterable[Edit]) -> bytes:
    """`body` with the edits made, given in any order. Raises ValueError when two of them overlap."""
    parts, at = [], 0
    for edit in sorted(edits, key=_place):
        if not at <= edit.start <= edit.end <= len(body):
            raise ValueError("edits overlap or leave the body")
        parts += [body[at : edit.start], edit.replacement]
        at = edit.end
    return b"".join([*parts, body[at:]])


def covers(outer: Edit, inner: Edit) -> bool:
    """Whether nothing is left to `inner` once `outer` is made."""
    return outer.start <= inner.start and inner.end <= outer.end


def shift(offset: int, edits: Iterable[Edit]) -> int:
    """Where the byte at `offset` stands after the edits. Raises ValueError when one of them takes it away."""
    moved = offset
    for edit in edits:
        if edit.start <= offset < edit.end:
            raise ValueError("the byte is edited away")
        if edit.end <= offset:
            moved += len(edit.replacement) - (edit.end - edit.start)
    return moved


def edits_for(text: Text, body: bytes, replacements: Sequence[Replacement]) -> list[Edit]:
    """One edit per replacement, in their order, which is that of the text; spans are code points of `text.value`.

    The replacement is escaped as deeply as the text is nested. In a number the edits together turn the whole of it
    into a string. Raises ValueError when replacements overlap, are out of order or leave the text.
    """
    bounds = [bound for start, end, _ in replacements for bound in (start, end)]
    if any(after < before for before, after in pairwise(bounds)):
        raise ValueError("replacements must ascend and not overlap")
    new = [replacement for _, _, replacement in replacements]
    if text.form == "number":
        bounds, new = _quoted(text, bounds, new)
    raw = body[text.start : text.end]
    if text.nested:
        inner: str = orjson.loads(b'"' + raw + b'"')
        inside = _places(inner.encode(), text.form, bounds)
        places = byte_places(raw, codepoint_places(inner.encode(), inside))
    else:
        places = _places(raw, text.form, bounds)
    depth = text.nested + (text.form != "number")
    return [
        Edit(text.start + start, text.start + end, escape(replacement, depth))
        for start, end, replacement in zip(places[::2], places[1::2], new, strict=True)
    ]


def edit_document(document: Document, replacements: Sequence[Replacement]) -> Edit:
    """The whole string of an encoded text, with these replacements in it; they ascend and do not overlap."""
    parts, at = [], 0
    for start, end, new in replacements:
        parts += [document.value[at:start], new]
        at = end
    data = "".join([*parts, document.value[at:]]).encode()
    payload = b64encode(data).decode() if document.base64 else quote(data)
    return Edit(document.start + 1, document.end - 1, escape(document.head + payload))


def escape(text: str, depth: int = 1) -> bytes:
    """`text` as it stands between the quotes of a JSON string, `depth` strings deep."""
    for _ in range(depth - 1):
        text = orjson.dumps(text)[1:-1].decode()
    return orjson.dumps(text)[1:-1] if depth else text.encode()


def drop_tools(call: Call, names: Collection[str]) -> list[Edit]:
    """Remove every declared tool of these names; names that are not declared have no effect.

    With the last tool goes the list itself and what depends on it, while a list within stays, empty; with the tool that
    `tool_choice` forces goes `tool_choice`, and the model chooses among the rest.
    """
    edits: list[Edit] = []
    leaving: set[str] = set()
    for listing in dict.fromkeys(tool.field for tool in call.tools):
        tools = [tool for tool in call.tools if tool.field == listing]
        doomed = [tool.name in names for tool in tools]
        if not all(doomed):
            edits += _without(tools, doomed)
        elif listing in _DEPENDENTS:
            leaving |= {listing, *_DEPENDENTS[listing]}
        else:
            edits.append(Edit(tools[0].start, tools[-1].end, b""))
    if call.params.forced_tool in names:
        leaving |= {"tool_choice", "function_call"}
    edits += _without(call.members, [member.name in leaving for member in call.members])
    return [edit for edit in edits if not any(covers(outer, edit) for outer in edits if outer is not edit)]


def cap_max_tokens(call: Call, limit: int, name: str | None = None) -> list[Edit]:
    """Bring every stated bound on the answer's length down to `limit`; state `name` when there is none.

    `name` None = as the API usually calls it. An embeddings call has no length to bound: no edits.
    """
    names = _BOUNDS.get(call.operation)
    if names is None:
        return []
    stated = [bound for bound in (call.params.max_tokens, call.params.max_completion_tokens) if bound is not None]
    if stated:
        return [Edit(bound.start, bound.end, b"%d" % limit) for bound in stated if bound.value > limit]
    nulls = [member.name in names for member in call.members]
    said = (name or names[0]).encode()
    return [Edit(call.open, call.open, b'"%s":%d,' % (said, limit)), *_without(call.members, nulls)]


def impose(call: Call) -> list[Edit]:
    """What the call must say on top, whatever was decided about it."""
    return [Edit(switch.start, switch.end, switch.text) for switch in call.imposed]


def ask_for_usage(call: Call) -> list[Edit]:
    """Have the stream state its usage; no edits where the caller has asked for that, or for no stream."""
    switch = call.usage_switch
    return [Edit(switch.start, switch.end, switch.text)] if call.stream and not call.include_usage else []


def _places(raw: bytes, form: str, bounds: Sequence[int]) -> list[int]:
    if form == "number":
        return list(bounds)
    return [place + 1 for place in byte_places(raw[1:-1], bounds)]


def _quoted(text: Text, bounds: list[int], new: list[str]) -> tuple[list[int], list[str]]:
    """Widen the first and the last replacement in a number to its ends, with the quotes of the string it becomes."""
    if not new:
        return bounds, new
    quote = orjson.dumps
    pieces = [quote(piece)[1:-1].decode() for piece in new]
    pieces[0] = '"' + text.value[: bounds[0]] + pieces[0]
    pieces[-1] += text.value[bounds[-1] :] + '"'
    return [0, *bounds[1:-1], len(text.value)], pieces


def _without(listed: Sequence[Member | Tool], doomed: Sequence[bool]) -> list[Edit]:
    """Edits that remove the doomed of some elements between commas; at least one must stay."""
    edits: list[Edit] = []
    kept_end: int | None = None  # of the last element that stays
    for index, item in enumerate(listed):
        if not doomed[index]:
            if kept_end is None and index:
                edits.append(Edit(listed[0].start, item.start, b""))
            kept_end = item.end
        elif kept_end is not None and (index + 1 == len(listed) or not doomed[index + 1]):
            edits.append(Edit(kept_end, item.end, b""))
    return edits


def _place(edit: Edit) -> tuple[int, int]:
    return edit.start, edit.end
