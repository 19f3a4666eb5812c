"""forebay xds: the control plane alone."""

import asyncio
import sys

from forebay.cli.options import Config, SharedRunDir, StateDir, Workers, shared_places


def xds(config: Config, run_dir: SharedRunDir, state_dir: StateDir = None, workers: Workers = 1) -> None:
    """Run the control plane: follows the config file and serves it to Envoy over x.sock in the run folder.

    \b
    Example:
      forebay xds -c docs/examples/first.yaml --run-dir run
    """
    from forebay.observability import logging
    from xds.server import serve

    logging.configure("xds", sys.stderr)
    sys.exit(asyncio.run(serve(config.absolute(), shared_places(config, run_dir, state_dir), inspectors=workers)))
