"""Strings of an answer that are names given by the provider's software: no model writes them, and no guard reads them.

A guard would take some of them for what they look like: an id of sixteen digits is a card in one of ten.
"""

import re
from typing import Final

from extproc.messages.documents import is_sealed
from extproc.streams.dialect import Path

_IDS: Final = frozenset(
    {"id", "model", "tool_call_id", "tool_use_id", "call_id", "item_id", "system_fingerprint"}
)  # fmt: skip
_WORDS: Final = frozenset({"finish_reason", "object", "role", "service_tier", "status", "truncation", "type"})
_PADDING: Final = "obfuscation"  # random letters, which hide how long a text is
_ENCRYPTED: Final = frozenset({"encrypted_content", "encrypted_index", "encrypted_stdout"})
_ID = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")
_WORD = re.compile(r"[A-Za-z][a-z_.-]{0,47}(?:_20[0-9]{6})?")  # and a date, as types of tools have it
_PAD = re.compile(r"[A-Za-z0-9_-]{1,32}")
_KEY = re.compile(r"[a-z_]{1,32}")
_SHAPES: Final = {**dict.fromkeys(_IDS, _ID), **dict.fromkeys(_WORDS, _WORD), _PADDING: _PAD}
_LARGE: Final = 1_000_000  # a number of seven digits: the shortest that a detector knows
_LARGEST: Final = 10**11  # times and counts are below


def is_identifier(path: Path, text: str) -> bool:
    """Whether the string at `path` is one, or what a provider has encrypted; a tool's input holds none."""
    if "input" in path or "arguments" in path:
        return False
    if path[-1] in _ENCRYPTED:
        return is_sealed(text)
    shape = _SHAPES.get(str(path[-1]))
    return shape is not None and shape.fullmatch(text) is not None


def is_name(key: str) -> bool:
    """Whether a key is nothing but the name of a member: no value fits into it."""
    return _KEY.fullmatch(key) is not None


def is_large(value: object) -> bool:
    """Whether it is a number that could be a value: of a card, of a telephone."""
    return isinstance(value, (int, float)) and not -_LARGE < value < _LARGE


def harmless(value: object, path: Path) -> object:
    """What is left of `value`, of an answer at `path`, without what a guard would have to read."""
    if isinstance(value, dict):
        return {key: harmless(each, (*path, key)) for key, each in value.items() if is_name(key)}
    if isinstance(value, list):
        return [harmless(each, (*path, place)) for place, each in enumerate(value)]
    if isinstance(value, str):
        return value if is_identifier(path, value) else ""
    return 0 if isinstance(value, int | float) and not -_LARGEST < value < _LARGEST else value
