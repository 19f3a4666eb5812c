"""An output guard over text that grows: the same verdict for a stream, however it is cut, and for a whole answer.

Text is read in *stretches* whose ends depend on the text alone (`calm`). Ordinary words go out as they come. From the
first thing that is not calm on, text is held until enough calm text follows it, scanned together with what stands
before it, and goes out as the actions want it. A stretch without an end in sight is scanned at fixed lengths, and what
could still be part of something longer stays. What repeats the system prompt is held while it does (`leakage`).

In a text that reads as JSON each string is a text of its own, its escapes undone, and so is what stands between the
strings (numbers). The key before it is read with it, because it may say what the value is.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Final

from extproc.detectors import leakage, links
from extproc.detectors.leakage import Follower, Prints
from extproc.detectors.scan import values
from extproc.findings import AnswerFinding, AnswerKind, Stretch
from extproc.streams.calm import AHEAD, LONGEST_WORD, STEP, is_calm, is_short
from extproc.streams.json_prefix import JsonPrefix, Kind
from extproc.streams.rewriting import BlockedError
from forebay.config.resolved import Guards, Pause, RedactAction
from forebay.frozen import frozen

BACK: Final = 512  # characters of what is out already that a scan sees: words that say what a number is
UNFINISHED: Final = 128  # characters at the end of a stretch without an end: what may go on
WORD: Final = 8192  # characters of a word that is not let go before its end: a token has no blanks
KEY: Final = 64  # characters of a key
LONGEST: Final = 384  # a stretch is scanned after so many characters, finished or not

_TOKEN = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL)
_HALF = re.compile(r"(?:\\u[dD][89abAB][0-9a-fA-F]{2})?(?:\\(?:u[0-9a-fA-F]{0,3})?)?\Z")
_SHORT: Final = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f"}
_NUMBER: Final = frozenset("-+.eE0123456789")
_PLAIN: Final = (Kind.TEXT, Kind.OUTSIDE)


@frozen
class Finder:
    """Finds some kinds of things in a text, and what is to happen to them: redact, block or log."""

    find: Callable[[str], Sequence[Stretch]]
    action: RedactAction


class Guarding:
    """The output guard of one exchange. `findings` says what was masked, blocked or only seen."""

    __slots__ = ("_found", "finders", "leaks", "pause", "prints")

    reads_signed: Final = True
    reads_echoes: Final = False

    def __init__(
        self,
        finders: Sequence[Finder],
        prints: Prints = leakage.NOTHING,
        leaks: RedactAction = "off",
        pause: Pause = "release",
    ) -> None:
        """`leaks`: what happens to text that repeats what `prints` are of; `pause`: see `Guard.expire`."""
        self.pause = pause
        self.finders = finders
        self.prints = prints if leaks != "off" else leakage.NOTHING
        self.leaks: RedactAction = leaks if prints else "off"
        self._found: dict[tuple[AnswerKind, str], AnswerFinding] = {}

    @property
    def findings(self) -> tuple[AnswerFinding, ...]:
        """Content-free, sorted."""
        return tuple(self._found[key] for key in sorted(self._found))

    @property
    def looks(self) -> bool:
        """Whether there is anything to look for: a call may have no system prompt."""
        return bool(self.finders or self.prints)

    def channel(self) -> "Guard":
        """For one text that comes in pieces."""
        return Guard(self)

    def whole(self, text: str) -> str:
        """A text that is complete. Raises BlockedError."""
        return self.channel().feed(text, True)

    def note(self, found: Stretch, action: RedactAction) -> None:
        """Something was found. Raises BlockedError where that ends the answer."""
        known = self._found.get((found.kind, found.type), AnswerFinding(found.kind, found.type, 0, 0))
        self._found[found.kind, found.type] = replace(known, count=known.count + 1, score=max(known.score, found.score))
        if action == "block":
            raise BlockedError


def answer_guard(guards: Guards, prints: Prints) -> Guarding:
    """What a tenant's guards make of answers; `prints` are of the call's system prompt."""
    output, types = guards.output, guards.pii_types
    finders: list[Finder] = []
    if output.pii == output.secrets != "off":
        finders.append(Finder(lambda text: _values(text, True, types, True), output.pii))
    else:
        if output.secrets != "off":
            finders.append(Finder(lambda text: _values(text, False, types, True), output.secrets))
        if output.pii != "off":
            finders.append(Finder(lambda text: _values(text, True, types, False), output.pii))
    if output.links != "off":
        finders.append(Finder(lambda text: links.find(text, output.hosts), output.links))
    return Guarding(finders, prints, output.system_prompt, output.pause if output.changes else "release")


def _values(text: str, want_pii: bool, types: Collection[str], want_secrets: bool) -> list[Stretch]:
    found = values(text, want_pii, types, want_secrets)
    return [Stretch(one.start, one.end, "pii" if one.kind == "pii" else "secret", one.type, one.score) for one in found]


class Guard:
    """One channel's text."""

    __slots__ = ("_guarding", "_json", "_key", "_window")

    def __init__(self, guarding: Guarding) -> None:
        self._guarding = guarding
        self._json = JsonPrefix()
        self._key = ""
        self._window = _Window(guarding, Kind.OUTSIDE)

    @property
    def held(self) -> int:
        """Characters that came in and have not gone out."""
        return self._window.held

    def feed(self, text: str, end: bool = False) -> str:
        """What may go out now. At the `end` nothing stays held. Raises BlockedError."""
        out: list[str] = []
        for kind, run in [(Kind.TEXT, text)] if self._json.plain else self._json.feed(text):
            if kind is not self._window.kind:
                self._turn(kind, out)
            out.append(self._window.feed(run, False))
        if end:
            out.append(self._window.feed("", True))
        return "".join(out)

    def expire(self, text: str) -> str:
        """What goes out of a text that pauses: values that are whole, as the actions want them, and ordinary words.

        What may be the beginning of a value stays held, or goes where it is clean as it stands, or blocks: as the
        `pause` of the guards has it. Raises BlockedError.
        """
        return self.feed(text) + self._window.expire()

    def _turn(self, kind: Kind, out: list[str]) -> None:
        """A run of another kind begins."""
        if kind is Kind.TEXT:
            self._window.kind = kind  # it was no JSON after all: `[4111 1111…` is one text
            return
        out.append(self._window.feed("", True))
        if self._window.kind is Kind.KEY:
            self._key = self._window.last + ": "
        self._window = _Window(self._guarding, kind, "" if kind is Kind.KEY else self._key)


