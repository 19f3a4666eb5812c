"""Prompt injection: views of a text -> evidence -> a score 0-100. Deterministic; linear in the text.

Evidence of one family counts once, at its strongest; families combine as independent evidence: 1 - product(1 - w).
"""

import re
from collections.abc import Mapping

from extproc.detectors.injection_languages import LANGUAGE_RULES
from extproc.detectors.injection_rules import RULES, InjectionRule
from extproc.detectors.normalise import Signals, Views, normalise
from extproc.detectors.patterns import Patterns, Trigger, encode
from extproc.findings import Channel
from forebay.frozen import frozen

ALL_RULES: tuple[InjectionRule, ...] = RULES + LANGUAGE_RULES
PATTERNS = Patterns([Trigger(index, rule.pattern) for index, rule in enumerate(ALL_RULES)])

# What a disguise is worth by itself, and what it adds when what it hid is evidence too.
_SIGNALS = (
    ("had_tags", "disguise.tag-characters", 45),
    ("had_bidi", "disguise.bidi", 8),
    ("unread", "disguise.unread", 60),  # over the default threshold: what was not looked at does not pass for clean
)
_HIDDEN_FACTOR = 1.1

# Chosen on development data: ordinary prompts stay under it, half of the attacks with some evidence are over it.
_DECISIVE = 50.0
_MENTION = 0.25  # of a weight, when a text only talks about the words
_TALKS_ABOUT = re.compile(
    rb"prompt[ -]injections?|injection attacks?|jailbreak(?:s|ing)?\b|adversarial prompts?|red[ -]team|owasp"
    rb"|guardrails?|llm security"
    rb"|\b(?:what|how|why|when|can|could|should|does|do|is|are|explain|describe|define|discuss|compare|list|give)\b.{0,80}"
    rb"\b(?:attack|attacks|defend|defen[cs]e|detect|detects|prevent|mitigat\w*|mean|means|meaning|phrase|sentence"
    rb"|example|examples|filter|protect|block"
    rb"|classifier|sanitize|vulnerab\w*|attempt|attempts|attacker|attackers|users? (?:type|say|write|send))\b"
)
_QUOTES = re.compile(rb"[\"'`]|\xe2\x80[\x98-\x9f]|\xc2[\xab\xbb]|\xe3\x80[\x8c-\x8f]")
_BEFORE_MENTION = re.compile(
    rb"(?:phrases?|words?|strings?|texts?|sentences?|such as|like|e\.g\.|for example|called|named|says?|saying"
    rb"|said|titled|contain(?:s|ing)?|with the"
    rb"|attempts?|tr(?:y|ies|ying)|attackers? (?:may|might|can|could|will)|someone|users?|tell(?:s|ing)?|ask(?:s|ing)?"
    rb"|instruct(?:s|ing)?|prompts? that"
    rb"|model to|ai to|llm to|assistant to|chatbot to|how (?:do|to|can)|why do|defend against"
    rb"|against|prevent|detect|block|about)[^.!?\n]{0,40}$"
)
_NEAR = 90


@frozen
class Evidence:
    """Rule ids with what each was worth here; content-free. `strongest` = "" when there is none."""

    score: int
    weights: Mapping[str, int]

    @property
    def strongest(self) -> str:
        return max(self.weights, key=lambda rule: (self.weights[rule], rule), default="")


NOTHING = Evidence(0, {})


def detect(text: str, channel: Channel) -> Evidence:
    """How much `text`, coming from `channel`, tries to take the model over.

    System prompts are their author's to write and are not scored: 0 always. Tool output and documents have their own
    weights, since nobody there has a reason to address the model.
    """
    if channel == "system" or not text:
        return NOTHING
    views = normalise(text)
    return _combine(views, channel)


def _combine(views: Views, channel: Channel) -> Evidence:
    from_data = channel in {"tool", "document"}
    weights: dict[str, int] = {}
    families: dict[str, int] = {}
    for number, view in enumerate(views.texts):
        for rule, weight in _evidence(view, from_data, hidden=number > 0).items():
            weights[rule.id] = max(weight, weights.get(rule.id, 0))
            # Each abuse of a tool is a deed of its own; other families say one thing in several ways.
            group = rule.id if rule.family == "agentic" else rule.family
            families[group] = max(weight, families.get(group, 0))
    if families or views.signals.had_tags or views.signals.unread:
        for id_, weight in _disguises(views.signals):
            weights[id_] = families[id_] = weight
    remaining = 1.0
    for weight in families.values():
        remaining *= 1 - weight / 100
    return Evidence(_scaled(100 * (1 - remaining)), weights)


def _scaled(combined: float) -> int:
    """The combined weight on the scale of thresholds: what outweighs doubt (`_DECISIVE`) is 70, nothing is 0."""
    if combined < _DECISIVE:
        return round(combined * 70 / _DECISIVE)
    return round(70 + (combined - _DECISIVE) * 30 / (100 - _DECISIVE))


def _disguises(signals: Signals) -> list[tuple[str, int]]:
    return [(id_, weight) for name, id_, weight in _SIGNALS if getattr(signals, name)]


def _evidence(view: str, from_data: bool, hidden: bool) -> dict[InjectionRule, int]:
    """The rules that match in one view, each with its weight here."""
    data = encode(view)
    hits = PATTERNS.scan(data)
    if not hits:
        return {}
    ends: dict[int, list[int]] = {}
    for index, _, end in hits:
        ends.setdefault(index, []).append(end)
    talks_about = not from_data and _talks_about(data)
    found: dict[InjectionRule, int] = {}
    for index, rule_ends in ends.items():
        rule = ALL_RULES[index]
        weight = float(rule.data_weight if from_data else rule.weight)
        if hidden:
            weight = min(95.0, weight * _HIDDEN_FACTOR)
        elif talks_about and rule.mention and all(_mentioned(data, end) for end in rule_ends[:16]):
            weight *= _MENTION
        found[rule] = max(round(weight), found.get(rule, 0))
    return found


def _talks_about(data: bytes) -> bool:
    """Whether a text, at its start or its end, speaks about attacks rather than making one."""
    return (
        _TALKS_ABOUT.search(data, 0, 2000) is not None
        or _TALKS_ABOUT.search(data, max(0, len(data) - 1000)) is not None
    )


def _mentioned(data: bytes, end: int) -> bool:
    """Whether what was hit stands in quotation marks, or behind words that introduce somebody else's words."""
    start = data.rfind(b"\n", 0, end)
    before = data[max(start + 1, end - 200) : end]
    if len(_QUOTES.findall(before)) % 2 == 1 and _QUOTES.search(data, end, end + 200):
        return True
    return _BEFORE_MENTION.search(before[: max(0, len(before) - 20)][-_NEAR:]) is not None
