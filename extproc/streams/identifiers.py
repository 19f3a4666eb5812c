"""Strings of an answer that are names given by the provider's software: no model writes them, and no guard reads them.

A guard would take some of them for what they look like: an id of sixteen digits is a card in one of ten.
"""

import re
from typing import Final

from extproc.streams.dialect import Path

_FIELDS: Final = frozenset({"id", "object", "model", "role", "type", "finish_reason", "tool_call_id"}) | {
    "tool_use_id",
    "call_id",
    "item_id",
    "status",
    "service_tier",
    "system_fingerprint",
    "obfuscation",  # padding of random letters
}
_ENCRYPTED: Final = frozenset({"encrypted_content", "encrypted_index", "encrypted_stdout"})
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}")
_IDENTIFIER = re.compile(r"[A-Za-z0-9_.:/-]{1,128}")


def is_identifier(path: Path, text: str) -> bool:
    """Whether the string at `path` is one, or what a provider has encrypted; a tool's input holds none."""
    if "input" in path or "arguments" in path:
        return False
    if path[-1] in _ENCRYPTED:
        return _BASE64.fullmatch(text) is not None
    return path[-1] in _FIELDS and _IDENTIFIER.fullmatch(text) is not None
