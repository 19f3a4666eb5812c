"""The policy's decision is understood whole or refused."""

from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.policy.document import Candidate
from extproc.policy.schema import decision_schema
from extproc.policy.verdict import (
    POLICY_DENIED,
    Malformed,
    Obligation,
    PolicyReason,
    PolicyVerdict,
    Requirement,
    eligible,
    parse,
)

ALLOW: dict[str, Any] = {"version": "v1", "allow": True}
FULL: dict[str, Any] = {
    "version": "v1",
    "allow": True,
    "reasons": [],
    "mutations": {"redact": ["EMAIL_ADDRESS"], "drop_tools": ["she%22ll"], "max_tokens": 50},
    "route": {"require": [{"attr": "provider", "in": ["a", "b"]}], "pin": "a/m"},
    "obligations": [{"type": "no_cache"}, {"type": "audit", "level": "full"}, {"type": "audit"}],
    "warnings": ["B", "A", "A"],
    "labels": {"rule": ["y", "x"], "k": "v"},
    "faults": [],
    "ttl_s": 0,
}


def test_everything_that_is_supported_is_read() -> None:
    """One decision with every key."""
    assert parse(FULL, "r1") == PolicyVerdict(
        allow=True,
        reasons=(),
        redact=frozenset({"EMAIL_ADDRESS"}),
        drop_tools=frozenset({'she"ll'}),
        max_tokens=50,
        route_require=(Requirement("provider", frozenset({"a", "b"})),),
        route_pin="a/m",
        obligations=(Obligation("audit", "basic"), Obligation("audit", "full"), Obligation("no_cache")),
        warnings=("A", "B"),
        labels={"k": "v", "rule": "x,y"},
        revision="r1",
    )


def test_a_bare_permission_changes_nothing() -> None:
    """Everything but version and allow may be left out."""
    verdict = parse(ALLOW, "r")
    assert verdict.allow
    assert not (verdict.redact or verdict.drop_tools or verdict.route_require or verdict.obligations)
    assert verdict.max_tokens is None
    assert verdict.route_pin is None


def test_a_denial_without_reason_gets_one() -> None:
    """The record always has a code."""
    assert parse({"version": "v1", "allow": False}, "r").reasons == (POLICY_DENIED,)


def test_reasons_are_private_and_403_unless_they_say_otherwise() -> None:
    """A message is for the caller only when its author said so."""
    denied = {"version": "v1", "allow": False, "reasons": [{"code": "NO"}, {"code": "PAY", "status": 402}]}
    assert parse(denied, "r").reasons == (
        PolicyReason("PAY", "", 402, public=False),
        PolicyReason("NO", "", 403, public=False),
    )


BROKEN: list[Any] = [
    None,
    [],
    "allow",
    True,
    {},
    {"version": "v1"},
    {"allow": True},
    {**ALLOW, "version": "v2"},
    {**ALLOW, "allow": "true"},
    {**ALLOW, "allow": 1},
    {**ALLOW, "reasons": [{"code": "NO"}]},
    {**ALLOW, "denied": False},
    {**ALLOW, "faults": ["a.deny"]},
    {**ALLOW, "ttl_s": 5},
    {**ALLOW, "reasons": {}},
    {**ALLOW, "mutations": {"redact_mode": "mask"}},
    {**ALLOW, "mutations": {"headers": {}}},
    {**ALLOW, "mutations": {"system_prepend": "x"}},
    {**ALLOW, "mutations": {"redacted": []}},
    {**ALLOW, "mutations": {"redact": "EMAIL_ADDRESS"}},
    {**ALLOW, "mutations": {"redact": [1]}},
    {**ALLOW, "mutations": {"max_tokens": 0}},
    {**ALLOW, "mutations": {"max_tokens": -1}},
    {**ALLOW, "mutations": {"max_tokens": 1.5}},
    {**ALLOW, "mutations": {"max_tokens": True}},
    {**ALLOW, "mutations": {"max_tokens": "5"}},
    {**ALLOW, "route": {"prefer": ["a"]}},
    {**ALLOW, "route": {"pin": ""}},
    {**ALLOW, "route": {"pin": ["a/m"]}},
    {**ALLOW, "route": {"require": [{"attr": "hosting", "in": ["onprem"]}]}},
    {**ALLOW, "route": {"require": [{"attr": "provider"}]}},
    {**ALLOW, "route": {"require": [{"attr": "provider", "in": "a"}]}},
    {**ALLOW, "obligations": [{"type": "response_scan"}]},
    {**ALLOW, "obligations": [{"type": "no_cache", "level": "full"}]},
    {**ALLOW, "obligations": [{"type": "audit", "level": "loud"}]},
    {**ALLOW, "obligations": [{"type": "page_somebody"}]},
    {**ALLOW, "obligations": ["audit"]},
    {**ALLOW, "warnings": ["not a code"]},
    {**ALLOW, "labels": {"Bad Key": "x"}},
    {**ALLOW, "labels": {"k": 1}},
    {"version": "v1", "allow": False, "reasons": [{"code": "NO", "status": 200}]},
    {"version": "v1", "allow": False, "reasons": [{"code": "NO", "status": "403"}]},
    {"version": "v1", "allow": False, "reasons": [{"code": "NO", "owasp": []}]},
    {"version": "v1", "allow": False, "reasons": [{"code": "no"}]},
    {"version": "v1", "allow": False, "reasons": [{"code": "NO", "message": "x" * 513}]},
    {"version": "v1", "allow": False, "reasons": [{"message": "x"}]},
]


