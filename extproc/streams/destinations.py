"""Where the links, images and reference definitions of markdown point to, in a text that grows."""

import re
from typing import Final

_BLANKS: Final = " \t\n\r\f\v"
_OPENS = re.compile(r"[(:](?:(?<=\].)|(?<=(?<!\w)url\())", re.IGNORECASE)
_MARKS = re.compile(r"[ \t\n\r\f\v\\<>():]")
_NOT_OPEN: Final = -1


class Destinations:
    """Whether the next character could be part of one.

    Of a link: from `](`, or `url(` as in styles, to its closing parenthesis, or in angle brackets, or to a blank line;
    titles are taken for part of it, because some readers let blanks stand in an address. Of a definition: from `]:`,
    over one line end, to the end of the first word or the angle bracket, wherever it stands (in a quote, in a list).
    """

    __slots__ = ("_angle", "_begins", "_defines", "_depth", "_escaped", "_new_line", "_word")

    def __init__(self) -> None:
        self._depth = _NOT_OPEN  # parentheses open inside the link's
        self._angle = False  # in angle brackets
        self._word = False  # in a definition's destination
        self._begins = False  # it begins with the next character that is no blank
        self._defines = False  # what begins is a definition's
        self._escaped = False  # by a backslash
        self._new_line = False  # nothing but blanks since the last line end

    @property
    def inside(self) -> bool:
        """Whether it could."""
        return self.enclosed or self._word or self._begins

    @property
    def enclosed(self) -> bool:
        """Whether it could, in a place that has a closing mark."""
        return self._depth != _NOT_OPEN or self._angle

    def feed(self, seen: str, place: int) -> None:
        """`seen` from `place` on is new."""
        while place < len(seen):
            if not (self.inside or self._escaped):
                found = _OPENS.search(seen, place)
            elif self._begins or self._escaped or self._new_line:
                self._read(seen, place)
                place += 1
                continue
            else:
                found = _MARKS.search(seen, place)
            if found is None:
                return
            self._read(seen, found.start())
            place = found.end()

    def _read(self, seen: str, place: int) -> None:
        char, escaped = seen[place], self._escaped
        self._escaped = char == "\\" and not escaped
        if char in _BLANKS:
            self._blank(char)
            return
        after_quote = self._new_line and char == ">"  # of a block quote: its line begins behind it
        self._new_line = after_quote
        if self._begins and not after_quote:
            self._begins = False
            if char == "<":
                self._angle = True
            elif self._defines:
                self._word = True
        if char in "(:" and _OPENS.match(seen, place):
            self._open(char)
        elif char == "(" and self._depth != _NOT_OPEN:
            self._depth += 1
        elif char == ")" and not escaped and self._depth != _NOT_OPEN:
            self._depth -= 1  # at the last one it is not open
        elif char == ">" and not escaped:
            self._angle = False

    def _open(self, char: str) -> None:
        self._begins, self._defines, self._new_line = True, char == ":", False
        if char == "(":
            self._depth = max(self._depth + 1, 0)

    def _blank(self, char: str) -> None:
        self._word = self._word and char not in " \n\r"  # tabs and form feeds end it for some readers only
        if char == "\n":
            self._angle = False
            if self._new_line:  # a blank line
                self._begins, self._depth = False, _NOT_OPEN
            self._new_line = True
