"""Strict JSON over bytes: values with the place each one stands at.

What was not parsed here is not forwarded, so this parser refuses whatever two parsers could read differently:
duplicate keys (compared after unescaping), lone surrogates, a BOM, bad UTF-8, NaN, numbers beyond a double, raw
control characters, bytes after the end. It is one loop without recursion; orjson decodes the strings.
"""

import math
import re
from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias, cast

import orjson

from extproc.messages.refusal import Refused
from forebay.outcomes import Reason

Value: TypeAlias = "str | int | float | bool | dict[str, Node] | list[Node] | None"

MAX_VALUES: Final = 100_000  # per body: 20 MiB of `0,0,0...` would otherwise cost seconds and gigabytes
MAX_DEPTH: Final = 200  # whatever the configured cap: readers of the tree may recurse
MAX_NUMBER: Final = 64  # characters of one number

_BOM: Final = b"\xef\xbb\xbf"
_skip = cast("Callable[[bytes, int], re.Match[bytes]]", re.compile(rb"[ \t\n\r]*+").match)  # matches everywhere
_SCALAR = re.compile(rb"(-?(?:0|[1-9][0-9]*+))((?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?)|true|false|null")
_SOUND = re.compile(rb'(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+')
_LONE = re.compile(rb"(?:[^\\]++|\\[^u]|\\u[dD][89abAB]..\\u[dD][c-fC-F]..|\\u(?![dD][89a-fA-F])....)*+", re.DOTALL)
_WORDS: Final[dict[bytes, bool | None]] = {b"true": True, b"false": False, b"null": None}


class Node(NamedTuple):
    """A value and its place: `body[start:end]` is its JSON text; `key_start` is where its key stands, else -1."""

    start: int
    end: int
    value: Value
    key_start: int


_Open: TypeAlias = "tuple[dict[str, Node] | list[Node] | None, str, int, int]"  # container, key, key_start, start


def parse(body: bytes, max_depth: int, max_values: int = MAX_VALUES) -> Node:
    """The value of `body`, which must be exactly one JSON text in UTF-8.

    Raises Refused with EMPTY_BODY, MALFORMED_JSON, DUPLICATE_KEY, INVALID_ENCODING, TOO_DEEP (over `max_depth` or
    MAX_DEPTH), INVALID_VALUE (a number no double holds) or CAP_EXCEEDED (more than `max_values` values).
    """
    return parse_counted(body, max_depth, max_values)[0]


def parse_counted(body: bytes, max_depth: int, max_values: int) -> tuple[Node, int]:  # noqa: C901 - one loop, for speed
    """As `parse`, with the number of values there are."""
    mask, skip, loads, new = _masked(body), _skip, orjson.loads, tuple.__new__
    find, max_depth, left = mask.find, min(max_depth, MAX_DEPTH), max_values
    stack: list[_Open] = []
    inside: dict[str, Node] | list[Node] | None = None
    value: Value
    key, key_start, pos = "", -1, skip(mask, 0).end()
    if pos == len(body):
        raise Refused(Reason.EMPTY_BODY)
    while True:
        left -= 1
        if left < 0:
            raise Refused(Reason.CAP_EXCEEDED, {"path": "body", "limit": max_values})
        if inside.__class__ is dict:
            key, key_start, pos = _key(body, mask, pos, inside)
        if mask[pos] <= 32:
            pos = skip(mask, pos).end()
        first, start = mask[pos], pos
        if first == 34:  # "
            pos = find(b'"', pos + 1) + 1
            if not pos:
                raise _bad_string(body, start, 0)
            try:
                value = loads(body[start:pos])
            except orjson.JSONDecodeError:
                raise _bad_string(body, start, pos) from None
        elif first == 123 or first == 91:  # { [
            if len(stack) >= max_depth:
                raise Refused(Reason.TOO_DEEP, {"limit": max_depth})
            opened: dict[str, Node] | list[Node] = {} if first == 123 else []
            pos = skip(mask, pos + 1).end()
            if mask[pos] != first + 2:
                stack.append((inside, key, key_start, start))
                inside = opened
                continue
            pos, value = pos + 1, opened
        else:
            value, pos = _scalar(body, mask, pos)
        while True:  # attach the value; then every container that ends here
            node = new(Node, (start, pos, value, key_start))
            if inside is None:
                return _last(body, mask, node), max_values - left
            if inside.__class__ is dict:
                inside[key] = node
            else:
                inside.append(node)  # type: ignore[union-attr]
            if mask[pos] <= 32:
                pos = skip(mask, pos).end()
            if mask[pos] == 44:  # ,
                pos += 1
                break
            if mask[pos] != (125 if inside.__class__ is dict else 93):  # } ]
                raise _malformed(body, pos)
            value, pos = inside, pos + 1
            inside, key, key_start, start = stack.pop()


