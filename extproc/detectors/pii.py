"""Personal data: trigger (Hyperscan) -> exact pattern around it -> validator -> context words.

Pure and linear: each exact pattern is bounded and runs over disjoint windows around its own triggers only.
"""

import re
from collections.abc import Callable, Collection

from extproc.detectors.attempts import Verdicts, accepted
from extproc.detectors.folding import Folded
from extproc.detectors.patterns import Patterns, Trigger, code_points, windows
from extproc.detectors.pii_numbers import ALL_RULES
from extproc.detectors.pii_rules import CONTEXT, NOT_AFTER_LETTER, NOT_BEFORE_LETTER, PiiRule
from extproc.detectors.resolve import Candidate
from extproc.detectors.validators import IBAN_COUNTRIES

_AFTER = 24  # context words may also follow, closely: "555-0199 (mobile)"
_SIGN = 2  # a trigger may reach over the sign before its match and the one behind it


# Any two letters cost a fifth of what the countries' cost to search for; which they are is looked at afterwards.
_ANY_IBAN = rb"[a-z]{2}[0-9]{2}[ ._-]?[a-z0-9]{4}"
_COUNTRIES = frozenset(map(str.encode, IBAN_COUNTRIES))

# Seven digits, with at most as much between two as there is before a telephone number's extension. Only where these
# are, values can be of which each has as many: those that a rule needs a word for, and those of these types.
_NUMBER = re.compile(r"\d(?:\D{0,12}\d){6}")
_HAS_NUMBER = len(ALL_RULES)
_NUMBERS = frozenset(
    {
        "BR_CPF", "CN_RESIDENT_ID", "CREDIT_CARD", "ES_NIE", "ES_NIF", "FI_PERSONAL_IDENTITY_CODE", "IN_AADHAAR",
        "KR_FRN", "KR_RRN", "PHONE_NUMBER", "SG_NRIC_FIN", "US_ITIN", "US_SSN",
    }
)  # fmt: skip


def _trigger(index: int, rule: PiiRule) -> Trigger:
    """A rule that needs a word is triggered by the word: numbers are everywhere, the words are not."""
    if rule.type == "IBAN_CODE":
        return Trigger(index, _ANY_IBAN)
    if rule.context is None:
        return Trigger(index, rule.trigger)
    words = rule.context.pattern.removeprefix(NOT_AFTER_LETTER).removesuffix(NOT_BEFORE_LETTER)
    return Trigger(index, words.replace(" ", "[ _]").encode())


_WITH_WORDS = frozenset(index for index, rule in enumerate(ALL_RULES) if rule.context is not None)
_IBANS = frozenset(index for index, rule in enumerate(ALL_RULES) if rule.type == "IBAN_CODE")
_LATER = frozenset(index for index, rule in enumerate(ALL_RULES) if rule.type in _NUMBERS) - _WITH_WORDS

_TRIGGERS = [_trigger(index, rule) for index, rule in enumerate(ALL_RULES)]
PATTERNS = Patterns(
    [
        *[trigger for trigger in _TRIGGERS if trigger.rule not in _LATER],
        Trigger(_HAS_NUMBER, rb"[0-9](?:[^0-9]{0,12}[0-9]){6}", once=True),
    ]
)
NUMBER_PATTERNS = Patterns([trigger for trigger in _TRIGGERS if trigger.rule in _LATER])


def find(folded: Folded, data: bytes, types: Collection[str]) -> list[Candidate]:
    """Personal data in a folded text (`data` = its UTF-8), as candidates in the original's offsets.

    `types` empty = all. Candidates may overlap: `resolve` decides.
    """
    ends = _ends(data)
    if not ends:
        return []
    text = folded.text
    points = code_points(data, (end for found in ends.values() for end in found), ascii_only=len(data) == len(text))
    candidates: list[Candidate] = []
    for index, found in ends.items():
        rule = ALL_RULES[index]
        if types and rule.type not in types:
            continue
        before, after = rule.width + _SIGN, rule.after
        if rule.context is not None:
            before, after = rule.width + _AFTER + 2, rule.width + CONTEXT + 2
        accept = None
        for low, high in windows([points[end] for end in found], before, after, len(text)):
            if rule.context is not None and _NUMBER.search(text, low, high) is None:
                continue
            accept = accept or _acceptance(rule, folded)
            candidates += accepted(rule.exact, text, low, high, accept)
    return candidates


def _ends(data: bytes) -> dict[int, list[int]]:
    """Where the triggers of each rule end that can lead to a value."""
    hits = PATTERNS.scan(data)
    has_number = any(index == _HAS_NUMBER for index, _, _ in hits)
    if has_number:
        hits += NUMBER_PATTERNS.scan(data)
    ends: dict[int, list[int]] = {}
    for index, _, end in hits:
        if index == _HAS_NUMBER or (index in _WITH_WORDS and not has_number):
            continue
        if index in _IBANS and _COUNTRIES.isdisjoint(
            (data[end - 8 : end - 6].upper(), data[end - 9 : end - 7].upper())
        ):
            continue
        ends.setdefault(index, []).append(end)
    return ends


def _acceptance(rule: PiiRule, folded: Folded) -> Callable[[re.Match[str]], tuple[int, Candidate] | None]:
    """What takes the exact matches that pass the rule's validator, stand by themselves and have its context."""
    text = folded.text
    valid = Verdicts(rule.valid) if rule.valid is not None else None

    def accept(match: re.Match[str]) -> tuple[int, Candidate] | None:
        start, value = match.start(), match[0]
        if rule.trim is not None:
            value = rule.trim(value)
        end = start + len(value)
        if valid is not None and not valid(value):
            return None
        if rule.begins is not None:
            start = rule.begins(text, start)
        if rule.stands is not None and not rule.stands(text, start, end):
            return None
        if rule.context is not None and not _has_context(rule, text, start, end):
            return None
        return end, Candidate(*folded.original(start, end), rule.type, "pii", rule.rank, rule.score)

    return accept


def _has_context(rule: PiiRule, text: str, start: int, end: int) -> bool:
    context = rule.context
    if context is None:
        return True
    before = text[max(0, start - CONTEXT) : start].replace("_", " ")
    above, _, line = before.rpartition("\n")
    # A line above speaks for a number only as its label: alone before it, and no header of a table.
    if line.strip() or any(sign in above.rpartition("\n")[2] for sign in ",;|\t"):
        before = line
    return context.search(before) is not None or context.search(text, end, end + _AFTER) is not None
