"""Personal data: trigger (Hyperscan) -> exact pattern around it -> validator -> context words.

Pure and linear: each exact pattern is bounded and runs over disjoint windows around its own triggers only.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Collection

from extproc.detectors.attempts import Verdicts, accepted
from extproc.detectors.folding import Folded
from extproc.detectors.patterns import Patterns, Trigger, code_points, windows
from extproc.detectors.pii_numbers import ALL_RULES
from extproc.detectors.pii_rules import CONTEXT, NOT_AFTER_LETTER, NOT_BEFORE_LETTER, PiiRule
from extproc.detectors.resolve import Candidate

_AFTER = 24  # context words may also follow, closely: "555-0199 (mobile)"
_SIGN = 2  # a trigger may reach over the sign before its match and the one behind it


def _trigger(index: int, rule: PiiRule) -> Trigger:
    """A rule that needs a word is triggered by the word: numbers are everywhere, the words are not."""
    if rule.context is None:
        return Trigger(index, rule.trigger)
    words = rule.context.pattern.removeprefix(NOT_AFTER_LETTER).removesuffix(NOT_BEFORE_LETTER)
    return Trigger(index, words.replace(" ", "[ _]").encode())


_PATTERNS = Patterns([_trigger(index, rule) for index, rule in enumerate(ALL_RULES)])


def find(folded: Folded, data: bytes, types: Collection[str]) -> list[Candidate]:
    """Personal data in a folded text (`data` = its UTF-8), as candidates in the original's offsets.

    `types` empty = all. Candidates may overlap: `resolve` decides.
    """
    ends: dict[int, list[int]] = defaultdict(list)
    for index, _, end in _PATTERNS.scan(data):
        ends[index].append(end)
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
        accept = _acceptance(rule, folded)
        for low, high in windows([points[end] for end in found], before, after, len(text)):
            candidates += accepted(rule.exact, text, low, high, accept)
    return candidates


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
