"""What is refused in a rule file before anything compiles it.

The evaluator behind accepts much that it then evaluates to *undefined* or to something else than OPA: unknown
functions, unsafe variables, version-0 rules, names that are misspelt. A `deny` built on such a thing never fires. So
the checks here are closed: a construct is let through because it is known to mean the same here and in OPA.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from extproc.policy import rego
from extproc.policy.builtins import ALLOWED, why_not
from extproc.policy.rego import KEYWORDS, Token
from extproc.policy.schema import input_fields
from extproc.policy.sources import Module

CONTRIBUTIONS: Final = frozenset(
    {"deny", "redact", "drop_tool", "cap", "require", "pin", "obligation", "warn", "label"}
)
NAMESPACE: Final = ("forebay", "rules")
FIELDS: Final = input_fields()

_TESTS: Final = (
    "tests, which decide nothing: give them a package forebay.tests.<name>, and a pattern in `policies.files` leaves "
    "files called *_test.rego out"
)

Found = tuple[Token, str]


@dataclass(frozen=True, slots=True)
class Parsed:
    """A module whose brackets match."""

    module: Module
    package: tuple[str, ...]
    statements: tuple[tuple[Token, ...], ...]
    imported: frozenset[str]

    @property
    def rules(self) -> tuple[tuple[Token, ...], ...]:
        return tuple(each for each in self.statements if each[0].text not in ("package", "import"))


def lint(modules: Sequence[Module]) -> list[str]:
    """Everything wrong with the rule files `modules`, as `file:line:column: message`, in order of position."""
    problems: list[str] = []
    parsed: list[Parsed] = []
    for module in modules:
        try:
            parsed.append(_parse(module))
        except rego.Unreadable as error:
            problems.append(f"{module.name}:{error.line}:{error.column}: {error.message}")
    names: dict[tuple[str, ...], set[str]] = {}
    for each in parsed:
        names.setdefault(each.package, set()).update(_head(rule).text for rule in each.rules)
    for each in parsed:
        found = sorted(_module(each, frozenset(names[each.package])), key=lambda at: (at[0].line, at[0].column))
        problems += dict.fromkeys(f"{each.module.name}:{token.line}:{token.column}: {text}" for token, text in found)
    return problems


def _parse(module: Module) -> Parsed:
    statements = tuple(tuple(each) for each in rego.statements(rego.tokens(module.text)))
    package: tuple[str, ...] = ()
    imported: set[str] = set()
    for statement in statements:
        if statement[0].text == "package" and len(statement) > 1:
            package = rego.path_at(statement, 1)
        elif statement[0].text == "import":
            imported.add(statement[-1].text)
    return Parsed(module, package, statements, frozenset(imported))


def _module(parsed: Parsed, names: frozenset[str]) -> Iterator[Found]:
    """`names` are the rules of the module's package, in whatever file."""
    nowhere = parsed.statements[0][0] if parsed.statements else Token("name", "", 1, 1, False)
    if parsed.module.name.endswith("_test.rego") and any(_head(rule).text.startswith("test_") for rule in parsed.rules):
        yield nowhere, _TESTS
        return
    yield from _package(parsed, nowhere)
    if not any(_head(rule).text in CONTRIBUTIONS for rule in parsed.rules):
        yield nowhere, f"contributes none of {', '.join(sorted(CONTRIBUTIONS))}"
    for statement in parsed.statements:
        yield from _tokens(statement)
        if statement[0].text == "import":
            yield from _import(statement)
    for rule in parsed.rules:
        yield from _rule_head(rule)
        yield from _bodies(rule)
        yield from _calls(rule, names)
        yield from _variables(rule, names | parsed.imported)
        yield from _lost_parameters(rule)
        yield from _negations(rule)


def _package(parsed: Parsed, nowhere: Token) -> Iterator[Found]:
    if not parsed.statements or parsed.statements[0][0].text != "package":
        yield nowhere, "does not begin with `package forebay.rules.<name>`"
    elif parsed.package[:2] != NAMESPACE or len(parsed.package) != 3:
        yield nowhere, f"the package is {'.'.join(parsed.package)}, not forebay.rules.<name>"
    elif parsed.package[2].endswith("_test"):
        yield nowhere, "a test package: name only rule files in the config"


