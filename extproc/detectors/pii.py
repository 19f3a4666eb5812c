"""Personal data: trigger (Hyperscan) -> exact pattern around it -> validator -> context words.

Pure and linear: each exact pattern is bounded and runs over disjoint windows around its own triggers only.
"""

from collections import defaultdict
from collections.abc import Collection

from extproc.detectors.folding import Folded
from extproc.detectors.patterns import Patterns, Trigger, code_points, windows
from extproc.detectors.pii_numbers import ALL_RULES
from extproc.detectors.pii_rules import CONTEXT, PiiRule
from extproc.detectors.resolve import Candidate

_PATTERNS = Patterns([Trigger(index, rule.trigger) for index, rule in enumerate(ALL_RULES)])
_AFTER = 24  # context words may also follow, closely: "555-0199 (mobile)"
_SLACK = 24  # how far an exact match may reach beyond the trigger's end


def find(folded: Folded, data: bytes, types: Collection[str]) -> list[Candidate]:
    """Personal data in a folded text (`data` = its UTF-8), as candidates in the original's offsets.

    `types` empty = all. Candidates may overlap: `resolve` decides.
    """
    ends: dict[int, list[int]] = defaultdict(list)
    for hit in _PATTERNS.scan(data):
        ends[hit.rule].append(hit.end)
    if not ends:
        return []
    text = folded.text
    points = code_points(data, (end for found in ends.values() for end in found), ascii_only=len(data) == len(text))
    candidates: list[Candidate] = []
    for index, found in ends.items():
        rule = ALL_RULES[index]
        if types and rule.type not in types:
            continue
        for low, high in windows([points[end] for end in found], rule.width + 1, _SLACK, len(text)):
            candidates += _confirmed(rule, folded, low, high)
    return candidates


def _confirmed(rule: PiiRule, folded: Folded, low: int, high: int) -> list[Candidate]:
    """The exact matches in one window that pass the rule's validator and have its context."""
    candidates = []
    for match in rule.exact.finditer(folded.text, low, high):
        value = match[0] if rule.trim is None else rule.trim(match[0])
        if rule.valid is not None and not rule.valid(value):
            continue
        start = match.start()
        end = start + len(value)
        if rule.context is not None and not _has_context(rule, folded.text, start, end):
            continue
        origin = folded.original(start, end)
        candidates.append(Candidate(*origin, rule.type, "pii", rule.rank, rule.score))
    return candidates


def _has_context(rule: PiiRule, text: str, start: int, end: int) -> bool:
    context = rule.context
    if context is None:
        return True
    before = text[max(0, start - CONTEXT) : start].replace("_", " ")
    line = before.rpartition("\n")[2]
    if line.strip():  # a line above speaks for this number only when nothing else stands before it
        before = line
    return context.search(before) is not None or context.search(text, end, end + _AFTER) is not None
