"""What rule files may not say, because it would mean something else than its author thinks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.policy.lint import lint
from extproc.policy.sources import Module, shipped_policies

HEAD = "package forebay.rules.a\n"

REFUSED = {
    'deny contains "x" if regex.match("a", input.tenant.id)': "2:22: regex.match: can be made to run for ever",
    'deny contains "x" if glob.match("a", [], input.tenant.id)': "2:22: glob.match: can be made to run for ever",
    'deny contains http.send({"url": "x"})': "2:15: http.send: a policy reaches nothing outside",
    "deny contains opa.runtime()": "2:15: opa.runtime: shows the process's environment",
    "deny contains time.now_ns()": "2:15: time.now_ns: a decision must be repeatable",
    'deny contains rand.intn("x", 5)': "2:15: rand.intn: a decision must be repeatable",
    'deny contains net.cidr_contains("10.0.0.0/8", "10.0.0.1")': "2:15: net.cidr_contains: not implemented here",
    "cap contains min({1, 2})": "2:14: min: orders numbers as text here",
    "cap contains nonsense(1)": "2:14: nonsense: not among the functions",
    "cap contains data.forebay.rules.b.f(1)": "only functions of the same package can be called",
    "deny[x] { x := 1 }": "2:1: write `deny contains ... if ...`",
    "helper[x] { x := 1 }\ncap contains 1": "2:11: write `if` before a body",
    "deny if input.stream": "2:1: write `deny contains ... if ...`",
    "deny := set()": "2:1: write `deny contains ... if ...`",
    "default deny := false": "2:9: write `deny contains ... if ...`",
    'deny contains "x" if not alowed': "2:26: alowed is neither a rule of this package nor declared",
    'deny contains "x" if { x = 1 }': "2:24: x is neither a rule",
    "cap contains c if some c in classez": "2:29: classez is neither",
    'deny contains "x" if input.tols': "2:22: input.tols does not exist",
    'deny contains "x" if input.model.name': "2:22: input.model.name does not exist: model has candidates, requested",
    'deny contains "x" if true with input as {}': "2:27: `with` belongs in tests",
    'deny contains $"a{input.tenant.id}"': "2:15: template strings are not supported",
    'deny contains "\\u0041"': "2:15: escapes like",
    "deny contains data.forebay.main.decision": "2:15: read data by name",
    "deny contains data": "2:15: read data by name",
    "f(x) := {y | some y in data.o[x]}\ncap contains 1": "2:31: a parameter as an index inside a comprehension is lost",
    "ok if every x in [1] { x == 1 }\ncap contains 1": "2:22: write `if` before a body",
    "count := 1\ncap contains 1": "2:1: count is a builtin function",
    "import future.keywords\ncap contains 1": "2:1: imports are of rego.v1, input and data",
    'deny contains "x" if not startswith(input.tenant.id, "a")': "2:22: `not` takes a rule",
    'deny contains "x" if not input.tenant.id in {"a"}': "2:22: `not` takes a rule",
    'deny contains "x" if not "a" in input.tools': "2:22: `not` takes a rule",
    'deny contains "x" if not input.time.hour > 7': "2:22: `not` takes a rule",
    'f(x) if x == 1\ndeny contains "x" if not f(input.tenant.id)': "3:22: `not` takes a rule",
    'deny contains "x" if not data.o[input.tenant.id]': "2:22: `not` takes a rule",
    "helper := 1": "1:1: contributes none of cap, deny",
    'deny contains "x': "2:15: not a Rego token",
    "deny contains [1": "2:15: '[' is never closed",
    "deny contains 1]": "2:16: ']' closes nothing",
}


@pytest.mark.parametrize("rule", REFUSED)
def test_a_rule_that_would_mislead_is_refused(rule: str) -> None:
    """With the place and what to write instead."""
    problems = lint([Module("a.rego", HEAD + rule + "\n")])
    assert any(problem.startswith("a.rego:") and REFUSED[rule] in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "a.rego:1:1: does not begin with `package forebay.rules.<name>`"),
        ("package x\ncap contains 1\n", "a.rego:1:1: the package is x, not forebay.rules.<name>"),
        ("package forebay.main\ncap contains 1\n", "a.rego:1:1: the package is forebay.main, not forebay.rules.<name>"),
        (
            "package forebay.rules.a_test\ncap contains 1\n",
            "a.rego:1:1: a test package: name only rule files in the config",
        ),
    ],
)
def test_a_package_is_a_rule_package(text: str, problem: str) -> None:
    """Whatever is not under forebay.rules would never be asked."""
    assert problem in lint([Module("a.rego", text)])


@pytest.mark.parametrize(
    "rule",
    [
        'deny contains "x" if {\n\tsome i, tool in input.tools\n\tinput.tools[i].name == tool.name\n}',
        "import data.limits as limits\ncap contains limits.x",
        "import rego.v1\ncap contains 1",
        "f(x) := y if {\n\tkey := x\n\ty := {each | some each in data.o[key]}\n}\ncap contains count(f(1))",
        'ok if {\n\tevery tool in input.tools {\n\t\ttool.name == "a"\n\t}\n}\n\ndeny contains "x" if not ok',
        "limit := 5 if input.request.stream\n\nelse := 7 if {\n\tinput.messages.images > 3\n}\ncap contains limit",
        "default limit := 5\nlimit := 6 if input.request.stream\ncap contains limit",
        'label contains {"key": "a", "value": `raw "text"`} # comment { ( [\n',
        'deny contains "x" if {\n\tsome t in input.tools\n\tname := t.name\n\tnot data.o[name]\n\tnot input.risk\n}',
        'f(x, y) if x == y\ndeny contains "x" if {\n\tt := input.tenant.id\n\tnot f(t, 1)\n}',
        'redact contains c if some c in {"A"} | {"B"}',
        'warn contains upper(x) if [x, _] := split(input.tenant.id, "-")',
    ],
)
def test_ordinary_rules_pass(rule: str) -> None:
    """Nothing to complain about in idiomatic Rego."""
    assert lint([Module("a.rego", HEAD + rule + "\n")]) == []


@pytest.mark.parametrize("package", ["forebay.rules.a", "forebay.rules.a_test", "forebay.tests.a"])
def test_a_file_of_tests_is_one_problem(package: str) -> None:
    """Which says where tests belong, in place of a line for every `with` in them."""
    text = f"package {package}\n\ntest_a if true with input as {{}}\n\ntest_b if false with input as {{}}\n"
    (problem,) = lint([Module("a_test.rego", text)])
    assert problem.startswith("a_test.rego:1:1: tests, which decide nothing: give them a package forebay.tests.<name>")


def test_a_package_may_have_several_files() -> None:
    """A rule of one may be used in the other."""
    modules = [Module("a.rego", HEAD + "limit := 5\ncap contains 1\n"), Module("b.rego", HEAD + "cap contains limit\n")]
    assert lint(modules) == []


def test_the_shipped_examples_pass() -> None:
    """Authors begin with them."""
    files = [each for each in (shipped_policies() / "examples").glob("*.rego") if not each.stem.endswith("_test")]
    assert len(files) >= 6
    assert lint([Module(str(each), each.read_text("utf-8")) for each in files]) == []


@given(st.text(alphabet='pdeny containsif{}[]()|:="`$.#\n1_,;', max_size=80))
def test_no_text_crashes_the_checks(text: str) -> None:
    """Problems, never an exception."""
    assert isinstance(lint([Module("a.rego", text)]), list)
