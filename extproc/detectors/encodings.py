"""Decoders for text in disguise. Each takes text and gives what it says, or "" when it says nothing readable.

Every decoder is linear in the text and gives no more than it took; none raises for any input.
"""

import base64
import binascii
import html
import re
from urllib.parse import unquote_to_bytes

from extproc.detectors.alphabets import LEET

_BASE64_RUN = re.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_BASE64_WRAPPED = re.compile(r"(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{60,76}\r?\n){1,4000}[A-Za-z0-9+/]{1,76}={0,2}")
_HEX_RUN = re.compile(
    r"(?:0x)?(?:[0-9A-Fa-f]{2}){10,}"
    r"|(?:(?:\\x|0x)?[0-9A-Fa-f]{2}[ ,:;]{1,2}){9,}(?:\\x|0x)?[0-9A-Fa-f]{2}"
)
_HEX_NOISE = re.compile(r"0x|\\x|[ ,:;]")
_ESCAPE = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([nrt\"'/]))")
_SPACED = re.compile(r"(?<![^\W_])(?:[^\W_](?:\W|_)){1,}[^\W_](?![^\W_])")
_LEET_WORD = re.compile(r"[\w@$!+|€£]*[0-9@$!+|€£][\w@$!+|€£]*")
_WORD = re.compile(r"[a-z]{2,}")


def unescaped(text: str) -> str:
    """HTML references, escapes of JSON strings and percent-encoding resolved, from the outside in."""
    return percent(escapes(entities(text)))


def entities(text: str) -> str:
    """HTML character references resolved."""
    return html.unescape(text)


def percent(text: str) -> str:
    """Percent-encoding resolved, `+` between words as a space when the text has no spaces."""
    plain = unquote_to_bytes(text).decode("utf-8", "replace")
    return plain if " " in plain else plain.replace("+", " ")


def escapes(text: str) -> str:
    r"""`\uXXXX`, `\u{...}`, `\xXX` and the escapes of JSON strings resolved."""
    return _ESCAPE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    digits = match[1] or match[2] or match[3]
    if digits is None:
        return {"n": "\n", "r": "\r", "t": "\t"}.get(match[4], match[4])
    point = int(digits, 16)
    return chr(point) if point < 0x110000 and not 0xD800 <= point < 0xE000 else " "


def base64_text(text: str) -> str:
    """What the base64 and base64url runs in `text` say, joined; wrapped blocks of lines count as one run.

    Every run is decoded, each distinct one once: together they are no longer than the text.
    """
    found: list[str] = []
    unwrapped = _BASE64_WRAPPED.sub(lambda match: re.sub(r"\s", "", match[0]), text)
    for each in dict.fromkeys(_BASE64_RUN.findall(unwrapped)):
        run = each.rstrip("=").translate(_URL_TO_STANDARD)
        run = run[: len(run) - (len(run) % 4 == 1)]
        try:
            raw = base64.b64decode(run + "=" * (-len(run) % 4))
        except (binascii.Error, ValueError):
            continue  # not base64: nothing to say
        found.append(readable(raw))
    return "\n".join(filter(None, found))


_URL_TO_STANDARD = str.maketrans("-_", "+/")


def hex_text(text: str) -> str:
    """What the runs of hexadecimal bytes in `text` say, joined; each distinct run is decoded once."""
    found: list[str] = []
    for run in dict.fromkeys(_HEX_RUN.findall(text)):
        digits = _HEX_NOISE.sub("", run)
        found.append(readable(bytes.fromhex(digits[: len(digits) & ~1])))
    return "\n".join(filter(None, found))


def readable(raw: bytes) -> str:
    """`raw` as text when it is text: UTF-8, nearly all printable, with letters; else ""."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    sample = text[:400]
    letters = sum(map(str.isalpha, sample))
    printable = sum(map(str.isprintable, sample)) + sample.count("\n") + sample.count("\t") + sample.count("\r")
    return text if letters * 2 >= len(sample) and printable * 20 >= len(sample) * 19 else ""


def despaced(text: str) -> str:
    """`s p a c e d`, `s.p.a.c.e.d` and `s-p-a-c-e-d` letters joined; two or more blanks stay a word's end."""
    return _SPACED.sub(_joined, text)


def _joined(match: re.Match[str]) -> str:
    return match[0][::2]


def leet(text: str) -> str:
    """Digits and signs inside words read as the letters they look like."""
    return _LEET_WORD.sub(lambda match: match[0].translate(LEET), text)


def rot13(text: str) -> str:
    """Every Latin letter 13 places on."""
    return text.translate(_ROT13)


_LOWER = "abcdefghijklmnopqrstuvwxyz"
_ROT13 = str.maketrans(_LOWER + _LOWER.upper(), _LOWER[13:] + _LOWER[:13] + _LOWER[13:].upper() + _LOWER[:13].upper())

_COMMON_WORDS = (
    "the of and to in is it you that for on with as are this be at or from have by not but what all can "
    "your if do how we my me an will so no there their about which when up out into any use make please "
    "write give now tell always just was he she they has had i a more than other some only new may like "
    "its who would them these then must should could also where after before over such because said each "
    "same our us get did does show say print ignore previous instructions system prompt rules answer "
    "respond reply following first next "
)
_COMMON = frozenset(_COMMON_WORDS.split())


def englishness(text: str) -> float:
    """The share of the first words of lower-case `text` that are among the commonest English ones; 0 without words."""
    words = _WORD.findall(text[:2000])
    return sum(map(_COMMON.__contains__, words)) / len(words) if words else 0.0
