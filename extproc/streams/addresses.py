"""Bare addresses in a text that grows: what linkers make clickable without any mark around it."""

import re
from typing import Final

BACK: Final = 80  # characters of the text before a piece that are looked at: a top-level domain of 63 with a port

_SCHEMES: Final = (
    "https", "http", "ftp", "wss", "ws", "data", "mailto", "xmpp", "magnet", "javascript", "vbscript",
)  # fmt: skip
_SIGNS: Final = ("colon", "sol", "bsol", "period", "quest", "num", "commat", "percnt", "equals", "lowbar", "hyphen")

# Begins with a set of characters, by which text without them is skipped fast; then what stands before is looked at.
_OPENS = re.compile(
    r"[:./\\?#;](?:"
    + "|".join(rf"(?<=(?<![a-z0-9]){scheme}:)" for scheme in _SCHEMES)
    + r"|(?<=(?<![a-z0-9])www\.)|(?<=\\[:.])|(?<=[/\\]{2})|(?<=\w[/?#])|(?<=&#)|"
    + "|".join(f"(?<=&{sign};)" for sign in _SIGNS)
    + ")",
    re.IGNORECASE,
)
_HOST = re.compile(r"(?:[.。．｡][\w-]{2,63}|\b(?:[0-9]{1,3}\.){3}[0-9]{1,3})(?::[0-9]{0,5})?\Z")
_ENDS = re.compile(r"[ \t\n\r\f\v<]")
_ENTITY_ENDS = re.compile(r"[^0-9A-Za-z]")
_NO_SIGNS: Final = frozenset(b"\t\n\r \"&'()*<>,!")
_ENTITY = re.compile(r"&#(?:([0-9]{1,7})|[xX]([0-9A-Fa-f]{1,6}));\Z")


class Addresses:
    """Whether the next character could be part of one. It is opened by a scheme, by two slashes, by `www.`, by what
    follows a host, by signs of these in entities and escapes; and goes on to the next blank of ASCII: others do not end
    it for everybody.
    """

    __slots__ = ("_entity", "_tag", "inside")

    def __init__(self) -> None:
        self.inside = False
        self._tag = False  # between brackets, with which a blank disappears for who shows HTML
        self._entity = False  # opened by the entity we are in

    def feed(self, seen: str, place: int) -> None:
        """`seen` from `place` on is new."""
        while True:
            if self._entity:
                found = _ENTITY_ENDS.search(seen, place)
                if found is None:
                    return
                place, self._entity = found.start(), False
                self.inside = not (found[0] == ";" and _is_no_sign(seen[max(0, place - 11) : place + 1]))
            elif self._tag:
                place = seen.find(">", place)
                if place < 0:
                    return
                self._tag = False
            elif self.inside:
                found = _ENDS.search(seen, place)
                if found is None:
                    return
                place, self._tag = found.end(), found[0] == "<"
                self.inside = self._tag
            else:
                found = _OPENS.search(seen, place)
                if found is None:
                    return
                place = found.end()
                self._open(seen, place - 1)

    def _open(self, seen: str, place: int) -> None:
        char, before = seen[place], seen[max(0, place - BACK) : place]
        self._entity = char == "#" and before.endswith("&")
        follows_word = char in "/?#" and (before[-1:].isalnum() or before[-1:] == "_")
        self.inside = not follows_word or ends_in_host(before)


def _is_no_sign(entity: str) -> bool:
    """Whether a numeric entity stands for what is in no address: a quote, a blank, a bracket, a sign of prose."""
    found = _ENTITY.search(entity)
    if found is None:
        return False
    code = int(found[1]) if found[1] else int(found[2], 16)
    return code in _NO_SIGNS or 0xA0 <= code < 0x3000


def ends_in_host(before: str) -> bool:
    """Whether a path or a port that follows would belong to a host."""
    return _HOST.search(before) is not None
