"""What is a string, a key or neither in a text that may be JSON, decided as the text grows.

A text that begins with `{` or `[` reads as JSON as long as its beginning could be that of a JSON text; from the first
character that could not, it is plain text. So what is said of a place never changes with what comes later: the end of
a stream need not be awaited to know how a value must be escaped.
"""

import re
from enum import Enum, auto
from typing import Final

MAX_DEPTH: Final = 200
MAX_SCALAR: Final = 64

_IN_STRING = re.compile(r'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*+")
_SCALAR = re.compile(r"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?(?:[eE][+-]?[0-9]++)?|true|false|null")
_NUMERIC: Final = frozenset("-+.eE0123456789")
_WORDS: Final = ("true", "false", "null")


class Kind(Enum):
    """What a run of characters is."""

    TEXT = auto()  # plain text: not JSON, or no longer
    OUTSIDE = auto()  # of JSON: blanks, brackets, quotes, numbers
    KEY = auto()  # inside the quotes of a key
    VALUE = auto()  # inside the quotes of a string value


class _Want(Enum):
    BEGIN = auto()
    VALUE = auto()
    VALUE_OR_END = auto()
    KEY = auto()
    KEY_OR_END = auto()
    COLON = auto()
    COMMA_OR_END = auto()
    NOTHING = auto()


_VALUES: Final = frozenset({_Want.VALUE, _Want.VALUE_OR_END})
_KEYS: Final = frozenset({_Want.KEY, _Want.KEY_OR_END})
_CLOSES: Final = {
    "}": ("{", frozenset({_Want.KEY_OR_END, _Want.COMMA_OR_END})),
    "]": ("[", frozenset({_Want.VALUE_OR_END, _Want.COMMA_OR_END})),
}


class JsonPrefix:
    """Feed it a text piece by piece. Raw control characters in strings, and keys that come twice, are let pass."""

    __slots__ = ("_escaped", "_inside", "_quote_due", "_scalar", "_stack", "_want", "plain")

    def __init__(self) -> None:
        self.plain = False  # everything from here on is TEXT
        self._want = _Want.BEGIN
        self._stack: list[str] = []
        self._inside: Kind | None = None  # KEY or VALUE
        self._escaped = False  # the last piece ended in a backslash
        self._quote_due = False  # the next character closes the string
        self._scalar = ""

    def feed(self, text: str) -> list[tuple[Kind, str]]:
        """The runs of `text`; together they are `text`."""
        runs, at = [], 0
        while at < len(text):
            if self.plain:
                kind, end = Kind.TEXT, len(text)
            elif self._inside is not None:
                kind, end = self._inside, self._string(text, at)
            else:
                kind, end = Kind.OUTSIDE, self._structure(text, at)
            if end > at:
                runs.append((kind, text[at:end]))
            at = end
        return runs

    def _string(self, text: str, at: int) -> int:
        start = at + 1 if self._escaped else at
        found = _IN_STRING.match(text, start)
        end = found.end() if found else start
        self._escaped = text[end : end + 1] == "\\"
        if end < len(text) and not self._escaped:
            self._inside, self._quote_due = None, True
            return end
        return len(text)

    def _structure(self, text: str, at: int) -> int:
        """To the end of `text`, to behind the next opening quote, or to where it is no JSON."""
        while at < len(text):
            char = text[at]
            if self._quote_due:
                self._quote_due = False
            elif self._scalar and self._goes_on(char):
                self._scalar += char
            elif self._scalar and not _SCALAR.fullmatch(self._scalar):
                self.plain = True
                return at
            elif char == '"' and self._opens_string():
                self._scalar = ""
                return at + 1
            else:
                self._scalar = ""
                at = _SPACE.match(text, at).end()  # type: ignore[union-attr]
                if at == len(text):
                    return at
                if text[at] == '"' and self._opens_string():
                    return at + 1
                if not self._token(text[at]):
                    self.plain = True
                    return at
            at += 1
        return at

    def _goes_on(self, char: str) -> bool:
        longer = self._scalar + char
        if len(longer) > MAX_SCALAR:
            return False
        if self._scalar[0].isalpha():
            return any(word.startswith(longer) for word in _WORDS)
        return char in _NUMERIC

    def _opens_string(self) -> bool:
        if self._want in _KEYS:
            self._inside, self._want = Kind.KEY, _Want.COLON
        elif self._want in _VALUES:
            self._inside, self._want = Kind.VALUE, self._after_value()
        else:
            return False
        return True

    def _token(self, char: str) -> bool:
        """Whether `char` may stand here."""
        want = self._want
        if char in "{[":
            return self._opens(char)
        if char in _CLOSES:
            opener, allowed = _CLOSES[char]
            if want not in allowed or self._stack[-1] != opener:
                return False
            self._stack.pop()
            self._want = self._after_value()
        elif char == ",":
            if want is not _Want.COMMA_OR_END:
                return False
            self._want = _Want.KEY if self._stack[-1] == "{" else _Want.VALUE
        elif char == ":":
            if want is not _Want.COLON:
                return False
            self._want = _Want.VALUE
        elif want in _VALUES and char in "-0123456789tfn":
            self._scalar, self._want = char, self._after_value()
        else:
            return False
        return True

    def _opens(self, char: str) -> bool:
        if (self._want not in _VALUES and self._want is not _Want.BEGIN) or len(self._stack) == MAX_DEPTH:
            return False
        self._stack.append(char)
        self._want = _Want.KEY_OR_END if char == "{" else _Want.VALUE_OR_END
        return True

    def _after_value(self) -> _Want:
        return _Want.COMMA_OR_END if self._stack else _Want.NOTHING
