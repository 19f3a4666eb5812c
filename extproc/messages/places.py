"""From code points of a decoded text to bytes of the JSON string that holds it. Linear, whatever the escapes."""

import re
from collections.abc import Sequence

# What stands between the quotes: runs without escapes, surrogate pairs, and single escapes.
_UNIT = re.compile(
    rb"[^\\]++|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL
)


def byte_places(content: bytes, wanted: Sequence[int]) -> list[int]:
    """Where in `content` (a JSON string without its quotes) each code point of the decoded text begins.

    `wanted` ascends and may end with the text's length, which gives `len(content)`. Raises ValueError beyond it.
    """
    places: list[int] = []
    index, passed = 0, 0  # into `wanted`; code points before the unit
    for unit in _UNIT.finditer(content):
        if index == len(wanted):
            break
        raw = unit[0]
        plain = raw[0] != 92
        length = (len(raw) if raw.isascii() else len(raw.decode())) if plain else 1
        last = index
        while last < len(wanted) and wanted[last] < passed + length:
            last += 1
        inner = [place - passed for place in wanted[index:last]]
        places += [unit.start() + place for place in (utf8_places(raw, inner) if plain else inner)]
        index, passed = last, passed + length
    places += [len(content) for place in wanted[index:] if place == passed]
    if len(places) != len(wanted):
        raise ValueError("a code point beyond the end of the text")
    return places


def utf8_places(raw: bytes, wanted: Sequence[int]) -> list[int]:
    """Byte offset in UTF-8 `raw` of each ascending code point index."""
    if raw.isascii():
        return list(wanted)
    text, places, before, at = raw.decode(), [], 0, 0
    for place in wanted:
        at += len(text[before:place].encode())
        before = place
        places.append(at)
    return places


def codepoint_places(raw: bytes, wanted: Sequence[int]) -> list[int]:
    """Code point index in UTF-8 `raw` of each ascending byte offset (at a character's beginning)."""
    if raw.isascii():
        return list(wanted)
    places, before, at = [], 0, 0
    for place in wanted:
        at += len(raw[before:place].decode())
        before = place
        places.append(at)
    return places
