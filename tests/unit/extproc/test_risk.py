"""Risk: a table, summed and capped."""

from extproc.findings import Addend, Finding
from extproc.risk import score


def test_nothing_found_is_no_risk() -> None:
    """Zero and no addends."""
    assert score([]).score == 0
    assert score([]).addends == ()


def test_addends_are_named_and_summed() -> None:
    """Injection counts its share, each type once."""
    risk = score(
        [
            Finding("injection", "override.ignore-previous", "user", 1, 90),
            Finding("pii", "US_SSN", "user", 1, 90),
            Finding("pii", "US_SSN", "tool", 2, 90),
        ]
    )
    assert risk.addends == (Addend("injection", 63), Addend("pii.US_SSN", 25))
    assert risk.score == 88


def test_the_score_is_capped() -> None:
    """Three secrets are 100, not 120."""
    assert score([Finding("secret", f"rule-{n}", "user", 1, 90) for n in range(3)]).score == 100


def test_a_list_of_people_counts_double() -> None:
    """Ten addresses are more than one."""
    assert score([Finding("pii", "EMAIL_ADDRESS", "user", 10, 99)]).addends == (Addend("pii.EMAIL_ADDRESS", 12),)
