"""forebay validate: everything that can be known about a config without running it."""

import sys
from typing import Annotated

import typer

from forebay.cli.options import Config


def validate(
    config: Config,
    strict: Annotated[
        bool, typer.Option("--strict", help="A reference that cannot be read here is a problem, as it is for `up`.")
    ] = False,
) -> None:
    """Check a config: syntax, schema, references, keys, policies, the resources built from it, and Envoy's own opinion.

    Prints every problem as file:line:col: path: message, the file as it was named here (`up` writes its path in full,
    because its log may be read elsewhere). A key, certificate or key set that cannot be read here is no
    problem (it may be there where the gateway runs) but a note on stderr. Exit status 0: good, 1: not.

    \b
    Example:
      forebay validate -c docs/examples/first.yaml
    """
    from forebay.cli.judgement import judge

    found = judge(config)
    problems = (*found.problems, *(found.missing if strict else ()))
    for problem in problems:
        print(problem)
    for missing in () if strict else found.missing:
        print(f"note: {missing}", file=sys.stderr)
    if problems:
        sys.exit(1)
    print(f"{config}: good{_but(len(found.missing))}")


def _but(missing: int) -> str:
    if not missing:
        return ""
    return f", but {missing} reference{'s' if missing > 1 else ''} cannot be read here"
