"""Words whose inner letters are shuffled ("ignroe pervious intsructions"), put right from a list of telling ones."""

import re

from extproc.detectors.patterns import Trigger, encode

_WORDS = (
    "ignore disregard forget override bypass previous prior above preceding earlier instructions instruction prompt "
    "prompts system rules rule guidelines directions commands reveal repeat print display output show hidden secret "
    "initial original restrictions limitations filters ethical unrestricted unfiltered developer mode enabled "
    "jailbreak "
    "pretend password passwords credentials message messages everything anything following instead configuration "
    "exactly verbatim confidential safety policy policies content administrator assistant without warning answer"
)
_WORD = re.compile(r"\b[a-z]{5,16}\b")


def _key(word: str) -> tuple[str, str]:
    return word[0] + word[-1], "".join(sorted(word[1:-1]))


_KNOWN = frozenset(_WORDS.split())
_BY_KEY = {_key(word): word for word in _KNOWN if len(word) >= 5}
_ENDS = frozenset((len(word), word[0], word[-1]) for word in _BY_KEY.values())


def triggers(first: int) -> tuple[Trigger, ...]:
    """What fires at the end of every word of ASCII text that could be a shuffled one, rule `first` + its length."""
    by_length: dict[int, list[bytes]] = {}
    for word in sorted(_BY_KEY.values()):
        letters = "".join(sorted(set(word[1:-1])))
        by_length.setdefault(len(word), []).append(encode(f"{word[0]}[{letters}]{{{len(word) - 2}}}{word[-1]}"))
    return tuple(Trigger(first + length, rb"\b(?:" + b"|".join(words) + rb")\b") for length, words in by_length.items())


def is_scrambled(word: str) -> bool:
    """Whether `word`, in lower case, is a telling word shuffled."""
    return word not in _KNOWN and _key(word) in _BY_KEY


def unscrambled(text: str) -> str:
    """`text` in lower case with shuffled telling words put right, or "" when there is none."""
    lowered = text.lower()
    repairs: dict[str, str] = {}
    for word in set(_WORD.findall(lowered)) - _KNOWN:
        if (len(word), word[0], word[-1]) in _ENDS:
            right = _BY_KEY.get(_key(word))
            if right is not None:
                repairs[word] = right
    if not repairs:
        return ""
    return _WORD.sub(lambda match: repairs.get(match[0], match[0]), lowered)
