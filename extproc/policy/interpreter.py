"""regopy behind one small class. Only the worker process imports this: what runs here can take the process down.

One interpreter, one thread: regopy mixes up the inputs of two threads that share one.
"""

import json
import re
from typing import Final

from regopy import Interpreter, LogLevel, RegoError

from extproc.policy.frames import Program

ENTRYPOINT: Final = "forebay/main/decision"

WHOLE: Final = "does not compile (two defaults of one rule?)"  # the library does not say where

_ERROR: Final = re.compile(r"\(error \d+:m(\d+)\|(\d+)\|\d+\s+\(errormsg (\d+):")


class NotCompiled(Exception):
    """The program does not compile; `problems` as `file:line:column: message`, or WHOLE."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class NotEvaluated(Exception):
    """The evaluation failed or gave nothing. Carries no text: an error can quote the input."""


class Compiled:
    """A program, ready to decide. For one thread."""

    def __init__(self, program: Program) -> None:
        """Compile `program`. Raises NotCompiled."""
        self._rego = Interpreter()
        self._rego.log_level = LogLevel.NONE
        self._rego.strict_built_in_errors = True
        problems: list[str] = []
        for index, (name, text) in enumerate(program.modules):
            try:
                self._rego.add_module(f"m{index}", text)
            except RegoError as error:
                problems += _located(str(error), program) or [f"{name}:1:1: does not compile"]
        if problems:
            raise NotCompiled(problems)
        try:
            self._rego.add_data_json(program.data)
            self._bundle = self._rego.build(None, [ENTRYPOINT])
        except RegoError as error:
            raise NotCompiled(_located(str(error), program) or [WHOLE]) from error
        if not self._bundle.ok():  # querying such a bundle is a segmentation fault
            raise NotCompiled([WHOLE])

    def decide(self, document: str) -> str:
        """The decision on `document` (JSON), as JSON. Raises NotEvaluated."""
        try:
            # As a JSON term: a dict would lose text behind a NUL, wrap large integers and break quotes in the answer.
            self._rego.set_input_term(document)
            output = self._rego.query_bundle_entrypoint(self._bundle, ENTRYPOINT)
            if not output.ok():
                raise NotEvaluated
            answer = json.loads(str(output))
            return json.dumps(answer["expressions"][0], ensure_ascii=False)
        except (RegoError, ValueError, LookupError, TypeError) as error:
            # ValueError: regopy hands on what is no JSON for unknown functions and recursion
            raise NotEvaluated from error


def _located(error: str, program: Program) -> list[str]:
    found: list[str] = []
    for match in _ERROR.finditer(error):
        name, text = program.modules[int(match[1])]
        raw = text.encode()
        before = raw[: int(match[2])]
        line, start = before.count(b"\n") + 1, before.rfind(b"\n") + 1
        column = len(before[start:].decode("utf-8", "replace")) + 1
        message = error[match.end() : match.end() + int(match[3])]
        found.append(f"{name}:{line}:{column}: {message}")
    return list(dict.fromkeys(found))
