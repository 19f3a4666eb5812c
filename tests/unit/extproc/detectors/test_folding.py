"""Folding: what nobody sees does not hide a value, and offsets lead back to the original."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.folding import fold, readings
from extproc.detectors.scoring import personal_data

CARD = "4111111111111111"
UNSEEN = [
    "\x00", "\x1b", "\x7f", "\x85", "\u00ad", "\u034f", "\u115f", "\u1160", "\u180e", "\u200b", "\u2060", "\u2800",
    "\u3164", "\ufe0f", "\uffa0", "\U000e0100", "\U000e0041", "\u0336", "\u20e3", "\u0651", "\u0e38", "\u093c",
]  # fmt: skip


@pytest.mark.parametrize("character", UNSEEN, ids=lambda character: f"U+{ord(character):04X}")
def test_a_character_nobody_sees_hides_no_number(character: str) -> None:
    """Between all digits, the stretch found reaches from the first to the last."""
    text = "is " + character.join(CARD) + " it"
    assert [text[start:end] for start, end, _ in personal_data(text)] == [text[3:-3]]


@pytest.mark.parametrize("character", ["\u200b", "\u2800", "\x85", "\u3164"])
def test_an_invisible_divider_joins_no_digits_to_a_number(character: str) -> None:
    """It may stand for a space as well: both readings are searched."""
    text = f"12{character}{CARD}{character}34"
    assert [text[start:end] for start, end, _ in personal_data(text)] == [CARD]


def test_a_number_spelt_in_tags_is_found() -> None:
    """A model reads them although nobody sees them."""
    hidden = "".join(chr(0xE0000 + ord(digit)) for digit in CARD)
    text = f"hello {hidden}!"
    assert [text[start:end] for start, end, _ in personal_data(text)] == [hidden]


def test_marks_that_spell_in_their_own_script_stay() -> None:
    """Hindi, Thai and Arabic words are left as they are."""
    for word in ("हिन्दी", "ที่นี่", "عَرَبِيّ"):
        assert fold(word).text == word


def test_plain_text_has_one_reading_and_is_itself() -> None:
    """Nothing is copied for nothing."""
    text = "ordinary words, 12 of them\n"
    assert [one.text for one in readings(text)] == [text]


@given(st.text(alphabet=st.sampled_from([*"ab1 .", *UNSEEN, "é", "１", "日"]), max_size=60))
def test_every_stretch_of_every_reading_lies_in_the_original(text: str) -> None:
    """One folded character comes from one original character, in order."""
    for folded in readings(text):
        position = 0
        for index in range(len(folded.text)):
            start, end = folded.original(index, index + 1)
            assert position <= start < end <= len(text)
            position = end
