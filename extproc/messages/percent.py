"""What a URL says once its percent signs are decoded, with the way back."""

import re
from collections.abc import Sequence
from typing import Final

_CODED: Final = re.compile(r"(?:%[0-9A-Fa-f]{2})+|\+")
_LINK: Final = re.compile(r"\s*[a-z][a-z0-9+.-]{0,30}:", re.ASCII | re.IGNORECASE)


def is_coded(text: str) -> bool:
    """Whether `text` is a URL that says something else once it is decoded."""
    return ("%" in text or "+" in text) and _LINK.match(text) is not None


def decoded(url: str) -> str:
    """`url` with its percent signs decoded and each plus sign a blank, as a query is read."""
    return _CODED.sub(lambda match: _characters(match[0]), url)


def coded_places(url: str, wanted: Sequence[int]) -> list[int]:
    """Where in `url` each character of `decoded(url)` begins.

    `wanted` ascends and may end with the decoded length, which gives `len(url)`. Raises ValueError beyond it.
    """
    places: list[int] = []
    index = at = passed = 0  # into `wanted`, `url` and the decoded text
    for match in _CODED.finditer(url):
        plain = match.start() - at
        while index < len(wanted) and wanted[index] < passed + plain:
            places.append(at + wanted[index] - passed)
            index += 1
        if index == len(wanted):
            return places
        at, passed = match.start(), passed + plain
        characters = _characters(match[0])
        if wanted[index] >= passed + len(characters):
            at, passed = match.end(), passed + len(characters)
            continue
        one_byte = len(characters) * 3 == len(match[0])
        for character in characters:
            while index < len(wanted) and wanted[index] == passed:
                places.append(at)
                index += 1
            at += 1 if match[0] == "+" else 3 if one_byte else 3 * len(character.encode())
            passed += 1
    rest = [at + place - passed for place in wanted[index:]]
    if rest and rest[-1] > len(url):
        raise ValueError("a character beyond the end of the URL")
    return places + rest


def _characters(run: str) -> str:
    """The characters of one run of escapes: UTF-8, or one per byte where it is none."""
    if run == "+":
        return " "
    data = bytes.fromhex(run.replace("%", ""))
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
