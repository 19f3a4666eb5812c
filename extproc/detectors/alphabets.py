"""Characters that disguise text: invisible ones, and letters of other scripts that look Latin.

The look-alike table is our own choice from the idea of Unicode's UTS 39 (confusables): one letter to one letter, only
what a reader takes for the Latin letter in running text. Full-width, mathematical and enclosed letters need no entry:
compatibility normalisation (NFKC) maps them.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator

# What nobody sees: controls, zero-width and joining characters, directional marks, soft hyphen, variation selectors,
# fillers, the blank of braille, tags.
_INVISIBLE_RANGES = (
    "\x00-\x08\x0e-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
INVISIBLE = re.compile(f"[{_INVISIBLE_RANGES}]+")
# Between letters or digits it may stand for nothing or for a space: a reader of bytes cannot tell.
DIVIDER = re.compile(f"(?<=[A-Za-z0-9])[{_INVISIBLE_RANGES}]+(?=[A-Za-z0-9])")
BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
TAGS = re.compile("[\U000e0020-\U000e007e]+")
TAG_BASE = 0xE0000

# Marks laid over a letter. Marks that spell (Indic vowels, Arabic, Japanese voicing) are not in these blocks.
_MARK_RANGES = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"


def ranges(points: Iterable[int], gap: int = 1) -> str:
    """The points as the inside of a character class, in ranges; points up to `gap` apart are in one."""
    found: list[tuple[int, int]] = []
    for point in sorted(points):
        if found and point <= found[-1][1] + gap:
            found[-1] = (found[-1][0], point)
        else:
            found.append((point, point))
    return "".join(f"{chr(low)}-{chr(high)}" for low, high in found)


# On a plain letter or digit no mark of any script spells; on letters of its own script it does, and stays. Of scripts
# beyond the first plane whole stretches count: what stands on a plain letter there is a disguise whatever it is.
_ALL_MARKS = [point for point in range(0x300, 0x20000) if unicodedata.category(chr(point)) in {"Mn", "Me", "Mc"}]
_ANY_MARK = ranges(point for point in _ALL_MARKS if point < 0x10000) + ranges(
    (point for point in _ALL_MARKS if point > 0xFFFF), gap=0x100
)
# One class first, then what stands before it: the search skips over ordinary text at full speed.
_ANY_MARKS = re.compile(f"[{_MARK_RANGES}{_ANY_MARK}](?:(?<=[{_MARK_RANGES}])|(?<=[ -~].))[{_ANY_MARK}]*")
_LATIN_MARKS = re.compile(f"[{_MARK_RANGES}]+")
_UNSEEN_RANGES = _INVISIBLE_RANGES + _MARK_RANGES
_ANY_UNSEEN = re.compile(
    f"[{_UNSEEN_RANGES}{_ANY_MARK}](?:(?<=[{_UNSEEN_RANGES}])|(?<=[ -~].))[{_INVISIBLE_RANGES}{_ANY_MARK}]*"
)
_LATIN_UNSEEN = re.compile(f"[{_UNSEEN_RANGES}]+")
_IS_FOREIGN_MARK = re.compile(f"(?![{_MARK_RANGES}])[{_ANY_MARK}]")
_ORDINARY = re.compile(r"[ -~\t\n\v\f\r]+")


def unmarked(text: str) -> str:
    """`text` without marks laid over letters."""
    kinds = unusual(text)
    if not any(map(_LATIN_MARKS.match, kinds)) and not any(map(_IS_FOREIGN_MARK.match, kinds)):
        return text
    return (_ANY_MARKS if any(map(_IS_FOREIGN_MARK.match, kinds)) else _LATIN_MARKS).sub("", text)


def unseen(text: str) -> Iterator[re.Match[str]]:
    """The stretches of `text` that nobody sees by themselves: invisible characters, and marks laid over letters."""
    kinds = unusual(text)
    if any(map(_IS_FOREIGN_MARK.match, kinds)):
        return _ANY_UNSEEN.finditer(text)
    return _LATIN_UNSEEN.finditer(text) if any(map(_LATIN_UNSEEN.match, kinds)) else iter(())


def unusual(text: str) -> frozenset[str]:
    """The characters of `text` that are neither printable ASCII nor white space of it."""
    return frozenset(_ORDINARY.sub("", text))


_CONTROLS = bytes({*range(0x20), 0x7F} - set(b"\t\n\v\f\r"))


def is_plain(text: str) -> bool:
    """Whether `text` is ASCII without control characters: nothing in it is invisible or laid over a letter."""
    return text.isascii() and len(text.encode().translate(None, _CONTROLS)) == len(text)


_LOOK_ALIKES = {
    # Cyrillic
    "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "ё": "e", "һ": "h", "н": "h", "і": "i", "ї": "i", "ј": "j",
    "к": "k", "ӏ": "l", "м": "m", "о": "o", "р": "p", "ԛ": "q", "г": "r", "ѕ": "s", "т": "t", "у": "y", "ү": "y",
    "ѵ": "v", "ԝ": "w", "х": "x", "ӽ": "x", "з": "3", "ь": "b", "п": "n", "и": "u", "ҽ": "e", "ґ": "r", "ӕ": "ae",
    "ԍ": "g", "ѡ": "w", "ӡ": "3", "ҟ": "k", "ҝ": "k", "қ": "k", "ң": "h", "ұ": "y", "ҳ": "x", "ҫ": "c",
    # Greek
    "α": "a", "β": "b", "ϲ": "c", "δ": "d", "ε": "e", "γ": "y", "η": "n", "ι": "i", "κ": "k", "ν": "v", "μ": "m",
    "ο": "o", "ρ": "p", "σ": "o", "ς": "s", "τ": "t", "υ": "u", "ω": "w", "χ": "x", "ζ": "z", "ϳ": "j", "ϻ": "m",
    # Armenian
    "օ": "o", "ո": "n", "ս": "u", "հ": "h", "զ": "q", "ք": "p", "ց": "g", "ղ": "n", "ի": "h", "ա": "w",
    # Latin letters that compatibility normalisation leaves alone
    "ı": "i", "ɩ": "i", "ȷ": "j", "ɑ": "a", "ɡ": "g", "ɢ": "g", "ʜ": "h", "ɪ": "i", "ᴊ": "j", "ᴋ": "k", "ʟ": "l",
    "ᴍ": "m", "ɴ": "n", "ᴏ": "o", "ᴘ": "p", "ʀ": "r", "ꜱ": "s", "ᴛ": "t", "ᴜ": "u", "ᴠ": "v", "ᴡ": "w", "ʏ": "y",
    "ᴢ": "z", "ᴀ": "a", "ʙ": "b", "ᴄ": "c", "ᴅ": "d", "ᴇ": "e", "ꜰ": "f", "ǫ": "q", "ø": "o", "đ": "d", "ð": "d",
    "ħ": "h", "ł": "l", "ŧ": "t", "ƒ": "f", "ɛ": "e", "ɔ": "o", "ə": "e", "ɐ": "a", "ʋ": "v", "ɯ": "m", "ʌ": "v",
    "ꓐ": "b", "ɓ": "b", "ɗ": "d", "ɠ": "g", "ɦ": "h", "ƙ": "k", "ɱ": "m", "ɲ": "n", "ƥ": "p", "ɾ": "r", "ʂ": "s",
    "ƭ": "t", "ʐ": "z", "ƈ": "c", "ɨ": "i", "ɫ": "l", "ɵ": "o", "ʉ": "u", "ʍ": "w", "ƴ": "y", "ƶ": "z",
    # Cherokee and Lisu capitals, in use for upper-case disguises
    "ꓮ": "a", "ꓚ": "c", "ꓓ": "d", "ꓰ": "e", "ꓝ": "f", "ꓖ": "g", "ꓧ": "h", "ꓲ": "i", "ꓙ": "j", "ꓗ": "k", "ꓡ": "l",
    "ꓟ": "m", "ꓠ": "n", "ꓳ": "o", "ꓑ": "p", "ꓣ": "r", "ꓢ": "s", "ꓔ": "t", "ꓴ": "u", "ꓦ": "v", "ꓪ": "w", "ꓫ": "x",
    "ꓬ": "y", "ꓜ": "z",
}  # fmt: skip
# Capitals look like other capitals than their small letters do.
_CAPITALS = {"Η": "H", "Ν": "N", "Υ": "Y", "Μ": "M", "Ρ": "P", "Β": "B"}
_BOTH_CASES = (
    {key.upper(): value.upper() for key, value in _LOOK_ALIKES.items() if len(key.upper()) == 1}
    | _LOOK_ALIKES
    | _CAPITALS
)
LOOK_ALIKES = str.maketrans(_BOTH_CASES)
LOOK_ALIKE = re.compile("[" + "".join(key for key in _BOTH_CASES if not key.isascii()) + "]")
ALL_LOOK_ALIKES = frozenset(_LOOK_ALIKES)
LATIN = re.compile("[a-z]")
WORD = re.compile(r"\w+")

LEET = str.maketrans({"0": "o", "1": "i", "3": "e", "4": "a", "5": "s", "7": "t", "@": "a", "$": "s", "!": "i",
                      "8": "b", "9": "g", "6": "g", "+": "t", "|": "l", "€": "e", "£": "l"})  # fmt: skip
