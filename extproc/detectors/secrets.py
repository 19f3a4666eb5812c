"""Secrets: trigger (Hyperscan) -> exact pattern around it -> is it a value at all, and random enough?

Pure and linear, as personal data is. A provider's own format needs no further proof than its prefix and shape; a value
that only the words around it call secret must look like one: no placeholder, no code, no word, and enough entropy.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable
from functools import partial
from math import log2

from extproc.detectors.attempts import Verdicts, accepted
from extproc.detectors.folding import Folded
from extproc.detectors.patterns import Patterns, Trigger, code_points, windows
from extproc.detectors.resolve import Candidate
from extproc.detectors.secret_rules import SECRET_RULES, SecretRule

PATTERNS = Patterns([Trigger(i, rule.trigger, caseless=rule.caseless) for i, rule in enumerate(SECRET_RULES)])
_RANK = 200  # above all personal data: an e-mail address inside a connection string is part of the secret

_PLACEHOLDER = re.compile(
    r"(?i)x{4,}|\*{3,}|\.{3}|…|your|example|placeholder|change.?me|redacted|dummy|sample|todo|insert|fake|<|>|\$\{|\$\(|%s|\{\{"
    r"|^\$[A-Za-z_]|process\.env|os\.environ|getenv|config\.|settings\.|secrets\.|vault\.|none$|null$|true$|false$|undefined$"
    r"|^(?:abc|qwe)?12345|^[a-z]+_?(?:key|token|secret|password)s?$|^(?:https?|file)://"
)
_EXAMPLE = re.compile(r"EXAMPLE|[Xx]{6,}|\*{4,}|#{4,}|\.{3}|(?i:_here|tokenhere|your_?token|redacted)")
_KEY_BODY = re.compile(r"(?=[A-Za-z0-9+/]*[0-9])(?=[A-Za-z0-9+/]*[a-z])(?=[A-Za-z0-9+/]*[A-Z])[A-Za-z0-9+/]{48}")
_NO_PASSWORDS = frozenset({"password", "passwd", "pass", "pwd", "secret", "token", "user", "username", "port"})
_CODE = re.compile(
    r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*|::\w+)+\(?|[A-Za-z_]\w*\(.*|[a-z]+(?:[_-][a-z]+)+|[A-Z]+(?:_[A-Z]+)+"
    r"|[A-Z]?[a-z]+(?:[A-Z][a-z]+)*"
)
_DATE_OR_NUMBER = re.compile(r"[\d.,:/+-]+")


def find(folded: Folded, data: bytes) -> list[Candidate]:
    """Secrets in a folded text (`data` = its UTF-8), as candidates in the original's offsets; they may overlap."""
    ends: dict[int, list[int]] = defaultdict(list)
    for index, _, end in PATTERNS.scan(data):
        ends[index].append(end)
    if not ends:
        return []
    text = folded.text
    points = code_points(data, (end for found in ends.values() for end in found), ascii_only=len(data) == len(text))
    candidates: list[Candidate] = []
    for index, found in ends.items():
        rule = SECRET_RULES[index]
        accept = _acceptance(rule, folded)
        for low, high in windows([points[end] for end in found], rule.before, rule.after, len(text)):
            candidates += accepted(rule.exact, text, low, high, accept)
    return candidates


def _acceptance(rule: SecretRule, folded: Folded) -> Callable[[re.Match[str]], tuple[int, Candidate] | None]:
    """What takes the exact matches whose value is a secret."""
    is_secret = Verdicts(partial(_is_secret, rule))

    def accept(match: re.Match[str]) -> tuple[int, Candidate] | None:
        start, end = match.span(rule.group)
        value = match[rule.group]
        if rule.assigned:
            value = value.rstrip(".,;:!?)")
            end = start + len(value)
        if not is_secret(value):
            return None
        return end, Candidate(*folded.original(start, end), rule.id, "secret", _RANK + rule.score, rule.score)

    return accept


def _is_secret(rule: SecretRule, value: str) -> bool:
    if rule.id == "private-key" and _KEY_BODY.search(value):
        return True  # whatever else stands in it
    if not rule.assigned:
        return entropy(value) >= max(rule.entropy, 2.0) and _EXAMPLE.search(value) is None
    if rule.id in {"url-password", "curl-credentials"}:
        return value.lower() not in _NO_PASSWORDS and _PLACEHOLDER.search(value) is None
    if _PLACEHOLDER.search(value) or _CODE.fullmatch(value):
        return False
    if rule.id == "password":
        return entropy(value) >= rule.entropy and _mixed(value) >= 2
    return (
        len(value) >= 12
        and _mixed(value) >= 2
        and any(map(str.isdigit, value))
        and _DATE_OR_NUMBER.fullmatch(value) is None
        and entropy(value) >= rule.entropy
    )


def _mixed(value: str) -> int:
    """How many of lower case, upper case, digits and signs the value has."""
    kinds = (str.islower, str.isupper, str.isdigit, lambda c: not c.isalnum())
    return sum(any(map(kind, value)) for kind in kinds)


def entropy(value: str) -> float:
    """Shannon entropy of the characters, bits per character; 0 for an empty value."""
    total = len(value)
    return -sum(count / total * log2(count / total) for count in Counter(value).values())
