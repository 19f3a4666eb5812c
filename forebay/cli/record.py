"""forebay record: the recorder alone."""

import asyncio
import os
import sys
from typing import Final

from forebay.cli.options import Config, SharedRunDir, StateDir, shared_places

BEHIND: Final = 5  # niceness: where cores are scarce, calls go before their records, which wait in Envoy's file


def record(config: Config, run_dir: SharedRunDir, state_dir: StateDir = None) -> None:
    """Run the recorder: reads the lines Envoy writes, publishes records.jsonl, serves /metrics, /livez and /readyz.

    \b
    Example:
      forebay record -c docs/examples/first.yaml --run-dir run
    """
    from forebay.observability import logging
    from forebay.record.recorder import serve

    os.nice(BEHIND)
    logging.configure("recorder", sys.stderr)
    sys.exit(asyncio.run(serve(config.absolute(), shared_places(config, run_dir, state_dir))))
