"""docs/policies.md says what the code does."""

import json
import re
from pathlib import Path
from typing import Any

from extproc.policy.builtins import ALLOWED
from extproc.policy.check import check
from extproc.policy.document import build
from extproc.policy.lint import CONTRIBUTIONS
from extproc.policy.samples import FULL
from extproc.policy.verdict import parse

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "policies.md").read_text("utf-8")


def _section(name: str) -> str:
    return PAGE.split(f"<!-- {name}: tested against the code -->\n", 1)[1].split("\n#", 1)[0]


def _json(name: str) -> Any:
    found = re.search(r"```json\n(.*?)```", _section(name), re.DOTALL)
    assert found
    return json.loads(found[1])


def test_the_input_is_that_of_the_full_sample() -> None:
    """Key by key."""
    assert _json("input") == build(FULL)


def test_the_decision_is_understood() -> None:
    """It shows every part once."""
    verdict = parse(_json("decision"), "r")
    assert not verdict.allow
    assert verdict.max_tokens == 1024


def test_every_contribution_is_documented() -> None:
    """And no other."""
    assert set(re.findall(r"^\| `(\w+)` \|", _section("contributions"), re.MULTILINE)) == CONTRIBUTIONS


def test_the_builtins_are_listed() -> None:
    """All that may be called, and nothing else."""
    assert set(re.findall(r"`([\w.]+)`", _section("builtins"))) == ALLOWED


def test_the_rules_on_the_page_can_be_served(tmp_path: Path) -> None:
    """Copied and pasted."""
    rules = re.findall(r"```rego\n(.*?)```", PAGE, re.DOTALL)
    assert len(rules) == 3
    for index, rule in enumerate(rules):
        (tmp_path / f"rule{index}.rego").write_text(rule)
    assert check(sorted(tmp_path.glob("*.rego"))) == []