class _Window:
    """A run of one kind: decoded for the scan, raw for the caller, one item of `_raw` per character of `_text`.

    Offsets are into `_text`, which begins `BACK` characters before what has not gone out. `_raw` begins at `_raw_at`:
    of what is out it need not be known. `_read`: up to where words have been looked at; `_stirred`: where the last of
    what is not calm ends, -1 when all that is held is calm.
    """

    __slots__ = (
        "_base", "_follower", "_guarding", "_half", "_masking", "_passed", "_raw", "_raw_at", "_read", "_scanned",
        "_stirred", "_text", "_word_at", "kind",
    )  # fmt: skip

    def __init__(self, guarding: Guarding, kind: Kind, before: str = "") -> None:
        """`before`: what is read with it, and is no part of it."""
        self.kind = kind
        self._guarding = guarding
        self._text = before
        self._raw: list[str] = []
        self._raw_at = len(before)
        self._half = ""  # of an escape
        self._base = 0  # characters forgotten
        self._passed = self._read = self._word_at = len(before)
        self._scanned = 0  # at a fixed length, without an end of the stretch
        self._stirred = -1
        self._follower = Follower(guarding.prints) if guarding.prints else None
        self._masking = False  # a mask stands for what repeats the prompt, and for what does so from here on

    @property
    def held(self) -> int:
        return len(self._text) - self._passed + len(self._half)

    @property
    def last(self) -> str:
        """Its last characters."""
        return self._text[-KEY:]

    def feed(self, run: str, end: bool) -> str:
        self._take(run, end)
        out: list[str] = []
        while (step := STEP.match(self._text, self._read)) is not None:
            self._word(step[0], out)
        if end:
            self._end(out)
        if self._raw:
            del self._raw[: self._passed - self._raw_at]
            self._raw_at = self._passed
        keep = max(0, self._passed - BACK)
        if keep:
            self._forget(keep)
        return "".join(out)

    def expire(self) -> str:
        if self._guarding.pause == "release" or not self._open(self._passed):
            return self.feed("", True)
        out: list[str] = []
        stop = 0 if self._suspected() else max([end for _, end, _, _ in self._spans(len(self._text))], default=0)
        if stop > self._passed:
            self._follow(self._text[self._read : stop], out)
            self._read = self._stirred = max(self._read, stop)
            self._settle(stop, out, True)
        if self._guarding.pause == "block" and self._open(self._passed):
            self._guarding.note(_HELD, "block")
        return "".join(out)

    def _open(self, start: int) -> bool:
        """Whether what is held from `start` on may be the beginning of something."""
        words = STEP.findall(self._text[start:] + " ")
        return self._suspected() or bool(self._half) or not all(is_calm(word) or is_short(word) for word in words)

    def _take(self, run: str, end: bool) -> None:
        if self.kind in _PLAIN:
            self._text += run
            return
        run = self._half + run
        half = "" if end else _HALF.search(run)[0]  # type: ignore[index]
        run, self._half = run[: len(run) - len(half)], half
        tokens = _TOKEN.findall(run)
        self._raw += tokens
        self._text += "".join(map(_decoded, tokens))

    def _forget(self, keep: int) -> None:
        """Drop what is out and too far back to matter."""
        self._text = self._text[keep:]
        self._raw_at -= keep
        self._base += keep
        self._passed -= keep
        self._read -= keep
        self._scanned -= keep
        self._word_at -= keep
        self._stirred = max(-1, self._stirred - keep)

    def _word(self, word: str, out: list[str]) -> None:
        """One step further; what it settles goes out."""
        self._follow(word, out)
        self._read += len(word)
        calm, ended = is_calm(word), len(word) < LONGEST_WORD or word[-1:].isspace()
        if not calm and not is_short(word):
            self._stirred = self._read
        if calm and not self._suspected() and (self._stirred < 0 or self._read - self._stirred >= AHEAD):
            self._settle(self._read, out, True)
            self._stirred = -1
        elif self._read - max(self._scanned, self._passed) >= LONGEST:
            self._scanned = self._read
            self._settle(self._finished(ended), out, False)
        if ended:
            self._word_at = self._read

    def _finished(self, ended: bool) -> int:
        """Up to where nothing can go on that has not been found yet; `ended`: the word has."""
        limit = self._read - UNFINISHED
        return limit if ended or self._read - self._word_at > WORD else min(limit, self._word_at)

    def _end(self, out: list[str]) -> None:
        """The text ends here, or must go out as if it did."""
        rest = self._text[self._read :]
        self._follow(rest, out)
        self._read += len(rest)
        if self._passed < self._read:
            if rest and (self.kind is not Kind.OUTSIDE or any(map(str.isdigit, rest))):
                self._stirred = self._read
            self._settle(self._read, out, True)
        self._stirred = -1

    def _suspected(self) -> bool:
        """Whether what is held may turn out to repeat the prompt."""
        return self._follower is not None and self._follower.begins >= 0 and self._guarding.leaks != "log"

    def _follow(self, word: str, out: list[str]) -> None:
        """Compare with the prompt. From where the text leaks it on, one mask stands for it."""
        follower, action = self._follower, self._guarding.leaks
        if follower is None:
            return
        leaked = follower.leaks
        follower.feed(word, self._base + self._read)
        if self._masking:
            self._masking = follower.begins >= 0
            self._passed = max(self._passed, follower.ends - self._base)
        if not follower.leaks or leaked:
            return
        self._guarding.note(_LEAK, action)
        if action == "redact":
            start = max(follower.begins - self._base, self._passed)
            if start > self._passed:
                self._stirred = max(self._stirred, 0)
                self._settle(start, out, False)
            out.append(self._mask(_LEAK))
            self._passed, self._masking = follower.ends - self._base, True

    def _settle(self, limit: int, out: list[str], final: bool) -> None:
        """What stands before `limit` goes out, as the actions want it; not `final`: less, where something goes on."""
        spans = self._spans(self._read) if self._stirred >= 0 else []
        while not final and (open_ := [start for start, end, _, _ in spans if start < limit < end]):
            limit = min(open_)
        while not final and self.kind is Kind.OUTSIDE and limit and self._text[limit - 1] in _NUMBER:
            limit -= 1  # a number is masked as a whole
        if limit <= self._passed:
            return
        at = self._passed
        for start, end, found, action in spans:
            if end > limit:
                continue
            self._guarding.note(found, action)
            if self.kind is Kind.OUTSIDE:
                start, end = self._number(start, end)
            if action == "redact" and end > at:
                out += [self._raw_text(at, max(at, start)), self._mask(found)]
                at = end
        if at < limit:
            out.append(self._raw_text(at, limit))
        self._passed = max(at, limit)

    def _spans(self, stop: int) -> list[tuple[int, int, Stretch, RedactAction]]:
        """What is found before `stop` in what is not out, in order."""
        low = max(0, self._passed - BACK)
        text = self._text[low:stop]
        spans = [
            (max(found.start + low, self._passed), found.end + low, found, finder.action)
            for finder in self._guarding.finders
            for found in finder.find(text)
            if found.end + low > self._passed
        ]
        return sorted(spans, key=lambda span: span[:2])

    def _mask(self, found: Stretch) -> str:
        mask = f"[{found.type.replace('-', '_').upper()}]"
        return f'"{mask}"' if self.kind is Kind.OUTSIDE else mask

    def _number(self, start: int, end: int) -> tuple[int, int]:
        """The whole number around a stretch of one: what stands for it is a string."""
        while start and self._text[start - 1] in _NUMBER:
            start -= 1
        while end < len(self._text) and self._text[end] in _NUMBER:
            end += 1
        return start, end

    def _raw_text(self, start: int, stop: int) -> str:
        if self.kind in _PLAIN:
            return self._text[start:stop]
        return "".join(self._raw[start - self._raw_at : stop - self._raw_at])


_HELD: Final = Stretch(0, 0, "held", "unfinished", 0)
_LEAK: Final = Stretch(0, 0, "leakage", "system-prompt", 90)


def _decoded(token: str) -> str:
    if token[0] != "\\" or len(token) == 1:
        return token
    if token[1] != "u" or len(token) == 2:
        return _SHORT.get(token[1], token[1])
    if len(token) == 12:
        return chr(0x10000 + ((int(token[2:6], 16) & 0x3FF) << 10) + (int(token[8:], 16) & 0x3FF))
    return chr(int(token[2:6], 16))
