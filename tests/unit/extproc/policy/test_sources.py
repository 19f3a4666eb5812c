"""Policy files are read once, completely, and named by what is in them."""

from pathlib import Path

import pytest

from extproc.policy.sources import Unusable, read

RULE = "package forebay.rules.a\n\ndeny contains {} if false\n"


def _refused(*files: Path) -> tuple[str, ...]:
    with pytest.raises(Unusable) as refused:
        read(files)
    return refused.value.problems


def test_rules_and_data_are_told_apart(tmp_path: Path) -> None:
    """By their suffix."""
    rule, data = tmp_path / "a.rego", tmp_path / "data.json"
    rule.write_text(RULE)
    data.write_text('{"limits": {"x": 1}}')
    sources = read([data, rule])
    assert [module.text for module in sources.rules] == [RULE]
    assert sources.data == '{"limits": {"x": 1}}'


def test_the_revision_follows_the_content(tmp_path: Path) -> None:
    """The same files have the same revision wherever they lie; another byte, another revision."""
    revisions = []
    for folder, text in (("one", RULE), ("two", RULE), ("three", RULE + "\n")):
        (tmp_path / folder).mkdir()
        path = tmp_path / folder / "a.rego"
        path.write_text(text)
        revisions.append(read([path]).revision)
    assert revisions[0] == revisions[1] != revisions[2]


def test_every_unreadable_file_is_named(tmp_path: Path) -> None:
    """All problems at once, each with its place."""
    (tmp_path / "b.rego").write_bytes(b"package x\n  \xff")
    (tmp_path / "c.txt").write_text("")
    (tmp_path / "d.json").write_text('{"a":\n nope}')
    (tmp_path / "e.json").write_text("[]")
    (tmp_path / "f.json").write_text('{"forebay": {}}')
    problems = _refused(tmp_path / "a.rego", *tmp_path.iterdir())
    assert [problem.removeprefix(f"{tmp_path}/") for problem in problems] == [
        "a.rego:1:1: cannot be read: No such file or directory",
        "b.rego:2:3: not UTF-8 text",
        "c.txt:1:1: neither a .rego nor a .json file",
        "d.json:2:2: not JSON: Expecting value",
        "e.json:1:1: not a JSON object",
        "f.json:1:1: forebay: already defined elsewhere",
    ]


def test_two_files_may_not_define_the_same_data(tmp_path: Path) -> None:
    """Which one wins would depend on their names."""
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_text('{"limits": {}}')
    assert _refused(*tmp_path.iterdir()) == (f"{tmp_path}/b.json:1:1: limits: already defined elsewhere",)


@pytest.mark.parametrize("text", ['{"a": "say \\"hi\\""}', '{"a": ["b\\\\c"]}', '{"a\\n": 1}'])
def test_data_that_needs_escapes_is_refused(tmp_path: Path, text: str) -> None:
    """The evaluator compares the escape instead of the text."""
    path = tmp_path / "data.json"
    path.write_text(text)
    assert "a quote, a backslash or a control character" in _refused(path)[0]
