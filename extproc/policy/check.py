"""Whether a set of policy files can be served: read, lint, compile and try them in a process that is thrown away."""

import asyncio
import sys
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

import orjson

from extproc.policy import samples, sources, verdict
from extproc.policy.document import build
from extproc.policy.frames import Program
from extproc.policy.lint import lint
from extproc.policy.process import WorkerGone, WorkerProcess, WorkerRefused
from extproc.policy.sources import Module, Sources, Unusable
from extproc.redactable import REDACTABLE

TRIAL_SECONDS: Final = 5.0  # for one sample; far above any deadline of a request

_SAMPLES: Final = tuple(orjson.dumps(build(facts)) for facts in (samples.FULL, samples.BARE))


def main(files: Sequence[str]) -> int:
    """`python -m extproc.policy.check FILE...`, for the control plane, which imports nothing of the processor.

    Prints what is wrong, one problem per line. Returns 1 then, else 0.
    """
    problems = check([Path(each) for each in files])
    for problem in problems:
        sys.stdout.write(" ".join(problem.splitlines()) + "\n")
    return 1 if problems else 0


def check(files: Sequence[Path], redactable: Collection[str] | None = REDACTABLE) -> list[str]:
    """What is wrong with `files`, each as `file:line:column: message`; empty = they can be served.

    Blocks for a second or so, and needs a thread without a running event loop.
    """
    try:
        asyncio.run(prove(files, redactable))
    except Unusable as error:
        return list(error.problems)
    return []


async def prove(files: Sequence[Path], redactable: Collection[str] | None = None) -> Sources:
    """The sources in `files`, once they are known to compile and to give a usable decision on two samples.

    Raises Unusable with everything that is wrong.
    """
    found = await asyncio.to_thread(_read_and_lint, files)
    if problem := await _trial(program_of(found, found.rules), redactable):
        raise Unusable(await _culprits(found, problem, redactable))
    return found


def program_of(found: Sources, rules: Sequence[Module]) -> Program:
    """What a worker runs for `rules`: them, under the shipped aggregator, with the data."""
    modules = (found.aggregator, *rules)
    return Program(tuple((module.name, module.text) for module in modules), found.data)


def _read_and_lint(files: Sequence[Path]) -> Sources:
    found = sources.read(files)
    if problems := lint(found.rules):
        raise Unusable(problems)
    return found


async def _trial(program: Program, redactable: Collection[str] | None) -> list[str]:
    """What is wrong with `program`. A text without position is about all of its rules."""
    try:
        worker = await WorkerProcess.start(program)
    except WorkerRefused as error:
        return error.problems
    except WorkerGone:
        return ["the evaluator crashes when it compiles this"]
    try:
        for sample in _SAMPLES:
            async with asyncio.timeout(TRIAL_SECONDS):
                answer = await worker.ask(sample)
            if answer is None:
                return ["evaluating a sample request fails (a builtin's error, conflicting values, or recursion)"]
            verdict.parse(orjson.loads(answer), "", redactable)
    except TimeoutError:
        return [f"evaluating a sample request takes more than {TRIAL_SECONDS:.0f} s"]
    except WorkerGone:
        return ["the evaluator crashes on a sample request"]
    except (verdict.Malformed, orjson.JSONDecodeError) as error:
        return [f"the decision on a sample request is not usable: {error}"]
    finally:
        await worker.close()
    return []


async def _culprits(found: Sources, problems: list[str], redactable: Collection[str] | None) -> list[str]:
    """`problems` of all the rules together, pinned on files: those that have one alone, else the set as a whole."""
    if any(_is_located(problem, found) for problem in problems):
        return problems
    pinned: list[str] = []
    for module in found.rules:
        alone = await _trial(program_of(found, (module,)), redactable)
        pinned += [each if _is_located(each, found) else f"{module.name}:1:1: {each}" for each in alone]
    return pinned or [f"{found.rules[0].name}:1:1: together with the other files: {each}" for each in problems]


def _is_located(problem: str, found: Sources) -> bool:
    return any(problem.startswith(f"{module.name}:") for module in (*found.rules, found.aggregator))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
