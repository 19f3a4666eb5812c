"""Findings -> a risk score 0-100 with the addends it is made of. A table; pure."""

from collections.abc import Iterable

from extproc.findings import Addend, Finding, Risk

_INJECTION_SHARE = 0.7  # of the injection score
_SECRET = 40
_PERSONAL_DATA = 10  # a type that is not in the table
_PERSONAL_DATA_POINTS = {
    "EMAIL_ADDRESS": 6,
    "PHONE_NUMBER": 6,
    "IP_ADDRESS": 4,
    "MAC_ADDRESS": 4,
    "CRYPTO": 8,
    "CREDIT_CARD": 25,
    "IBAN_CODE": 20,
    "US_BANK_NUMBER": 15,
    "ABA_ROUTING_NUMBER": 8,
    "US_SSN": 25,
    "US_ITIN": 25,
    "US_PASSPORT": 20,
    "US_MBI": 20,
    "UK_NHS": 20,
    "UK_NINO": 20,
    "IN_AADHAAR": 20,
}
_MANY = 10  # occurrences of one type from which it counts double: a list of people, not a person


def score(findings: Iterable[Finding]) -> Risk:
    """The risk of a body with these findings: each kind and type counts once, at its highest over the channels.

    The score is the sum of the addends, capped at 100; the addends are sorted by id and never zero.
    """
    points: dict[str, int] = {}
    counts: dict[str, int] = {}
    for finding in findings:
        id_, worth = _addend(finding)
        points[id_] = max(points.get(id_, 0), worth)
        counts[id_] = counts.get(id_, 0) + finding.count
    doubled = {
        id_: worth * 2 if id_.startswith("pii.") and counts[id_] >= _MANY else worth for id_, worth in points.items()
    }
    addends = tuple(Addend(id_, worth) for id_, worth in sorted(doubled.items()) if worth)
    return Risk(min(100, sum(addend.points for addend in addends)), addends)


def _addend(finding: Finding) -> tuple[str, int]:
    if finding.kind == "injection":
        return "injection", round(finding.score * _INJECTION_SHARE)
    if finding.kind == "secret":
        return f"secret.{finding.type}", _SECRET
    return f"pii.{finding.type}", _PERSONAL_DATA_POINTS.get(finding.type, _PERSONAL_DATA)
