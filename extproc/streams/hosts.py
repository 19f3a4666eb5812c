"""Whether what stands behind a value makes it part of a host: `[NAME_…].evil.example/x`.

Some linkers begin an address at any word that ends in a domain, so the value would be its first label, or the name of a
mailbox. That is the one target which is known only from the text behind it.
"""

from html import unescape
from typing import Final
from unicodedata import category

LONGEST: Final = 256  # characters of a run behind a value: no host is longer

_BLANKS: Final = " \t\n\r\f\v"
_SIGNS: Final = frozenset(".-_+$~=^`\\&;")  # of a run, beside letters and digits; the last three spell others


class Following:
    """Reads on behind a value. `within` is None until it is known: then no more is to be read."""

    __slots__ = ("_apart", "_dot", "_run", "_url", "within")

    def __init__(self, value: str) -> None:
        self.within: bool | None = None
        self._run = ""
        self._dot = False  # a dot was the last character of a host
        self._url = "//" in value  # what stands behind may be its host: `https://a.example` and `:(x)@evil.example`
        self._apart = False  # this is no label of a host any more, but the name of a mailbox may go on

    def read(self, text: str) -> None:
        """The text goes on with `text`."""
        for char in text:
            said = char
            if char == ";" and "&" in self._run:
                said = unescape(self._run[self._run.rfind("&") :] + char)
            elif char == "#" and self._run.endswith("&"):
                said = ""  # what it spells is known at its end
            self._run += char
            for each in said:
                self._character(each)
                if self.within is not None:
                    return
            if len(self._run) > LONGEST:
                self.within = True
                return

    def placeholder(self) -> None:
        """The text goes on with a placeholder. If that stays, its bracket ends a host, and a value is what it is."""
        if self._url:
            self.read("x")
        else:
            self.within = False

    def _character(self, char: str) -> None:
        if char == "@":
            self.within = True
        elif self._apart or _ends_label(char):
            self._apart = True
            if char in _BLANKS or not (self._url or ("!" <= char <= "~" and char not in "()[]<>")):
                self.within = False
        elif char == ".":
            self._dot = True
        elif self._dot:
            self.within = True


def _ends_label(char: str) -> bool:
    """As linkers have it: symbols and letters of any script go on, blanks and punctuation do not."""
    if char.isalnum() or char in _SIGNS:
        return False
    return char < "\xa0" or category(char)[0] in "ZP"
