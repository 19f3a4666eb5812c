"""Untrusted JSON values become safe scalars."""

import re

from hypothesis import given
from hypothesis import strategies as st

from forebay.record import scalars
from forebay.record.model import LARGEST, MOST_ITEMS, NAME_PATTERN, UNSAFE

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=8,
)


def test_names_pass_as_they_are() -> None:
    """What tenants, models, routes and ids look like."""
    for text in (
        "acme",
        "gpt-4o",
        "m:gpt-4o",
        "meta-llama/Llama-3.3",
        "3f2a9c1e-0000-4000-8000-000000000000",
        "EMAIL_ADDRESS",
    ):
        assert scalars.name(text) == text


def test_other_texts_are_unsafe() -> None:
    """An address, a sentence, a line feed, a very long name: nothing a caller may write into the record."""
    for text in ("jane@example.com", "my name is", "a\nb", "a" * 200, "é", "{}", "-x", " "):
        assert scalars.name(text) == UNSAFE


def test_absent_values_are_null() -> None:
    """Envoy's three ways to say nothing."""
    for value in (None, "-", ""):
        assert scalars.name(value) is None
        assert scalars.count(value) is None
        assert scalars.flags(value) == ()
        assert scalars.word(value) is None


def test_counts_come_as_numbers_and_as_text() -> None:
    """Envoy prints either; protobuf's numbers are floats."""
    assert [scalars.count(value) for value in (7, "7", 7.0, 0)] == [7, 7, 7, 0]
    assert [scalars.count(value) for value in (-1, 7.5, "7.5", "x", True, float("nan"), float("inf"), LARGEST + 1)] == [
        None
    ] * 8


def test_amounts_are_finite_and_not_negative() -> None:
    """Money."""
    assert [scalars.amount(value) for value in (0.0035, "0.0035", 2)] == [0.0035, 0.0035, 2.0]
    assert [scalars.amount(value) for value in (-1.0, float("nan"), float("inf"), "1e3", True, None)] == [None] * 6


def test_scores_end_at_a_hundred() -> None:
    """A risk beyond is as risky as can be."""
    assert [scalars.score(value) for value in (0, 73, 100, 250, -1)] == [0, 73, 100, 100, None]


def test_details_lose_what_they_quote() -> None:
    """Envoy appends addresses and TLS errors in braces."""
    assert scalars.word("upstream_reset_before_response_started{connection_failure,TLS_error:|10.0.0.1|}") == (
        "upstream_reset_before_response_started"
    )
    assert scalars.word("rbac_access_denied_matched_policy[none]") == "rbac_access_denied_matched_policy"
    assert scalars.word("ext_proc_error_gRPC_error_14{secret text}") == "ext_proc_error_gRPC_error_14"
    assert scalars.word("my prompt is this") == UNSAFE


def test_flags_are_split_and_checked() -> None:
    """Envoy joins them by commas."""
    assert scalars.flags("UF,URX") == ("UF", "URX")
    assert scalars.flags("DC") == ("DC",)
    assert scalars.flags("UF,<script>,URX") == ("UF", "URX")


def test_methods_outside_the_list_are_other() -> None:
    """A method is free text of the caller's."""
    assert scalars.one_of("GET", ("GET", "POST")) == "GET"
    assert scalars.one_of("IGNORE-ALL", ("GET", "POST")) == "other"


def test_addresses_are_addresses() -> None:
    """Masked ones too; anything else is null."""
    assert scalars.address("203.0.113.0/24") == "203.0.113.0/24"
    assert scalars.address("2001:db8::/48") == "2001:db8::/48"
    assert scalars.address("/run/x.sock") is None


def test_maps_and_lists_are_bounded() -> None:
    """A policy that sets a thousand labels fills no disk."""
    assert len(scalars.counts({f"k{n}": n for n in range(1000)})) == MOST_ITEMS
    assert len(scalars.names([f"n{n}" for n in range(1000)])) == MOST_ITEMS


def test_entries_with_unsafe_keys_are_left_out() -> None:
    """A key cannot be replaced by a mark: two of them would collide."""
    assert scalars.counts({"EMAIL_ADDRESS": 2, "jane@example.com": 1}) == {"EMAIL_ADDRESS": 2}
    assert scalars.labels({"rule": "x", "a b": "y", "c": "d e"}) == {"rule": "x", "c": UNSAFE}


@given(JSON)
def test_every_value_has_an_answer_within_the_schema(value: object) -> None:
    """Total, and what comes out is what the schema allows."""
    pattern = re.compile(NAME_PATTERN)
    for text in (
        scalars.name(value),
        scalars.time(value),
        scalars.word(value),
        *scalars.names(value),
        *scalars.flags(value),
    ):
        assert text is None or pattern.fullmatch(text)
    for number in (scalars.count(value), scalars.score(value), *scalars.counts(value).values()):
        assert number is None or 0 <= number <= LARGEST
    scalars.amount(value), scalars.flag(value), scalars.address(value), scalars.labels(value), scalars.mapping(value)
    scalars.one_of(value, ("a",))
