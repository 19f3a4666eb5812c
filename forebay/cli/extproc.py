"""forebay extproc: one inspector alone."""

import sys
from typing import Annotated

import typer

from forebay.cli.options import Config, SharedRunDir, StateDir, Transport, TransportName, shared_places


def extproc(
    config: Config,
    run_dir: SharedRunDir,
    state_dir: StateDir = None,
    number: Annotated[int, typer.Option(min=0, max=255, help="Which inspector: it serves i<number>.sock.")] = 0,
    transport: Transport = TransportName.wire,
) -> None:
    """Run an inspector: Envoy asks it about every request over i0.sock in the run folder.

    \b
    Example:
      forebay extproc -c docs/examples/first.yaml --run-dir run
    """
    import uvloop

    from extproc.server import serve
    from forebay.observability import logging

    logging.configure(f"extproc-{number}", sys.stderr)
    places = shared_places(config, run_dir, state_dir)
    sys.exit(uvloop.run(serve(config.absolute(), places, number=number, transport=transport.value)))
