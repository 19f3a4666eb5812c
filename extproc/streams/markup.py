"""Tags and the elements whose text a browser does not show, in a text that grows.

Nobody knows which `<` a reader takes for a tag's: a comment, a code span or an escape may hide one. So a tokenizer,
that of HTML, is run from each of them, all at once: together they are in a set of its states, and a place is inside if
it is for one of them.
"""

import re
from typing import Final

_NAME, _BEFORE, _ATTRIBUTE, _AFTER, _EQUALS, _BARE, _SINGLE, _DOUBLE = (1 << state for state in range(8))
_VALUES: Final = _EQUALS | _BARE | _SINGLE | _DOUBLE
_QUOTED: Final = _SINGLE | _DOUBLE
_STATES: Final = (_NAME, _BEFORE, _ATTRIBUTE, _AFTER, _EQUALS, _BARE, _SINGLE, _DOUBLE)

# What follows each of the states, in the order of above, on a character; 0 is the tag's end.
_STEPS: Final = {
    " ": (_BEFORE, _BEFORE, _AFTER, _AFTER, _EQUALS, _BEFORE, _SINGLE, _DOUBLE),
    "/": (_BEFORE, _BEFORE, _BEFORE, _BEFORE, _BARE, _BARE, _SINGLE, _DOUBLE),
    ">": (0, 0, 0, 0, 0, 0, _SINGLE, _DOUBLE),
    "=": (_NAME, _ATTRIBUTE, _EQUALS, _EQUALS, _BARE, _BARE, _SINGLE, _DOUBLE),
    "'": (_NAME, _ATTRIBUTE, _ATTRIBUTE, _ATTRIBUTE, _SINGLE, _BARE, _BEFORE, _DOUBLE),
    '"': (_NAME, _ATTRIBUTE, _ATTRIBUTE, _ATTRIBUTE, _DOUBLE, _BARE, _SINGLE, _BEFORE),
    "x": (_NAME, _ATTRIBUTE, _ATTRIBUTE, _ATTRIBUTE, _BARE, _BARE, _SINGLE, _DOUBLE),
}


def _after(steps: tuple[int, ...], states: int) -> int:
    after = 0
    for state, step in zip(_STATES, steps, strict=True):
        if states & state:
            after |= step
    return after


_TABLE: Final = {char: tuple(_after(steps, states) for states in range(256)) for char, steps in _STEPS.items()}
_OTHER: Final = _TABLE["x"]
_BLANK: Final = _TABLE[" "]

_RUN = re.compile(r"""[ \t\n\r\f]+|[/>="'<]|[^ \t\n\r\f/>="'<]+""")
_BEGINS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/!?")

# Elements whose text is a style or what a form sends. (A script that runs reads the whole page: elsewhere is no safer.)
# Where one of the others ends, markdown takes the first's text for ended.
_HIDING: Final = frozenset(("style", "textarea", "select"))
_NAMED = re.compile(r"<(/?)(style|textarea|select|script|pre)\Z", re.IGNORECASE)
_LONGEST: Final = len("</textarea")
_BACK: Final = 80 - _LONGEST  # characters before a tag: `Targets` keeps 80 of them all
_INDENTED = re.compile(r"(?:^|[\n\r])(?: {4}| *\t)[ \t]*\Z")
_UNSURE = re.compile(r"[\\`~]|\((?<=\]\()|!(?<=<!)")


class Markup:
    """Whether the next character could be part of a tag, of an attribute's value, or of a hidden text.

    A blank line ends a tag but for its attributes' values, for markdown lets it stand as text then, a browser does not.
    An attribute in quotes that goes over a line's end has none: markdown may escape its closing quote. A hidden text
    ends with its element; where markdown may have escaped that end, or a comment hidden it, it goes on to the end.
    """

    __slots__ = ("_apart", "_dangles", "_hidden", "_line", "_new_line", "_opens", "_outright", "_states", "_unsure")

    def __init__(self) -> None:
        self._states = 0
        self._line = False  # no blank line since the last `<`
        self._new_line = False  # nothing but blanks since the last line end
        self._opens = False  # the last character was a `<`
        self._dangles = False
        self._hidden = ""  # the name of the element whose text is hidden
        self._outright = False  # it began at the beginning of a line: no markdown in it
        self._apart = False  # a blank line stands in it
        self._unsure = False  # its end may not be seen as one

    @property
    def inside(self) -> bool:
        """Whether it could."""
        return self._dangles or bool(self._hidden or self._states & _VALUES or (self._line and self._states))

    def feed(self, seen: str, place: int) -> None:
        """`seen` from `place` on is new."""
        if self._dangles:
            return  # nothing changes that any more
        while place < len(seen):
            if not (self._states or self._hidden or self._opens):
                place = seen.find("<", place)
                if place < 0:
                    return
            found = _RUN.match(seen, place)
            place = found.end()  # type: ignore[union-attr]
            self._read(seen, found.start(), place)  # type: ignore[union-attr]

    def _read(self, seen: str, start: int, end: int) -> None:
        char = seen[start]
        if self._hidden and not self._unsure:
            self._unsure = _UNSURE.search(seen, start, end) is not None
        if self._states & _NAME and char in " \t\n\r\f/>":
            self._hide(seen, start)
        opens, self._opens = self._opens and char in _BEGINS, char == "<"
        if char in " \t\n\r\f":
            self._states = _BLANK[self._states]
            self._lines(seen, start, end)
            return
        self._states = _TABLE.get(char, _OTHER)[self._states]
        self._new_line = self._new_line and char == ">"  # a block quote's
        if opens:
            self._states |= _NAME
            self._line, self._new_line = True, False

    def _lines(self, seen: str, start: int, end: int) -> None:
        """A run of blanks."""
        if "\r" not in (blanks := seen[start:end]) and "\n" not in blanks:
            return
        if self._states & _QUOTED:
            self._dangles = True
        if blanks.count("\n") + self._new_line > 1:
            self._line = False
            self._unsure, self._apart = self._unsure or not self._outright, True
        self._new_line = "\n" in blanks or self._new_line

    def _hide(self, seen: str, place: int) -> None:
        """A tag's name may end here."""
        found = _NAMED.search(seen, max(0, place - _LONGEST), place)
        if found is None:
            return
        before = seen[max(0, found.start() - _BACK) : found.start()]
        closes, name = found[1], found[2].lower()
        if not self._hidden:
            if not closes and name in _HIDING:
                self._hidden, self._outright = name, before[-1:] in ("", "\n", "\r")
                self._unsure = self._apart = False
        elif not closes or name != self._hidden or ((self._apart or not self._outright) and _INDENTED.search(before)):
            self._unsure = True
        elif not self._unsure:
            self._hidden = ""
