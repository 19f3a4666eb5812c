"""Placeholders: stable, keyed, never a look-alike's."""

import re

from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.placeholders import placeholder, plan
from extproc.findings import Span, Text

KEY = b"k" * 32


def text(value: str) -> Text:
    return Text("messages[0].content", "user", value, 0, 0)


def test_a_placeholder_is_plain_ascii_with_its_type() -> None:
    """Type, underscore, six characters, in brackets."""
    assert re.fullmatch(r"\[EMAIL_ADDRESS_[a-z2-7]{6}\]", placeholder(KEY, "acme", "EMAIL_ADDRESS", "a@b.co"))
    assert placeholder(KEY, "acme", "aws-access-key", "x").startswith("[AWS_ACCESS_KEY_")


def test_the_same_value_of_a_tenant_has_the_same_placeholder() -> None:
    """Across calls; another tenant, key or value has another."""
    one = placeholder(KEY, "acme", "EMAIL_ADDRESS", "a@b.co")
    assert placeholder(KEY, "acme", "EMAIL_ADDRESS", "a@b.co") == one
    assert placeholder(KEY, "other", "EMAIL_ADDRESS", "a@b.co") != one
    assert placeholder(b"j" * 32, "acme", "EMAIL_ADDRESS", "a@b.co") != one


def test_a_look_alike_in_the_request_is_never_used() -> None:
    """The tag is bumped until it stands nowhere in any text."""
    first = placeholder(KEY, "acme", "EMAIL_ADDRESS", "a@b.co")
    second = placeholder(KEY, "acme", "EMAIL_ADDRESS", "a@b.co", 1)
    texts = [text("a@b.co"), text(f"echo {first} and {second}")]
    used = plan(texts, [[Span(0, 6, "EMAIL_ADDRESS")], []], KEY, "acme").values
    assert first not in used
    assert second not in used
    assert list(used.values()) == ["a@b.co"]


def test_values_counts_and_replacements_agree() -> None:
    """Two stretches of one value share a placeholder and count twice."""
    redaction = plan(
        [text("a@b.co a@b.co")], [[Span(0, 6, "EMAIL_ADDRESS"), Span(7, 13, "EMAIL_ADDRESS")]], KEY, "acme"
    )
    ((first, second),) = redaction.replacements
    assert first[2] == second[2]
    assert redaction.counts == {"EMAIL_ADDRESS": 2}
    assert "a@b.co" not in repr(redaction)


@given(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=8))
def test_restoring_gives_the_original_back(values: list[str]) -> None:
    """Replace and restore is the identity, whatever the values."""
    texts = [text(value) for value in values]
    redaction = plan(texts, [[Span(0, len(value), "US_SSN")] for value in values], KEY, "acme")
    restored = [redaction.values[one[0][2]] for one in redaction.replacements]
    assert restored == values
