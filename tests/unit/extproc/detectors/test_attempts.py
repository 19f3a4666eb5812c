"""A decoy does not use up the value; the work is bounded by the text."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.detectors.attempts import Verdicts, accepted
from extproc.detectors.scoring import personal_data

PAIRS = re.compile(r"\d\d")


def test_a_refused_match_does_not_hide_what_begins_inside_it() -> None:
    """`12` is refused, `23` inside it is tried."""
    taken = accepted(PAIRS, "123", 0, 3, lambda match: (match.end(), match[0]) if match[0] == "23" else None)
    assert list(taken) == ["23"]


@given(st.text(alphabet="12 ", max_size=200))
def test_no_place_of_the_text_is_tried_twice(text: str) -> None:
    """Counted, not timed: as many attempts as characters at the most, whatever is refused."""
    tried: list[int] = []

    def refuse(match: re.Match[str]) -> None:
        tried.append(match.start())

    assert list(accepted(PAIRS, text, 0, len(text), refuse)) == []
    assert len(tried) <= len(text)
    assert len(set(tried)) == len(tried)


def test_a_value_that_repeats_is_checked_only_once() -> None:
    """Five thousand times the same value is one check."""
    asked: list[str] = []

    def check(value: str) -> bool:
        asked.append(value)
        return len(value) > 3

    verdicts = Verdicts(check)
    assert [verdicts("4111")] * 5000 == [verdicts("4111") for _ in range(5000)]
    assert verdicts("1") is False
    assert asked == ["4111", "1"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("4111 4111 1111 1111 1111", "4111 1111 1111 1111"),
        ("1234-4111-1111-1111-1111", "4111-1111-1111-1111"),
        ("4111 1111 1111 1111 123", "4111 1111 1111 1111"),
        ("1.4111111111111111", "4111111111111111"),
        ("DE00 DE89 3704 0044 0532 0130 00", "DE89 3704 0044 0532 0130 00"),
        ("000-00-0000 536-90-4399", "536-90-4399"),
    ],
)
def test_a_decoy_beside_a_value_does_not_hide_it(text: str, value: str) -> None:
    """What stands in front or behind and fits the form is not swallowed with the value."""
    assert [text[start:end] for start, end, _ in personal_data(text)] == [value]
