"""Where a text that grows may be let go: places that tell by themselves, whatever comes, that nothing found spans them.

What detectors look for holds a digit, a sign or an unusual word. Ordinary words are *calm*: no finding begins in one
and goes on behind the blank after it, and none consists of calm words alone. So a text is settled up to the end of a
calm word, once whatever is not calm before it lies further back than a detector looks ahead. These places depend on
the text before them only, not on how it was cut: a stream and a whole answer are read in the same stretches.
"""

import re
from typing import Final

from extproc.detectors.folding import fold

AHEAD: Final = 48  # characters behind a value that may say what it is: a word near it, the digits it belongs to
LONGEST_WORD: Final = 256

# A word and the blank that ends it; of what has no blanks, so many characters.
STEP = re.compile(
    r"[^\s\u3001\u3002\uff0c\uff01\uff1f\uff1b\uff1a]{0,255}[\s\u3001\u3002\uff0c\uff01\uff1f\uff1b\uff1a]"
    r"|[^\s\u3001\u3002\uff0c\uff01\uff1f\uff1b\uff1a]{256}"
)

# Not calm: capitals inside a word or more than six of them, sixteen letters and more, a sign that is no punctuation.
_PLAIN = re.compile(
    r"[\"'(]{0,2}(?:(?:[A-Z][a-z]{2,14}|[a-z]{3,15})(?:-[a-z]{2,14}){0,3}|[A-Z]{3,6})(?:['\u2019][a-z]{1,3})?[.,;:!?)\"']{0,3}\s"
)
# One of our own, which stands for a value of the caller's.
_PLACEHOLDER = re.compile(r"[\"'(]{0,2}\[[A-Z][A-Z0-9_]{0,60}_[a-z2-7]{6}\](?:['\u2019][a-z]{1,3})?[.,;:!?)\"']{0,3}\s")
# They begin no finding with a calm word, but may be its beginning: `AB 12 34 56 C`.
_SHORT = re.compile(r"[\"'(]{0,2}[A-Za-z]{0,2}[.,;:!?)\"']{0,3}\s|[-*#>|=+&/\u2013\u2014]{1,4}\s")
_FOREIGN = re.compile(r"[^\s\d_\x00-@\[-`{-\x7f]{1,60}")
_AROUND: Final = "\"'.,;:!?()\u201c\u201d\u2018\u2019\u00ab\u00bb\u300c\u300d\u300e\u300f"


def is_calm(step: str) -> bool:
    """Whether a `STEP` is a word that no finding begins in."""
    if _PLAIN.fullmatch(step) is not None or _PLACEHOLDER.fullmatch(step) is not None:
        return True
    if step.isascii():
        return False
    word = step[:-1].strip(_AROUND)
    if word.isascii() or _FOREIGN.fullmatch(word) is None:
        return False
    return fold(word).text == word  # a disguise is never calm


def is_short(step: str) -> bool:
    """Whether a `STEP` says nothing by itself: a blank, a letter or two, the mark of a list."""
    return _SHORT.fullmatch(step) is not None