def _last(body: bytes, mask: bytes, node: Node) -> Node:
    end = _skip(mask, node.end).end()
    if end != len(body):
        raise _malformed(body, end)
    return node


def _masked(body: bytes) -> bytes:
    """`body` with every escaped backslash and quote blanked, so that each quote left ends or begins a string.

    Replacing from the left is right because inside a string a run of backslashes always begins with an escape, and
    outside a string a blank is as illegal as a backslash. The NUL at the end saves a bounds check per byte.
    """
    if b"\\" not in body:
        return body + b"\0"
    return body.replace(b"\\\\", b"\x7f\x7f").replace(b'\\"', b"\x7f\x7f") + b"\0"


def _key(body: bytes, mask: bytes, pos: int, seen: dict[str, Node]) -> tuple[str, int, int]:
    """The key at `pos`, where it stands, and the place after its colon."""
    if mask[pos] <= 32:
        pos = _skip(mask, pos).end()
    if mask[pos] != 34:
        raise _malformed(body, pos)
    start = pos
    pos = mask.find(b'"', pos + 1) + 1
    if not pos:
        raise _bad_string(body, start, 0)
    try:
        key: str = orjson.loads(body[start:pos])
    except orjson.JSONDecodeError:
        raise _bad_string(body, start, pos) from None
    if key in seen:
        raise Refused(Reason.DUPLICATE_KEY, {"at": start})
    if mask[pos] <= 32:
        pos = _skip(mask, pos).end()
    if mask[pos] != 58:
        raise _malformed(body, pos)
    return key, start, pos + 1


def _scalar(body: bytes, mask: bytes, pos: int) -> tuple[int | float | bool | None, int]:
    match = _SCALAR.match(mask, pos)
    if match is None:
        raise _malformed(body, pos)
    integer, rest = match.groups()
    end = match.end()
    if integer is None:
        return _WORDS[match[0]], end
    if end - pos <= MAX_NUMBER:
        if not rest:
            return int(integer), end
        number = float(match[0])
        if math.isfinite(number):
            return number, end
    raise Refused(Reason.INVALID_VALUE, {"path": "body", "expected": f"numbers that a double holds (at byte {pos})"})


def _malformed(body: bytes, at: int) -> Refused:
    try:
        body[at : at + 4].decode()
    except UnicodeDecodeError as error:
        if error.start == 0:
            return Refused(Reason.INVALID_ENCODING, {"at": at})
    bom = body.startswith(_BOM, at)
    return Refused(Reason.INVALID_ENCODING if bom else Reason.MALFORMED_JSON, {"at": at})


def _bad_string(body: bytes, start: int, end: int) -> Refused:
    """Why the string at `start` was not readable; `end` 0 = it does not end."""
    text = body[start + 1 : end - 1] if end else body[start + 1 :]
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return Refused(Reason.INVALID_ENCODING, {"at": start + 1 + error.start})
    sound = _SOUND.match(text).end()  # type: ignore[union-attr]
    if sound < len(text) or not end:
        return Refused(Reason.MALFORMED_JSON, {"at": start + 1 + sound})
    return Refused(Reason.INVALID_ENCODING, {"at": start + 1 + _LONE.match(text).end()})  # type: ignore[union-attr]
