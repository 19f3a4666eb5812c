"""One JSON value of an untrusted line -> a safe scalar, or null. Total: nothing here raises.

Envoy prints absent values as null or "-", and numbers as numbers or as text.
"""

import math
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import islice
from typing import Final

from forebay.record.model import LARGEST, MOST_ITEMS, NAME_PATTERN, UNSAFE

_NAME: Final = re.compile(NAME_PATTERN[1:-1], re.ASCII)
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z", re.ASCII)
_DIGITS: Final = re.compile(r"\d{1,16}", re.ASCII)
_DECIMAL: Final = re.compile(r"\d{1,16}(\.\d{1,16})?", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z0-9_.:-]{1,128}", re.ASCII)
_ADDRESS: Final = re.compile(r"[0-9a-fA-F.:]{2,45}(/\d{1,3})?", re.ASCII)
_SPLIT_FLAGS: Final = re.compile(r"[,\s]+")
_FLAG: Final = re.compile(r"[A-Z0-9]{1,8}", re.ASCII)
_QUOTED: Final = re.compile(r"[{\[(|]")

ABSENT: Final = ("", "-", None)
_LONGEST_NAME: Final = 128  # also of what is remembered: a text of the caller may be long


def name(value: object) -> str | None:
    """A name as it is, UNSAFE for any other text, null for what is absent or no text."""
    if value.__class__ is not str or value in ABSENT:
        return None
    return _name(value) if len(value) <= _LONGEST_NAME else UNSAFE


@lru_cache(4096)  # the names of a config come again with every call
def _name(value: str) -> str:
    return value if _NAME.fullmatch(value) else UNSAFE


def identifier(value: object) -> str | None:
    """The same for what hardly comes twice."""
    if not isinstance(value, str) or value in ABSENT:
        return None
    return value if _NAME.fullmatch(value) else UNSAFE


def time(value: object) -> str | None:
    """An RFC 3339 time in UTC, else null."""
    return value if isinstance(value, str) and _TIME.fullmatch(value) else None


def address(value: object) -> str | None:
    """An IP address or prefix as Envoy masks it, else null."""
    return value if isinstance(value, str) and _ADDRESS.fullmatch(value) else None


def count(value: object) -> int | None:
    """A whole number from 0 to 2**53, given as number or as text; anything else is null."""
    if value.__class__ is int:
        return value if 0 <= value <= LARGEST else None
    if value is None:
        return None
    if isinstance(value, str):
        return int(value) if _DIGITS.fullmatch(value) and int(value) <= LARGEST else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and (not math.isfinite(value) or value != int(value)):
        return None
    return int(value) if 0 <= value <= LARGEST else None


def score(value: object) -> int | None:
    """A whole number from 0 to 100; more is 100."""
    number = count(value)
    return None if number is None else min(number, 100)


def amount(value: object) -> float | None:
    """A finite number that is not negative, given as number or as text; anything else is null."""
    if isinstance(value, str):
        return float(value) if _DECIMAL.fullmatch(value) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= LARGEST else None


def flag(value: object) -> bool | None:
    """A JSON boolean, also as text; anything else is null."""
    if isinstance(value, bool):
        return value
    return {"true": True, "false": False}.get(value) if isinstance(value, str) else None


def one_of(value: object, choices: tuple[str, ...]) -> str | None:
    """`value` if it is one of `choices`, "other" for any other text, else null."""
    if value in ABSENT or not isinstance(value, str):
        return None
    return value if value in choices else "other"


def word(value: object) -> str | None:
    """Envoy's code details without what it quotes: everything from the first brace, bracket or bar on is cut off."""
    if not isinstance(value, str) or value in ABSENT:
        return None
    return _word(value) if len(value) <= _LONGEST_NAME else _word.__wrapped__(value)


@lru_cache(256)  # most calls end alike
def _word(value: str) -> str:
    head = _QUOTED.split(value, maxsplit=1)[0].rstrip("_ ")
    return head if _WORD.fullmatch(head) and _NAME.fullmatch(head) else UNSAFE


def flags(value: object) -> tuple[str, ...]:
    """Envoy's response flags, "UF,URX" or "-"."""
    if value in ABSENT or not isinstance(value, str):
        return ()
    parts = [part for part in _SPLIT_FLAGS.split(value[:256]) if _FLAG.fullmatch(part)]
    return tuple(parts[:MOST_ITEMS])


def names(value: object) -> tuple[str, ...]:
    """The texts of a list, as names."""
    if not isinstance(value, list):
        return ()
    return tuple(found for item in value[:MOST_ITEMS] if (found := name(item)) is not None)


def counts(value: object) -> dict[str, int]:
    """A map of names to whole numbers; entries that are no such thing are left out."""
    found: dict[str, int] = {}
    for key, item in _entries(value):
        number = count(item)
        if number is not None and name(key) == key:
            found[key] = number
    return found


def labels(value: object) -> dict[str, str]:
    """A map of names to names; entries that are no such thing are left out."""
    found: dict[str, str] = {}
    for key, item in _entries(value):
        text = name(item)
        if text is not None and name(key) == key:
            found[key] = text
    return found


def mapping(value: object) -> Mapping[str, object]:
    """A JSON object as it is, anything else as an empty one."""
    return value if isinstance(value, dict) else {}


def _entries(value: object) -> Iterable[tuple[str, object]]:
    return islice(value.items(), MOST_ITEMS) if isinstance(value, dict) else ()
