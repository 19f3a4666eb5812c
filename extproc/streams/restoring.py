"""Placeholders back into values in a text that grows, wherever it is cut.

What is held back is never more than what a decision could still need: the beginning of a placeholder of this exchange,
half of a JSON escape, or a placeholder with the word that it stands in, which could be a host (`hosts`). Only exact
placeholders are restored (another case, a blank inside, a bracket lost: they stay as the model wrote them), once, and
never where the text points to (`targets`), unless that is allowed. In a text that reads as JSON (`json_prefix`) keys
stay, values are escaped as their string is, and a placeholder spelled with escapes is found.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping
from typing import Final

from extproc.messages.edit import Replacement, escape
from extproc.streams.hosts import Following
from extproc.streams.json_prefix import JsonPrefix, Kind
from extproc.streams.rewriting import ExhaustedError
from extproc.streams.targets import Targets

MAX_RESTORED: Final = 50_000  # values put back into one answer
MAX_BROUGHT: Final = 8 << 20  # characters they are in all: placeholders are short, values need not be

_KEY = re.compile(r"\[[A-Z0-9][A-Z0-9_]*_[a-z2-7]+\]")
_WORD = re.compile(r"\[[A-Za-z0-9_]*+\]?")

_LETTER: Final = r"\\u00(?:3[0-9]|4[1-9A-Fa-f]|5[0-9Aa]|5[Ff]|6[1-9A-Fa-f]|7[0-9Aa])"
_ESCAPED_WORD = re.compile(rf"(?:\[|\\u005[Bb])(?:[A-Za-z0-9_]|{_LETTER})*+(?:\]|\\u005[Dd])?")
_ESCAPED_SKIP = re.compile(r"(?:[^\[\\]++|\\[^u]|\\u(?!005[Bb])[0-9A-Fa-f]{4}|\\u(?=[0-9A-Fa-f]{0,3}[^0-9A-Fa-f]))*+")
_HALF_ESCAPE = re.compile(r"\\(?:u[0-9A-Fa-f]{0,3})?\Z")
_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\(.)", re.DOTALL)
_SHORT: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}


class Restoring:
    """The placeholders of one exchange. `restored` counts what was put back, `withheld` what stayed in a target."""

    __slots__ = ("_brought", "_keys", "links", "restored", "values", "withheld")

    reads_signed: Final = False  # its values would come back where they cannot be redacted
    reads_echoes: Final = True

    def __init__(self, values: Mapping[str, str], links: bool = False) -> None:
        """`values`: placeholder -> what it stands for; `links`: whether to restore in targets too.

        Raises ValueError for a key that has not the shape of a placeholder.
        """
        if not all(map(_KEY.fullmatch, values)):
            raise ValueError("a placeholder is a word in brackets that ends in its tag")
        self._keys = sorted(values)
        self.values = dict(values)
        self.links = links
        self.restored = self.withheld = self._brought = 0

    def channel(self) -> "Restorer":
        """For one text that comes in pieces."""
        return Restorer(self)

    def whole(self, text: str) -> str:
        """A text that is complete, restored."""
        return self.channel().feed(text, True) if "[" in text or "\\" in text else text

    def spend(self, text: str) -> None:
        """One more value goes out, as `text`. Raises ExhaustedError when that is more than an answer may cost."""
        self.restored += 1
        self._brought += len(text)
        if self.restored > MAX_RESTORED or self._brought > MAX_BROUGHT:
            raise ExhaustedError

    def could_become(self, piece: str) -> bool:
        """Whether `piece` is the beginning of a placeholder."""
        place = bisect_left(self._keys, piece)
        return place < len(self._keys) and self._keys[place].startswith(piece)


class Restorer:
    """One text. `replaced` are the replacements of the last feed, in code points of everything fed so far."""

    __slots__ = (
        "_all", "_at", "_due", "_exchange", "_following", "_held", "_json", "_last", "_out", "_string", "replaced",
    )  # fmt: skip

    def __init__(self, exchange: Restoring) -> None:
        self.replaced: list[Replacement] = []
        self._exchange = exchange
        self._json = JsonPrefix()
        self._all = Targets()  # the text as somebody reads it who does not know JSON
        self._string = Targets()  # the JSON string we are in
        self._held = ""
        self._due: list[tuple[str, str | None]] = []  # from a placeholder on that may be part of a host, with its value
        self._following: Following | None = None  # reads what comes behind it
        self._last = Kind.OUTSIDE  # what the last run was, and so what is held
        self._at = 0
        self._out: list[str] = []

    @property
    def held(self) -> int:
        """Characters that came in and have not gone out."""
        return len(self._held) + sum([len(raw) for raw, _ in self._due])

    def feed(self, text: str, end: bool = False) -> str:
        """What may go out now that `text` came in. At the `end` nothing stays held; the text may still go on."""
        self._feed(text)
        if end:
            self._let_go()
            self._settle(False)
        out, self._out = self._out, []
        return "".join(out)

    def expire(self, text: str) -> str:
        """What is the beginning of a placeholder goes. A whole one waits for what comes behind it."""
        self._feed(text)
        self._let_go()
        out, self._out = self._out, []
        return "".join(out)

    def _feed(self, text: str) -> None:
        self._out, self.replaced = [], []
        for kind, run in [(Kind.TEXT, text)] if self._json.plain else self._json.feed(text):
            self._run(kind, run)

    def _run(self, kind: Kind, run: str) -> None:
        last = self._last
        if self._held and (kind is last or (last is Kind.OUTSIDE and kind is Kind.TEXT)):
            run, self._held = self._held + run, ""  # `[` opens a list until a letter follows
        elif self._held:
            held, self._held = self._held, ""
            self._pass(held, last is Kind.VALUE)
        if kind is not last:
            self._settle(False)  # a string's end is a host's
            self._last = kind
        if kind is Kind.VALUE and last is not Kind.VALUE:
            self._string.reset()
        if kind is Kind.TEXT:
            self._text(run)
        elif kind is Kind.VALUE:
            self._value(run)
        elif kind is Kind.KEY:
            self._pass(run)
        else:
            self._outside(run)

    def _text(self, text: str) -> None:
        at = 0
        while (start := text.find("[", at)) >= 0:
            self._pass(text[at:start])
            at = self._word(text, start)
            word = text[start:at]
            if at == len(text) and word[-1] != "]" and self._exchange.could_become(word):
                self._held = word
                return
            value = self._exchange.values.get(word)
            if value is None:
                self._pass(word)
            else:
                self._meet(word, value)
        self._pass(text[at:])

    def _word(self, text: str, start: int) -> int:
        found = _WORD.match(text, start)
        return found.end() if found else start + 1

    def _value(self, text: str) -> None:
        """As `_text`, between the quotes of a JSON string."""
        at = 0
        while at < len(text):
            start = _ESCAPED_SKIP.match(text, at).end()  # type: ignore[union-attr]
            self._pass(text[at:start], True)
            found = _ESCAPED_WORD.match(text, start)
            if found is None:
                at = self._no_word(text, start)
                continue
            at, raw = found.end(), found[0]
            word = _unescape(raw)
            rest = text[at:]
            if word[-1] != "]" and (not rest or _HALF_ESCAPE.match(rest)) and self._exchange.could_become(word):
                self._held = text[start:]
                return
            value = self._exchange.values.get(word)
            if value is None:
                self._pass(raw, True)
            else:
                self._meet(raw, value)

    def _no_word(self, text: str, start: int) -> int:
        """Half an escape waits for the rest of it; any other backslash here is no JSON, and passes."""
        if _HALF_ESCAPE.match(text, start):
            self._held = text[start:]
            return len(text)
        self._pass(text[start : start + 1], True)
        return start + 1

    def _outside(self, text: str) -> None:
        bracket = text.rfind("[")
        if bracket >= 0 and self._exchange.could_become(text[bracket:]):
            self._held = text[bracket:]
            text = text[:bracket]
        self._pass(text)

    def _meet(self, raw: str, value: str) -> None:
        """A placeholder stands here."""
        if self._following is not None:
            self._following.placeholder()
            if self._following.within is None:
                self._due.append((raw, value))
                return
            self._look()
        if self._exchange.links:
            self._restore(raw, value)
        elif self._in_target(value):
            self._withhold(raw)
        else:
            self._due.append((raw, value))
            self._following = Following(value)

    def _pass(self, raw: str, in_json: bool = False) -> None:
        if not raw:
            return
        if self._following is None:
            self._at += len(raw)
            self._send(raw, _unescape(raw) if in_json else None)
        else:
            self._due.append((raw, None))
            self._following.read(_unescape(raw) if in_json else raw)
            self._look()

    def _look(self) -> None:
        """Whether it is known by now what stands behind the placeholder."""
        if self._following is not None and self._following.within is not None:
            self._settle(self._following.within)

    def _settle(self, within: bool) -> None:
        """What is due goes; `within`: its placeholders are part of a host."""
        self._following = None
        if self._due:
            due, self._due = self._due, []
            for raw, value in due:
                if value is None:
                    self._pass(raw, self._last is Kind.VALUE)
                elif within or self._in_target(value):
                    self._withhold(raw)
                else:
                    self._restore(raw, value)

    def _in_target(self, value: str) -> bool:
        if self._last is Kind.VALUE:
            return self._string.takes(value) or self._all.enclosed
        return self._all.takes(value)

    def _withhold(self, raw: str) -> None:
        self._exchange.withheld += 1
        self._pass(raw, self._last is Kind.VALUE)

    def _restore(self, raw: str, value: str) -> None:
        in_json = self._last is Kind.VALUE
        new = escape(value).decode() if in_json else value
        self._exchange.spend(new)
        self.replaced.append((self._at, self._at + len(raw), new))
        self._at += len(raw)
        self._send(new, value if in_json else None)

    def _send(self, raw: str, decoded: str | None) -> None:
        """Targets are told from what the reader gets, so values count and placeholders that are gone do not."""
        self._out.append(raw)
        if not self._exchange.links:
            self._all.feed(raw)
            if decoded is not None:
                self._string.feed(decoded)

    def _let_go(self) -> None:
        held, self._held = self._held, ""
        self._pass(held, self._last is Kind.VALUE)


def replacements(text: str, exchange: Restoring) -> list[Replacement]:
    """What restoring a complete text replaces, in code points of it."""
    restorer = exchange.channel()
    restorer.feed(text, True)
    return restorer.replaced


def _unescape(raw: str) -> str:
    return _ESCAPE.sub(_character, raw) if "\\" in raw else raw


def _character(escaped: re.Match[str]) -> str:
    code, short = escaped.groups()
    return chr(int(code, 16)) if code else _SHORT.get(short, short)
