"""Personal data: disguises, offsets, types, hard negatives."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.detectors.scoring import personal_data


def found(text: str) -> list[tuple[str, str]]:
    return [(type_, text[start:end]) for start, end, type_ in personal_data(text)]


@pytest.mark.parametrize("before", ["", "héllo ", "日本語 ", "🙂🙂 ", "\u200b\u200b ", "ｆｕｌｌ "])
def test_offsets_are_code_points_of_the_original(before: str) -> None:
    """Whatever stands before, the stretch is the address."""
    assert found(before + "john@example.com ok") == [("EMAIL_ADDRESS", "john@example.com")]


def test_a_zero_width_character_inside_is_part_of_the_stretch() -> None:
    """The original stretch, disguise included, is what is redacted."""
    assert found("mail j\u200bohn@exam\u2060ple.com now") == [("EMAIL_ADDRESS", "j\u200bohn@exam\u2060ple.com")]


def test_full_width_digits_are_digits() -> None:
    """A card in full-width digits is a card."""
    card = "".join(chr(0xFF10 + int(c)) for c in "4111111111111111")
    assert found(f"card {card}.") == [("CREDIT_CARD", card)]


@pytest.mark.parametrize("dash", ["\u2010", "\u2011", "\u2013", "\u2212"])
def test_typographic_dashes_are_dashes(dash: str) -> None:
    """An SSN written with another dash is an SSN."""
    ssn = dash.join(("536", "90", "4399"))
    assert found(f"SSN {ssn}") == [("US_SSN", ssn)]


def test_a_column_header_speaks_only_for_its_line() -> None:
    """The employee number under an `ssn` header line is no SSN, the dashed one is."""
    assert found("employee,name,ssn\n536904399,Ann,536-90-4399\n") == [("US_SSN", "536-90-4399")]


def test_a_bare_number_needs_its_word() -> None:
    """Nine digits are nothing, nine digits called a SIN are one."""
    assert found("value 046454286 here") == []
    assert found("routing number 021000021 here") == [("ABA_ROUTING_NUMBER", "021000021")]


@settings(max_examples=150, deadline=None)
@given(st.text(alphabet=st.sampled_from(list("ab1234567890@.:- +()é\u200b０日🙂\n")), max_size=120))
def test_spans_are_ordered_disjoint_and_inside(text: str) -> None:
    """No text fails; spans are proper stretches of it."""
    position = 0
    for start, end, _ in personal_data(text):
        assert position <= start < end <= len(text)
        position = end