def _import(statement: Sequence[Token]) -> Iterator[Found]:
    path = rego.path_at(statement, 1) if len(statement) > 1 else ()
    if path != ("rego", "v1") and path[:1] not in (("input",), ("data",)):
        yield statement[0], "imports are of rego.v1, input and data"


def _tokens(statement: Sequence[Token]) -> Iterator[Found]:
    for index, token in enumerate(statement):
        if token.kind == "template":
            yield token, "template strings are not supported: use sprintf"
        elif token.kind == "string" and any(mark in token.text.replace("\\\\", "") for mark in ("\\u", "\\/")):
            yield token, "escapes like \\u0041 and \\/ are compared as they stand: write the character itself"
        elif token.kind == "name" and not rego.is_member(statement, index):
            yield from _special(statement, index)


def _special(statement: Sequence[Token], index: int) -> Iterator[Found]:
    token = statement[index]
    if token.text == "with":
        yield token, "`with` belongs in tests: the evaluator can crash on it"
    elif token.text == "data":
        path = rego.path_at(statement, index)
        if len(path) == 1 or (path[1] == "forebay" and (path[1:3] != NAMESPACE or len(path) < 4)):
            yield token, "read data by name, and of data.forebay only data.forebay.rules.<name>"
    elif token.text == "input":
        yield from _input(token, rego.path_at(statement, index)[1:3])


def _input(token: Token, path: tuple[str, ...]) -> Iterator[Found]:
    """A misspelt field is undefined, and a `deny` that reads it never fires."""
    if not path:
        return
    if path[0] not in FIELDS:
        yield token, f"input.{path[0]} does not exist: the sections are {', '.join(sorted(FIELDS))}"
    elif path[1:] and path[1] not in FIELDS[path[0]]:
        fields = ", ".join(sorted(FIELDS[path[0]])) or "no fields"
        yield token, f"input.{'.'.join(path)} does not exist: {path[0]} has {fields}"


def _head(rule: Sequence[Token]) -> Token:
    """The token that names the rule."""
    return rule[1] if rule[0].text == "default" and len(rule) > 1 else rule[0]


def _rule_head(rule: Sequence[Token]) -> Iterator[Found]:
    head = _head(rule)
    if head.kind != "name" or (head.text in KEYWORDS and head.text != "_"):
        yield head, "not the name of a rule"
    elif head.text in ALLOWED:
        yield head, f"{head.text} is a builtin function: choose another name"
    elif head.text in CONTRIBUTIONS and (head is not rule[0] or len(rule) < 2 or rule[1].text != "contains"):
        yield head, f"write `{head.text} contains ... if ...`: contributions are sets"


def _bodies(rule: Sequence[Token]) -> Iterator[Found]:
    """Rules of version 0 (`deny[x] { ... }`), and bodies that hang on `every` without braces."""
    depth = 0
    closes = set(rego.pairs(rule).values())
    for index, token in enumerate(rule):
        if index in closes:
            depth -= 1
        elif token.text in ("(", "[", "{") and token.kind == "sign":
            before = rule[index - 1] if index else token
            if depth == 0 and token.text == "{" and _ends_a_term(before):
                yield token, "write `if` before a body (Rego version 1), and put a body that uses `every` in braces"
            depth += 1


def _ends_a_term(token: Token) -> bool:
    if token.kind == "name":
        return token.text not in (KEYWORDS - {"true", "false", "null", "else", "_"})
    return token.kind != "sign" or token.text in (")", "]", "}")


def _calls(rule: Sequence[Token], names: frozenset[str]) -> Iterator[Found]:
    for index, token in enumerate(rule):
        if token.kind != "name" or rego.is_member(rule, index):
            continue
        path = rego.path_at(rule, index)
        after = index + 2 * len(path) - 1
        if after >= len(rule) or rule[after].text != "(" or not rule[after].tight:
            continue
        called = ".".join(path)
        if called == "set" or called in ALLOWED or (len(path) == 1 and called in names):
            continue
        if path[0] in ("data", "input"):
            yield token, f"{called}: only functions of the same package can be called"
        else:
            yield token, f"{called}: {why_not(called)}"


def _variables(rule: Sequence[Token], known: frozenset[str]) -> Iterator[Found]:
    declared = _declared(rule)
    for index, token in enumerate(rule):
        if token.kind != "name" or token.text in KEYWORDS or rego.is_member(rule, index):
            continue
        if token.text in known or token.text in declared:
            continue
        path = rego.path_at(rule, index)
        after = index + 2 * len(path) - 1
        if after < len(rule) and rule[after].text == "(" and rule[after].tight:
            continue  # a call; _calls speaks about it
        yield token, f"{token.text} is neither a rule of this package nor declared with `some`, `every` or `:=`"


