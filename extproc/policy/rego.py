"""Rego text as tokens and statements: no parser, only what the checks before compilation need."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

TokenKind = Literal["name", "string", "raw", "template", "number", "sign"]

KEYWORDS: Final = frozenset(
    [
        "as",
        "contains",
        "data",
        "default",
        "else",
        "every",
        "false",
        "if",
        "import",
        "in",
        "input",
        "not",
        "null",
        "package",
        "some",
        "true",
        "with",
        "_",
    ]
)
_TOKEN: Final = re.compile(
    r"""
    (?P<space>[ \t\r\n]+|\#[^\n]*)
  | (?P<template>\$["`])
  | (?P<string>"(?:[^"\\\n]|\\[^\n])*")
  | (?P<raw>`[^`]*`)
  | (?P<number>[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>:=|==|!=|<=|>=|[-+*/%&|=<>.,:;(){}\[\]])
    """,
    re.VERBOSE,
)
_OPENING: Final = {"(": ")", "[": "]", "{": "}"}
_CLOSING: Final = frozenset(_OPENING.values())
_CONTINUES: Final = frozenset(
    [
        "if",
        "contains",
        "in",
        "every",
        "some",
        "not",
        "package",
        "import",
        "as",
        "default",
        "with",
        ":=",
        "=",
        "==",
        "!=",
        "<=",
        ">=",
        "<",
        ">",
        "-",
        "+",
        "*",
        "/",
        "%",
        "&",
        "|",
        ",",
        ".",
        ":",
    ]
)  # a statement does not end after these
_NO_START: Final = frozenset({"else", "if", "in", "contains", "with", "as"})


@dataclass(frozen=True, slots=True)
class Token:
    """`line` and `column` count from 1; `tight` = nothing stands between it and the token before."""

    kind: TokenKind
    text: str
    line: int
    column: int
    tight: bool


class Unreadable(Exception):
    """A character that begins no token, or brackets that do not match."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(message)
        self.line, self.column, self.message = line, column, message


def tokens(text: str) -> list[Token]:
    """The tokens of `text`, comments and white space left out. Raises Unreadable."""
    found: list[Token] = []
    at, line, start, tight = 0, 1, 0, False
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise Unreadable(line, at - start + 1, "not a Rego token (an unclosed string?)")
        piece, kind = match.group(), match.lastgroup
        if kind != "space":
            found.append(Token(kind, piece, line, at - start + 1, tight))  # type: ignore[arg-type]  # group names
        tight = kind != "space"
        at = match.end()
        if "\n" in piece:
            line += piece.count("\n")
            start = at - (len(piece) - piece.rfind("\n") - 1)
        if kind == "template":
            break  # refused by the checks; what follows would be read as code
    return found


def statements(found: Sequence[Token]) -> Iterator[list[Token]]:
    """The top-level statements of a module: package, imports, rules. Raises Unreadable for unmatched brackets."""
    statement: list[Token] = []
    open_brackets: list[Token] = []
    for token in found:
        if not open_brackets and statement and _begins(token, statement[-1]):
            yield statement
            statement = []
        statement.append(token)
        if token.kind == "sign" and token.text in _OPENING:
            open_brackets.append(token)
            continue
        closing = token.kind == "sign" and token.text in _CLOSING
        if closing and (not open_brackets or _OPENING[open_brackets.pop().text] != token.text):
            raise Unreadable(token.line, token.column, f"'{token.text}' closes nothing")
    if open_brackets:
        last = open_brackets[-1]
        raise Unreadable(last.line, last.column, f"'{last.text}' is never closed")
    if statement:
        yield statement


def pairs(statement: Sequence[Token]) -> dict[int, int]:
    """Index of each opening bracket -> index of its closing one."""
    found: dict[int, int] = {}
    waiting: list[int] = []
    for index, token in enumerate(statement):
        if token.kind == "sign" and token.text in _OPENING:
            waiting.append(index)
        elif token.kind == "sign" and token.text in _CLOSING:
            found[waiting.pop()] = index
    return found


def path_at(statement: Sequence[Token], index: int) -> tuple[str, ...]:
    """The dotted path that begins at the name at `index`: `a.b.c[0].d` gives a, b, c."""
    path = [statement[index].text]
    while index + 2 < len(statement) and statement[index + 1].text == "." and statement[index + 2].kind == "name":
        index += 2
        path.append(statement[index].text)
    return tuple(path)


def is_member(statement: Sequence[Token], index: int) -> bool:
    """Whether the name at `index` is the `b` of `a.b`: a key, not a variable."""
    return index > 0 and statement[index - 1].text == "." and statement[index - 1].kind == "sign"


def _begins(token: Token, before: Token) -> bool:
    if token.line == before.line or token.kind != "name" or token.text in _NO_START:
        return False
    return before.kind not in ("sign", "name") or before.text not in _CONTINUES