@pytest.mark.parametrize("decision", BROKEN, ids=str)
def test_what_is_not_understood_is_refused(decision: object) -> None:
    """Unknown, unsupported, wrongly typed: never skipped."""
    with pytest.raises(Malformed):
        parse(decision, "r")


def test_an_unknown_type_to_redact_is_refused() -> None:
    """`EMAIL` would redact nothing where detectors say `EMAIL_ADDRESS`."""
    with pytest.raises(Malformed):
        parse({**ALLOW, "mutations": {"redact": ["EMAIL"]}}, "r", {"EMAIL_ADDRESS"})
    assert parse({**ALLOW, "mutations": {"redact": ["EMAIL_ADDRESS"]}}, "r", {"EMAIL_ADDRESS"}).redact


def test_a_refusal_quotes_no_value() -> None:
    """The text goes to a log."""
    with pytest.raises(Malformed) as refused:
        parse({**ALLOW, "warnings": ["anna@example.com"]}, "r")
    assert "anna" not in str(refused.value)


@pytest.mark.parametrize("decision", [ALLOW, FULL], ids=["bare", "full"])
def test_what_is_understood_fits_the_schema(decision: object) -> None:
    """Schema and parser agree on the good."""
    jsonschema.validate(decision, decision_schema())


@pytest.mark.parametrize("decision", BROKEN, ids=str)
def test_what_is_refused_mostly_fails_the_schema(decision: Any) -> None:
    """Schema and parser agree on the bad, but for the one rule a schema of this kind does not carry."""
    if isinstance(decision, dict) and decision.get("allow") is True and decision.get("reasons") == [{"code": "NO"}]:
        return
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(decision, decision_schema())


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(sorted(FULL)), inner, max_size=6),
    )
)
def test_no_json_crashes_the_parser(decision: object) -> None:
    """A verdict or Malformed, nothing else."""
    try:
        verdict = parse(decision, "r")
    except Malformed:
        return
    assert isinstance(verdict, PolicyVerdict)


CANDIDATES = (Candidate("a", "m", 9_000), Candidate("b", "m", 1_000), Candidate("c", "n", 0))


@pytest.mark.parametrize(
    ("route", "left"),
    [
        ({}, ["a/m", "b/m", "c/n"]),
        ({"require": [{"attr": "provider", "in": ["c", "a"]}]}, ["a/m", "c/n"]),
        ({"require": [{"attr": "provider", "in": ["c", "a"]}, {"attr": "model", "in": ["m"]}]}, ["a/m"]),
        ({"require": [{"attr": "backend", "in": ["b/m"]}]}, ["b/m"]),
        ({"pin": "c/n"}, ["c/n"]),
        ({"pin": "c/n", "require": [{"attr": "model", "in": ["m"]}]}, []),
        ({"require": [{"attr": "provider", "in": []}]}, []),
    ],
)
def test_requirements_add_up(route: dict[str, Any], left: list[str]) -> None:
    """Every requirement and the pin must be met; the order of candidates stays."""
    assert [each.backend for each in eligible(CANDIDATES, parse({**ALLOW, "route": route}, "r"))] == left
