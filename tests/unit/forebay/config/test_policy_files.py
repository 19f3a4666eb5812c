"""Which files a pattern of policies means: every rule, and no test."""

from pathlib import Path

import pytest

from forebay.config.policy_files import expand

RULES = "package forebay.rules.shells\n\ndeny contains 1 if input.tools\n"
TESTS = "package forebay.tests.shells\n\ntest_it if count(data.forebay.rules.shells.deny) == 0\n"


def files(folder: Path, **texts: str) -> None:
    """Rego files, by name."""
    for name, text in texts.items():
        (folder / f"{name}.rego").write_text(text)


def names(folder: Path, written: str) -> list[str]:
    """What a pattern means."""
    return [file.name for file in expand(Path(written), folder)]


def test_a_pattern_leaves_tests_out(tmp_path: Path) -> None:
    """They lie beside the rules, as OPA has it; named outright one is taken, and the rules' own checks refuse it."""
    files(tmp_path, shells=RULES, shells_test=TESTS, more_test=TESTS.replace("tests.shells", "rules.shells_test"))
    assert names(tmp_path, "**/*.rego") == ["shells.rego"]
    assert names(tmp_path, "shells_test.rego") == ["shells_test.rego"]


@pytest.mark.parametrize(
    "text",
    [
        RULES,
        "# package forebay.tests.a\n" + RULES,
        "# about\n\n   package   forebay.rules.shells # package of rules\n\nx := `\npackage forebay.tests.a\n`\n",
        "package\nforebay.rules.shells\n\nx := `\npackage forebay.tests.a\n`\n",
        "",
    ],
)
def test_what_might_be_a_rule_is_never_left_out(tmp_path: Path, text: str) -> None:
    """Whatever it is called: a rule that is not in force is an open door."""
    files(tmp_path, latency_test=text)
    assert names(tmp_path, "*.rego") == ["latency_test.rego"]


def test_a_pattern_of_nothing_but_tests_is_refused(tmp_path: Path) -> None:
    """As one is that matches nothing."""
    files(tmp_path, shells_test=TESTS)
    with pytest.raises(ValueError, match=r"matches nothing but tests \(\*_test\.rego\)"):
        expand(Path("*.rego"), tmp_path)
