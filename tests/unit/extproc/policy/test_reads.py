"""Only what the rules read is sent and remembered by; what they might read counts as read."""

import pytest

from extproc.policy.document import build
from extproc.policy.reads import reads
from extproc.policy.samples import FULL
from extproc.policy.sources import Module

DOCUMENT = build(FULL)


@pytest.mark.parametrize(
    ("rule", "projected"),
    [
        ("x := 1", {}),
        ("x := input.model.requested", {"model": {"requested": "fast"}}),
        ("x := input.model.requested\ny := input.model", {"model": DOCUMENT["model"]}),
        ("x := input.model\ny := input.model.requested", {"model": DOCUMENT["model"]}),
        ("x := input.tools[_].name", {"tools": DOCUMENT["tools"]}),
        ("x := input", DOCUMENT),
        ('x := input["model"]', DOCUMENT),
        ("import input.tenant as t", {"tenant": DOCUMENT["tenant"]}),
        ('# input.model\nx := data.input.model\ny := "input.risk"', {}),
        ("x := object.get(input, key, 1)", DOCUMENT),
        ("x := input\n\t.tenant\n\t.id", {"tenant": {"id": "acme"}}),
    ],
)
def test_a_projection_holds_what_is_read(rule: str, projected: object) -> None:
    """A path that is not plain counts as everything."""
    assert reads([Module("a", "package a\n" + rule)]).project(DOCUMENT) == projected


@pytest.mark.parametrize(
    ("rule", "repeats"),
    [
        ("x := input.time.hour", True),
        ("x := input.time.ns", False),
        ("x := input.time", False),
        ("x := input.request.stream", True),
        ("x := input.request.id", False),
        ("x := input", False),
    ],
)
def test_what_never_comes_back_is_not_remembered(rule: str, repeats: bool) -> None:
    """A request id or a clock in nanoseconds would only fill the memory."""
    assert reads([Module("a", "package a\n" + rule)]).repeats is repeats


def test_an_absent_section_stays_absent() -> None:
    """The projection invents nothing."""
    assert reads([Module("a", "package a\nx := input.risk.score")]).project({}) == {}
