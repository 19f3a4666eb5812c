"""Where a value may begin and end: what may stand directly before and behind it, and what makes it part of another.

Letters and digits here are those of ASCII: in scripts without spaces a number follows a word directly. `_` and signs
are no part of a value. A number that a check digit and its plan prove may also touch letters; one that only its form
speaks for may not.
"""

import re

from extproc.detectors import validators as v

APART = r"(?<![A-Za-z0-9])"
END = r"(?![A-Za-z0-9])"
# A bare number is not the fraction, the range or the continuation of another number.
ALONE = APART + r"(?<!\d[.-])"
ALONE_END = END + r"(?!-[A-Za-z0-9])(?!\.\d)"
# What a word near it or a check digit proves may touch letters as well.
TOUCHING = r"(?<!\d)(?<!\d-)"
TOUCHING_END = r"(?!\d)(?![.-]\d)"

_HEX_TOKEN = re.compile(r"[0-9A-Fa-f]+")
_TOKEN = re.compile(r"[A-Za-z0-9]*")
_FRACTION = re.compile(r"\d\.\d{6}")
_CARD_WORD = re.compile(r"(?i)card|visa|amex|credit|debit|\bcc\b|\bpan\b|karte|carte|tarjeta|cart[aã]o|kaart|карт|卡")
_GROUPS = re.compile(r"(?:[ -]{1,2}\d{4}(?!\d))*")
_GROUPED = 19  # characters of four groups of four digits
_MOST_DECOYS = 3
_NEAR = 48
_MOST_TOKEN = 64
_FLOAT_DIGITS = 17  # what a double-precision number is written with at the most


def card_stands(text: str, start: int, end: int) -> bool:
    """Whether a valid card number at `[start, end)` is no piece of something else.

    By itself every plan counts, but in a longer row of four-digit groups not at every place. Next to letters, `_`, `-`
    or a point only the large networks' usual lengths do, not in a hexadecimal token, and not as the fraction of a
    floating-point number.
    """
    if _in_a_row(text, start, end):
        return False
    before, after = text[start - 1 : start], text[end : end + 2]
    touching = before.isascii() and (before.isalnum() or before in {"_", "-", ".", "+"})
    follows = after[:1].isascii() and (after[:1].isalnum() or after[:1] in {"_", "-"})
    if not touching and not follows and re.match(r"\.\d", after) is None:
        return True
    return v.major_card(text[start:end]) and not _in_hex(text, start, end) and not _is_fraction(text, start, end)


def _in_a_row(text: str, start: int, end: int) -> bool:
    """Whether the groups belong to a table of numbers, in which some four always pass the check.

    Up to three groups more are a decoy around a card; in longer rows cards follow cards, from the first group on.
    """
    if end - start < _GROUPED or text[start + 4].isdigit():
        return False
    before = _GROUPS.match(text[max(0, start - _MOST_TOKEN) : start][::-1])
    after = _GROUPS.match(text, end, end + _MOST_TOKEN)
    in_front = sum(map(str.isdigit, before[0])) // 4 if before else 0
    behind = sum(map(str.isdigit, after[0])) // 4 if after else 0
    if in_front + behind <= _MOST_DECOYS or in_front % 4 == 0:
        return False
    return _CARD_WORD.search(text, max(0, start - _NEAR), start) is None


def _in_hex(text: str, start: int, end: int) -> bool:
    """Whether the stretch is the inside of a hash or an id in hexadecimal."""
    left = _TOKEN.match(text[max(0, start - _MOST_TOKEN) : start][::-1])
    right = _TOKEN.match(text, end, end + _MOST_TOKEN)
    around = (left[0] if left else "") + (right[0] if right else "")
    return len(around) >= 6 and _HEX_TOKEN.fullmatch(around) is not None


def _is_fraction(text: str, start: int, end: int) -> bool:
    """Whether the digits are the fraction of a number, as far as its surroundings tell."""
    whole = re.search(r"(\d{1,17})\.\Z", text[max(0, start - 18) : start])
    if whole is None or not text[start:end].isdigit() or len(whole[1]) + end - start > _FLOAT_DIGITS:
        return False
    before, after = text[max(0, start - _NEAR) : whole.start(1) + max(0, start - 18)], text[end : end + _NEAR]
    if _CARD_WORD.search(before):
        return False
    return whole[1] == "0" or _FRACTION.search(before) is not None or _FRACTION.search(after) is not None


def iban_stands(text: str, start: int, end: int) -> bool:
    """Whether a valid IBAN is no piece of something else: apart from letters and digits, or full of digits itself."""
    apart = not text[start - 1 : start].isalnum() and not text[end : end + 1].isalnum()
    return apart or re.search(r"\d{10}", re.sub(r"\W|_", "", text[start + 4 : end])) is not None


_LOCAL = re.compile(r"[\w.%+'-]*")
_OTHER_SCRIPT = re.compile("[\u0590-\U0010ffff]")


def local_part(text: str, at: int) -> int:
    """Where the local part before the `@` at `at` begins, however long it is; `at` when there is none.

    Letters of scripts without capitals end it, unless they stand before the `@` themselves.
    """
    if text[at - 1 : at] == '"':
        opening = text.rfind('"', max(0, at - 66), at - 1)
        return opening if opening >= 0 else at
    reach = 64
    while True:
        low = max(0, at - reach)
        match = _LOCAL.match(text[low:at][::-1])
        length = len(match[0]) if match else 0
        if length < at - low or low == 0:
            break
        reach *= 4
    start = at - length
    if _OTHER_SCRIPT.match(text, at - 1) is None:
        for foreign in _OTHER_SCRIPT.finditer(text, start, at):
            start = foreign.end()
    while start < at and text[start] in ".'":
        start += 1
    return start


_CALL = re.compile(r"_\w{0,64}\(")
_LAST_LABEL = re.compile(r"[@.]([^@.]{1,63})\.[^@.]{1,63}$")


def address_stands(text: str, start: int, end: int) -> bool:
    """Whether an address ends where its domain does: it is no call in code, and no version of a package."""
    if text[start] == "@" or _CALL.match(text, end):
        return False
    if not text[end : end + 1].isdigit():
        return True
    label = _LAST_LABEL.search(text, max(start, end - 130), end)
    return label is None or not label[1].isdigit()
