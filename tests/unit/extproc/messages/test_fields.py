"""Typed reading."""

import pytest

from extproc.messages import fields
from extproc.messages.json_spans import Node, parse
from extproc.messages.refusal import Refused
from forebay.outcomes import Reason


def node(text: str) -> Node:
    return parse(text.encode(), 9)


def test_a_boolean_is_no_number() -> None:
    """Python thinks it is one."""
    for read in (fields.integer, fields.number):
        with pytest.raises(Refused) as caught:
            read(node("true"), "n", 0)
        assert caught.value.reason is Reason.INVALID_TYPE


def test_integers_are_bounded_on_both_sides() -> None:
    """No provider reads more than 64 bits."""
    assert fields.integer(node("5"), "n", 5) == 5
    for text in ("4", str(2**63)):
        with pytest.raises(Refused) as caught:
            fields.integer(node(text), "n", 5)
        assert caught.value.reason is Reason.INVALID_VALUE


def test_numbers_are_bounded_where_the_api_bounds_them() -> None:
    """Both ends are allowed; the refusal names the range."""
    assert fields.number(node("2"), "t", 0, 2) == 2.0
    assert fields.integer(node("20"), "t", 0, 20) == 20
    for read, text in ((fields.number, "2.5"), (fields.integer, "3")):
        with pytest.raises(Refused, match="from 0 to 2"):
            read(node(text), "t", 0, 2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("[1]", True), ("[1.5]", True), ("[[1]]", True), ("[]", False), ("[[]]", False), ('["a"]', False), ("5", False)],
)
def test_token_ids_are_told_by_their_first_element(text: str, expected: bool) -> None:
    """Flat or one list per input; a vector is none the better."""
    assert fields.holds_numbers(node(text)) is expected


def test_an_element_true_is_no_token_id() -> None:
    """It is simply wrong."""
    assert not fields.holds_numbers(node("[true]"))