def _declared(rule: Sequence[Token]) -> set[str]:
    pairs = rego.pairs(rule)
    opened = {close: start for start, close in pairs.items()}
    declared = _parameters(rule)
    for index, token in enumerate(rule):
        if token.text in ("some", "every") and token.kind == "name":
            declared |= _until_in(rule, index)
        elif token.text == ":=" and index:
            start = opened.get(index - 1, index - 1)
            declared |= {each.text for each in rule[start:index] if each.kind == "name"}
    return declared


def _parameters(rule: Sequence[Token]) -> set[str]:
    """The names between the parentheses of a function's head."""
    if len(rule) < 2 or rule[1].text != "(":
        return set()
    return {each.text for each in rule[2 : rego.pairs(rule)[1]] if each.kind == "name"} - KEYWORDS


def _until_in(rule: Sequence[Token], index: int) -> set[str]:
    declared: set[str] = set()
    for token in rule[index + 1 :]:
        if token.text in ("in", ";", "}") or token.line != rule[index].line:
            break
        if token.kind == "name":
            declared.add(token.text)
    return declared


def _lost_parameters(rule: Sequence[Token]) -> Iterator[Found]:
    """A parameter that is an index inside a comprehension is taken for a fresh variable by the evaluator."""
    parameters = _parameters(rule)
    if not parameters:
        return
    pairs = rego.pairs(rule)
    comprehensions = [(start, close) for start, close in pairs.items() if _has_bar(rule, start, close, pairs)]
    indices = [(start, close) for start, close in pairs.items() if _is_index(rule, start)]
    for at, token in enumerate(rule):
        if token.kind != "name" or token.text not in parameters or rego.is_member(rule, at):
            continue
        if _within(at, indices) and _within(at, comprehensions):
            yield token, f"a parameter as an index inside a comprehension is lost: first `key := {token.text}`"


def _within(at: int, spans: Sequence[tuple[int, int]]) -> bool:
    return any(start < at < close for start, close in spans)


def _is_index(rule: Sequence[Token], start: int) -> bool:
    token = rule[start]
    return token.text == "[" and token.tight and start > 0 and _ends_a_term(rule[start - 1])


def _has_bar(rule: Sequence[Token], start: int, close: int, pairs: dict[int, int]) -> bool:
    at = start + 1
    while at < close:
        if rule[at].text == "|" and rule[at].kind == "sign":
            return True
        at = pairs.get(at, at) + 1
    return False


def _negations(rule: Sequence[Token]) -> Iterator[Found]:
    """`not` before an operation on something missing is true here and undefined in OPA: one of them is an open door."""
    declared = _declared(rule)
    for index, token in enumerate(rule):
        if token.kind != "name" or token.text != "not" or rego.is_member(rule, index):
            continue
        after = _after_operand(rule, index + 1, declared)
        if after is None or not _ends_expression(rule, after):
            yield (
                token,
                "`not` takes a rule, a field, or a function of this package with plain variables: name the rest",
            )


def _after_operand(rule: Sequence[Token], at: int, declared: set[str]) -> int | None:
    """Index behind the plain operand that begins at `at`; None when it is not plain."""
    if at >= len(rule) or rule[at].kind != "name":
        return None
    at += 1
    while at + 1 < len(rule) and rule[at].tight and rule[at].kind == "sign":
        if rule[at].text == "." and rule[at + 1].kind == "name":
            at += 2
        elif (
            rule[at].text == "["
            and rule[at + 2 : at + 3]
            and rule[at + 2].text == "]"
            and _plain(rule[at + 1], declared)
        ):
            at += 3
        elif rule[at].text == "(":
            close = rego.pairs(rule)[at]
            plain = all(each.text == "," or _plain(each, declared) for each in rule[at + 1 : close])
            return close + 1 if plain else None
        else:
            break
    return at


def _plain(token: Token, declared: set[str]) -> bool:
    return token.text in declared if token.kind == "name" else token.kind in ("string", "raw", "number")


def _ends_expression(rule: Sequence[Token], at: int) -> bool:
    return at >= len(rule) or rule[at].line > rule[at - 1].line or rule[at].text in (";", "}", "]", "|", "else")
