"""Our evaluator and OPA itself give the same answers: for every example, and for every builtin a rule may call."""

import asyncio
import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from extproc.findings import Finding, Risk
from extproc.policy.builtins import ALLOWED
from extproc.policy.document import AuthKind, ParamFacts, PolicyFacts, PrincipalFacts, build
from extproc.policy.frames import Program
from extproc.policy.process import WorkerProcess
from extproc.policy.samples import BARE, FULL
from extproc.policy.sources import read, shipped_policies

ROOT = Path(__file__).resolve().parents[4]
POLICIES = shipped_policies()
EXAMPLES = POLICIES / "examples"
MAIN = POLICIES / "main.rego"
RULES = sorted(each for each in EXAMPLES.glob("*.rego") if not each.stem.endswith("_test"))
SUITE = (str(MAIN), str(POLICIES / "main_test.rego"), str(EXAMPLES))

Json = dict[str, Any]

KINDS: tuple[AuthKind, ...] = ("jwt", "key")

# Every function of the allow-list at least once, with what the two could disagree on.
EXPRESSIONS = """
abs(-3) ~ ceil(1.2) ~ floor(1.8) ~ round(1.5) ~ product([2, 3]) ~ sum([1, 2.5]) ~ sum(set()) ~ count("añb")
count({1, 2})
array.concat([1], [2]) ~ array.reverse([1, 2]) ~ array.slice([1, 2, 3], 1, 2)
concat(",", ["b", "a"]) ~ contains("abc", "b") ~ endswith("abc", "bc") ~ indexof("abc", "c") ~ lower("ABC")
replace("aba", "a", "c") ~ split("a,b", ",") ~ sprintf("%v %d %s", [1.5, 3, "x"]) ~ startswith("abc", "ab")
substring("abcdef", 1, 2) ~ upper("abc") ~ strings.any_prefix_match("abc", ["x", "ab"])
strings.any_suffix_match("abc", ["x", "bc"]) ~ strings.count("abcab", "ab") ~ strings.replace_n({"a": "b"}, "aca")
strings.reverse("abc") ~ trim("  a ", " ") ~ trim_left("xxa", "x") ~ trim_prefix("abc", "a") ~ trim_right("axx", "x")
trim_space(" a ") ~ trim_suffix("abc", "c") ~ intersection({{1, 2}, {2}}) ~ union({{1}, {2}})
object.filter({"a": 1, "b": 2}, ["a"]) ~ object.get({"a": 1}, "b", 5) ~ object.get({"a": {"b": 1}}, ["a", "b"], 5)
object.keys({"a": 1, "b": 2}) ~ object.remove({"a": 1, "b": 2}, ["a"]) ~ object.subset({"a": 1, "b": 2}, {"a": 1})
object.union({"a": 1}, {"b": 2}) ~ object.union_n([{"a": 1}, {"b": 2}])
is_array([1]) ~ is_boolean(true) ~ is_null(null) ~ is_number(1) ~ is_object({}) ~ is_set(set()) ~ is_string("a")
type_name(1) ~ bits.and(6, 3) ~ bits.or(6, 3) ~ time.clock(1763722442000000000) ~ time.date(1763722442000000000)
time.clock([1763722442000000000, "Europe/Madrid"]) ~ time.weekday([1763722442000000000, "Asia/Tokyo"])
time.add_date(1763722442000000000, 0, 1, 1) ~ time.diff(1763722442000000000, 1763632442000000000)
time.weekday(1763722442000000000) ~ time.parse_duration_ns("1h") ~ units.parse("10K") ~ units.parse_bytes("10KB")
semver.compare("1.2.3", "1.3.0") ~ base64.encode("a") ~ crypto.sha256("a") ~ hex.encode("a") ~ to_number("12")
100 < 50 ~ 9.5 < 10 ~ 100 == 100.0 ~ "b" < "a" ~ 9007199254740993 > 9007199254740992 ~ 7 % 3 ~ 7 / 2
"a" in {"a", "b"} ~ 5 in [50, 5] ~ {1, 2} & {2, 3} ~ {1, 2} - {2}
[x | some x in [3, 1, 2]; x > 1]
"""


@pytest.fixture(scope="module")
def opa() -> str:
    """The real OPA. Missing on a developer's machine, the tests are skipped; in CI that is a failure."""
    local = ROOT / ".tools" / "bin" / "opa"
    found = str(local) if local.exists() else shutil.which("opa")
    if found is None:
        message = "needs opa 1.22.0: run `make tools`"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    return found


def _run(*command: str, given: str = "") -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _evaluate(opa: str, query: str, *files: str) -> Any:
    data = [part for file in files for part in ("--data", file)]
    answer = json.loads(_run(opa, "eval", "--strict-builtin-errors", *data, query))
    return answer["result"][0]["expressions"][0]["value"]


