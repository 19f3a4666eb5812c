"""The table of verbs."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from forebay.cli import demo, extproc, foreign, mock, record, schema, up, validate, version, xds

VERBS: tuple[Callable[..., None], ...] = (
    demo.demo,
    up.up,
    validate.validate,
    schema.schema,
    version.version,
    xds.xds,
    extproc.extproc,
    record.record,
    mock.mock,
)

HELP = """An LLM gateway: Envoy carries the traffic, Python inspects and decides, one YAML file steers both.

\b
Start here:
  forebay demo
"""


def _print_version(wanted: bool) -> None:
    if wanted:
        version.version()
        raise typer.Exit


def app() -> typer.Typer:
    """The command with all its verbs."""
    # Plain help: docs/cli.md is made from it, and it must not depend on the terminal's width or colours.
    command = typer.Typer(
        name="forebay",
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )
    command.callback(help=HELP)(_options)
    for verb in VERBS:
        command.command(verb.__name__, short_help=_first_sentence(verb))(verb)
    return command


def _options(
    _version: Annotated[
        bool, typer.Option("--version", help="Print the versions and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """What stands before any verb."""


def _first_sentence(verb: Callable[..., None]) -> str:
    """The whole of it, where typer would cut it off after 45 characters."""
    return (verb.__doc__ or "").split("\n\n")[0].strip()


def main() -> None:
    """What `forebay` runs."""
    try:
        foreign.check()
    except foreign.ForeignPackage as error:
        print(error, file=sys.stderr)
        sys.exit(1)
    app()()


if __name__ == "__main__":
    main()
