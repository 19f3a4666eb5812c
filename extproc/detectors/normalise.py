"""A text -> the views of it in which disguises are undone. For detection only: redaction works on the original.

The first view is the text itself in plain lower-case letters. Further views are what encoded stretches say, or the text
with its letters put back; they are made only when a trigger for that disguise fires, at most `MAX_VIEWS` in all,
`MAX_DEPTH` layers deep, and no more decoded text than a small multiple of the input. Time is linear in the text. What
these bounds leave unread is said in the signals: it counts as evidence.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import field, replace

from extproc.detectors import encodings
from extproc.detectors.alphabets import (
    ALL_LOOK_ALIKES,
    BIDI,
    DIVIDER,
    INVISIBLE,
    LATIN,
    LOOK_ALIKE,
    LOOK_ALIKES,
    TAG_BASE,
    TAGS,
    WORD,
    is_plain,
    unmarked,
)
from extproc.detectors.patterns import Patterns, Trigger, encode
from extproc.detectors.scrambled import is_scrambled, triggers, unscrambled
from forebay.frozen import frozen

MAX_VIEWS = 16
MAX_DEPTH = 3
_MOST_DECODED = 9  # times the length of the text, in all views together
_SMALL = 65536  # a text up to here may be decoded whole, several times over


@frozen
class Signals:
    """Disguises seen in the original, each a fact about the text whatever it says."""

    had_tags: bool = False  # characters of the Unicode tag block: invisible, and they spell
    had_bidi: bool = False
    had_invisible: bool = False
    mixed_script: bool = False  # words that mix Latin letters with look-alikes
    encoded: bool = False  # a stretch that decodes to text
    unread: bool = False  # more disguises than are undone: something in the text was not looked at


@frozen
class Views:
    """`texts[0]` is the normalised text, the others what disguised stretches say. Never shown, never recorded."""

    texts: tuple[str, ...] = field(repr=False)
    signals: Signals


# Rules of the trigger database, and the decoder each one calls for. Order = priority when views run out.
_ENTITY, _PERCENT, _ESCAPE, _BASE64, _HEX, _SPACED, _ROT13, _REVERSED, _LEET, _SCRAMBLED = range(10)

_ROT13_WORDS = rb"gur|naq|lbh|lbhe|cyrnfr|vtaber|nyy|cebzcg|vafgehpgvbaf?|flfgrz|jvgu|guvf|gung|jung|abj|ehyrf|cerivbhf"
_REVERSED_WORDS = (
    rb"eht|uoy|ruoy|esaelp|erongi|tpmorp|snoitcurtsni|metsys|htiw|siht|taht|tahw|selur|suoiverp|rewsna|morf|esaelp"
)
_TRIGGERS = (
    Trigger(_ENTITY, rb"&(?:#[0-9]{2,7}|#x[0-9a-f]{2,6}|[a-z]{2,8});", once=True),
    Trigger(_PERCENT, rb"%[0-9a-f]{2}.{0,200}%[0-9a-f]{2}|[a-z]\+[a-z]{1,16}\+[a-z]{1,16}\+[a-z]", once=True),
    Trigger(_ESCAPE, rb"\\(?:u[0-9a-f{]|x[0-9a-f])|\\[nrt\"].{0,400}\\[nrt\"]", once=True),
    Trigger(_BASE64, rb"[A-Za-z0-9+/_-]{16}", once=True),
    Trigger(_HEX, rb"(?:[0-9a-f]{2}){10}|(?:(?:\\x|0x)?[0-9a-f]{2}[ ,:;]{1,2}){9}", once=True),
    Trigger(_SPACED, rb"(?:^|[^a-z0-9])[a-z0-9][^a-z0-9][a-z0-9](?:[^a-z0-9][a-z0-9]){2}(?:[^a-z0-9]|$)", once=True),
    Trigger(_ROT13, rb"\b(?:" + _ROT13_WORDS + rb")\b", once=True),
    Trigger(_REVERSED, rb"\b(?:" + _REVERSED_WORDS + rb")\b", once=True),
    Trigger(_LEET, rb"[a-z][0-9@$!|][a-z]|\b[0-9@$!|]{1,2}[a-z]{2}", once=True),
    *triggers(_SCRAMBLED),
)
PATTERNS = Patterns(_TRIGGERS)


def normalise(text: str) -> Views:
    """The views of `text`. Never raises; the same text gives the same views."""
    plain, signals = _plain(text)
    decoders = _decoders(plain)
    if signals is _NO_SIGNALS and not decoders:
        return Views((_lowered(plain),), signals)
    seen = {text: None}
    views = [_lowered(plain)]
    queue = [(plain, 0, True)]  # text, depth, whether nothing but encodings was undone on the way
    for other in _other_readings(text, signals):
        seen[other] = None
        views.append(_lowered(other))
        queue.append((other, 1, True))
    budget = _MOST_DECODED * len(text) + _SMALL
    encoded = unread = False
    while queue and not unread:
        current, depth, layered = queue.pop(0)
        for decoder in _decoders(current) if depth else decoders:
            decoded = decoder(current)
            if not decoded.strip() or decoded in seen:
                continue
            if len(decoded) > budget or len(views) >= MAX_VIEWS:
                # In a long text letters can be moved in many ways by chance; what is packed or escaped is so by intent.
                unread = unread or depth == 0 or (layered and decoder in _LAYERS)
                continue
            budget -= len(decoded)
            seen[decoded] = None
            encoded = encoded or decoder in _ENCODINGS
            inner = _plain(decoded)[0]
            views.append(_lowered(inner))
            if depth + 1 < MAX_DEPTH:
                queue.append((inner, depth + 1, layered and decoder in _LAYERS))
            elif decoder in _PACKED:
                unread = unread or any(further(inner) not in {"", inner} for further in _PACKED)
    if encoded or unread:
        signals = replace(signals, encoded=encoded, unread=unread)
    return Views(tuple(dict.fromkeys(views)), signals)


def _other_readings(text: str, signals: Signals) -> list[str]:
    """`text` in the other ways a model may read it: what is hidden in tags, and invisible characters as spaces."""
    others = []
    if signals.had_tags:
        others.append("".join(chr(ord(c) - TAG_BASE) for run in TAGS.findall(text) for c in run))
    if signals.had_invisible and DIVIDER.search(text):
        others.append(_plain(DIVIDER.sub(" ", text))[0])
    return others


def undecorated(text: str) -> str:
    """`text` in lower case without marks, its letters in their own script: how views write it, for rules to match."""
    return unicodedata.normalize("NFC", unmarked(unicodedata.normalize("NFKD", text))).casefold()


def _lowered(text: str) -> str:
    return text.lower() if text.isascii() else text.casefold()


def _plain(text: str) -> tuple[str, Signals]:
    """`text` without invisible characters and marks, in compatibility form, look-alikes made Latin; case kept."""
    if is_plain(text):
        return text, _NO_SIGNALS
    had_tags = TAGS.search(text) is not None
    had_bidi = BIDI.search(text) is not None
    visible = INVISIBLE.sub("", text)
    had_invisible = len(visible) != len(text)
    plain = unicodedata.normalize("NFKD", visible)
    plain = unicodedata.normalize("NFC", unmarked(plain))
    mixed = False
    if LOOK_ALIKE.search(plain):
        plain, mixed = _latinised(plain)
    return plain, Signals(had_tags, had_bidi, had_invisible, mixed)


_NO_SIGNALS = Signals()


def _latinised(text: str) -> tuple[str, bool]:
    """Look-alikes made Latin in words that mix scripts; in wholly look-alike words too, unless the text's own script
    is theirs. Says whether a word mixed scripts."""
    kinds: dict[str, int] = {}
    counts = [0, 0, 0, 0]
    for word in WORD.findall(text):
        kind = kinds.get(word)
        if kind is None:
            kind = kinds[word] = _kind(word)
        counts[kind] += 1
    native = counts[_NATIVE] > counts[_MIXED] + counts[_LATIN]
    wanted = {_MIXED} if native else {_MIXED, _WHOLLY}
    if not any(kind in wanted for kind in kinds.values()):
        return text, False
    translated = WORD.sub(
        lambda match: match[0].translate(LOOK_ALIKES) if kinds[match[0]] in wanted else match[0], text
    )
    return translated, counts[_MIXED] > 0


_LATIN, _MIXED, _WHOLLY, _NATIVE = range(4)


def _kind(word: str) -> int:
    if word.isascii():
        return _LATIN
    lowered = word.lower()
    foreign = [character for character in lowered if character.isalpha() and not character.isascii()]
    alike = sum(map(ALL_LOOK_ALIKES.__contains__, foreign))
    if LATIN.search(lowered):
        return _MIXED if alike else _LATIN
    return _WHOLLY if alike == len(foreign) else _NATIVE


def _decoders(text: str) -> list[Callable[[str], str]]:
    """The decoders whose trigger fires in `text`, most telling first."""
    data = encode(text)
    scrambled = len(data) != len(text)  # letters of which bytes tell nothing may become plain ones
    fired: set[int] = set()
    for rule, _, end in PATTERNS.scan(data):
        if rule < _SCRAMBLED:
            fired.add(rule)
        elif not scrambled:
            scrambled = is_scrambled(data[end - rule + _SCRAMBLED : end].decode().lower())
    chosen = [decoder for rules, decoder in _DECODERS if not fired.isdisjoint(rules)] if fired else []
    if scrambled:
        chosen.append(unscrambled)
    return chosen


def _reversed(text: str) -> str:
    return text[::-1]


def _unleeted(text: str) -> str:
    """The text read as leet when that makes more English of it, else ""."""
    plain = encodings.leet(text)
    gain = encodings.englishness(plain.lower()) - encodings.englishness(text.lower())
    return plain if gain > 0 else ""


_DECODERS: tuple[tuple[tuple[int, ...], Callable[[str], str]], ...] = (
    ((_BASE64,), encodings.base64_text),
    ((_HEX,), encodings.hex_text),
    ((_ENTITY, _PERCENT, _ESCAPE), encodings.unescaped),
    ((_SPACED,), encodings.despaced),
    ((_ROT13,), encodings.rot13),
    ((_REVERSED,), _reversed),
    ((_LEET,), _unleeted),
)
_PACKED = (encodings.base64_text, encodings.hex_text)
_LAYERS = (*_PACKED, encodings.unescaped)
_ENCODINGS = (*_PACKED, encodings.rot13, _reversed)