def _ours(program: Program, documents: list[Json]) -> list[Any]:
    async def ask() -> list[Any]:
        worker = await WorkerProcess.start(program)
        try:
            answers = [await worker.ask(json.dumps(each, ensure_ascii=False).encode()) for each in documents]
        finally:
            await worker.close()
        return [None if answer is None else json.loads(answer) for answer in answers]

    return asyncio.run(ask())


def _sorted(decision: Any) -> Any:
    """`decision` with its sets in one order: ours come in the order of insertion."""
    if isinstance(decision, dict):
        return {key: _sorted(value) for key, value in decision.items()}
    if isinstance(decision, list):
        return sorted((_sorted(each) for each in decision), key=lambda each: json.dumps(each, sort_keys=True))
    return decision


def _scenarios() -> list[Json]:
    facts: list[PolicyFacts] = [FULL, BARE]
    for roles in ((), ("intern",), ("analyst",)):
        facts += [replace(FULL, principal=PrincipalFacts(kind, "u", roles)) for kind in KINDS]
    facts += [replace(FULL, model=replace(FULL.model, requested=name)) for name in ("smart", "unknown", "naïve")]
    facts += [replace(FULL, tools=tools) for tools in (None, (), ("search",), ('a"b', "a\0b", "{}", "漢字", "%"))]
    facts += [replace(FULL, tool_choice=choice) for choice in (None, "shell", "search")]
    facts += [replace(FULL, params=ParamFacts(tokens, 1e-7, 2, None)) for tokens in (1, 4096, 4097, 100_000)]
    facts += [replace(FULL, findings=(Finding("pii", each, "user", 1, 90),)) for each in ("US_SSN", "PERSON")]
    facts += [replace(FULL, risk=risk) for risk in (None, Risk(0, ()), Risk(39, ()), Risk(79, ()), Risk(80, ()))]
    facts += [replace(FULL, time_ns=hours * 3_600_000_000_000) for hours in (0, 6, 7, 18, 19, 55, 80)]
    documents = [build(each) for each in facts]
    # every section and every field of the full call missing once: a rule must not mean something else then
    for section, content in build(FULL).items():
        documents.append({key: value for key, value in build(FULL).items() if key != section})
        if isinstance(content, dict):
            documents += [
                {**build(FULL), section: {key: value for key, value in content.items() if key != field}}
                for field in content
            ]
    return documents


def test_the_policies_are_formatted_and_checked(opa: str) -> None:
    """As OPA's own tools see them."""
    assert _run(opa, "fmt", "--list", *SUITE) == ""
    _run(opa, "check", "--strict", *SUITE)


def test_the_policies_pass_their_own_tests(opa: str) -> None:
    """`opa test`, as their authors run it."""
    assert "PASS" in _run(opa, "test", *SUITE)


@pytest.mark.parametrize("chosen", [*([each] for each in RULES), RULES, []], ids=lambda each: f"{len(each)} {each[:1]}")
def test_both_evaluators_decide_alike(opa: str, tmp_path: Path, chosen: list[Path]) -> None:
    """Each example by itself and all together, over some eighty documents."""
    documents = _scenarios()
    data = EXAMPLES / "data.json"
    sources = read([*chosen, data])
    modules = ((sources.aggregator.name, sources.aggregator.text), *((each.name, each.text) for each in sources.rules))
    ours = _ours(Program(modules, sources.data), documents)
    wrapped = tmp_path / "documents.json"
    wrapped.write_text(json.dumps({"documents": documents}))
    query = (
        "[decision | some document in data.documents; decision := data.forebay.main.decision with input as document]"
    )
    theirs = _evaluate(opa, query, str(wrapped), str(MAIN), str(data), *map(str, chosen))
    assert len(ours) == len(theirs) == len(documents) > 60
    for document, mine, genuine in zip(documents, ours, theirs, strict=True):
        assert _sorted(mine) == _sorted(genuine), document


def test_every_allowed_builtin_answers_alike(opa: str) -> None:
    """Otherwise it does not belong on the list."""
    expressions = [each for line in EXPRESSIONS.strip().splitlines() for each in line.split(" ~ ")]
    assert {name for name in ALLOWED if not any(f"{name}(" in each for each in expressions)} == set()
    rule = "\n".join(f"x{index} := {each}" for index, each in enumerate(expressions))
    body = ", ".join(f'"{index}": x{index}' for index in range(len(expressions)))
    program = Program((("main", f"package forebay.main\n\n{rule}\n\ndecision := {{{body}}}\n"),), "{}")
    (ours,) = _ours(program, [{}])
    theirs = _evaluate(opa, f"[{', '.join(expressions)}]")
    assert ours is not None, "at least one of them is undefined here"
    for index, expression in enumerate(expressions):
        assert _sorted(ours[str(index)]) == _sorted(theirs[index]), expression
