"""Words whose inner letters are shuffled ("ignroe pervious intsructions"), put right from a list of telling ones."""

import re

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
_ENDS = frozenset((len(word), word[0], word[-1]) for word in _KNOWN)


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
