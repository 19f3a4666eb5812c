"""What `forebay validate` says about policy files."""

from pathlib import Path

import pytest

from extproc.policy.check import check
from extproc.policy.sources import shipped_policies

GOOD = "package forebay.rules.good\n\ncap contains 5\n"


def _check(tmp_path: Path, **files: str) -> list[str]:
    for name, text in files.items():
        (tmp_path / f"{name}.rego").write_text(text)
    return [problem.removeprefix(f"{tmp_path}/") for problem in check(sorted(tmp_path.glob("*.rego")))]


def test_the_examples_can_be_served() -> None:
    """All of them together."""
    folder = shipped_policies() / "examples"
    rules = [each for each in folder.glob("*.rego") if not each.stem.endswith("_test")]
    assert check([*rules, folder / "data.json"]) == []


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        ('\ndeny contains {"code": }\n', "bad.rego:3:16: Invalid collection"),
        ("\ncap contains 1\n\ndefault x := 1\ndefault x := 2\n", "bad.rego:1:1: does not compile (two defaults"),
        ("\ncap contains x if x := y\n\ny := z\n\nz := y\n", "bad.rego:1:1: evaluating a sample request fails"),
        ("\ncap contains 0\n", "bad.rego:1:1: the decision on a sample request is not usable: mutations.max_tokens"),
        ('\nobligation contains {"type": "response_scan"}\n', "obligations[] is neither"),
        ("\ncap contains to_number(input.tenant.id)\n", "bad.rego:1:1: evaluating a sample request fails"),
    ],
)
def test_the_file_at_fault_is_named(tmp_path: Path, bad: str, problem: str) -> None:
    """Also where the evaluator itself does not say which one it was."""
    (found,) = _check(tmp_path, good=GOOD, bad="package forebay.rules.bad\n" + bad)
    assert problem in found
    assert found.startswith("bad.rego:")


def test_files_that_only_fail_together_say_so(tmp_path: Path) -> None:
    """Neither is wrong by itself."""
    one = "package forebay.rules.same\n\nlimit := 1\n\ncap contains limit\n"
    (found,) = _check(tmp_path, one=one, two=one.replace(":= 1", ":= 2"))
    assert found.startswith("one.rego:1:1: together with the other files: ")
