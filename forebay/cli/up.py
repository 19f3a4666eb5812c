"""forebay up: the whole gateway of one config file."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import Config, RunDir, StateDir

if TYPE_CHECKING:  # imported late, so that --help is quick
    from forebay.cli.running import Running, Wish


def up(
    config: Config,
    state_dir: StateDir = None,
    run_dir: RunDir = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Envoy's worker threads. Default: one per core.", show_default=False)
    ] = None,
    drain: Annotated[float, typer.Option(min=0, help="Seconds that open calls get after Ctrl-C or SIGTERM.")] = 30.0,
) -> None:
    """Run the gateway of a config file: recorder, inspectors, control plane and Envoy, until Ctrl-C.

    \b
    Example:
      forebay up -c docs/examples/first.yaml
    """
    from forebay.cli.interrupts import run
    from forebay.cli.running import Wish

    wish = Wish(state_dir and state_dir.absolute(), run_dir and run_dir.absolute(), concurrency, drain)
    sys.exit(run(serve(config.absolute(), wish)))


async def serve(config: Path, wish: "Wish") -> int:
    """Run until cancelled. Returns 1 when the gateway cannot serve, having said why."""
    from forebay.cli.running import gateway
    from forebay.config.errors import ConfigErrors
    from forebay.supervise.log_stream import LogStream
    from forebay.supervise.part import CannotServe

    log = LogStream()
    log("gateway", f"starting {config}")
    try:
        async with gateway(config, log, wish) as running:
            log("gateway", "ready")
            print(welcome(running), flush=True)
            await asyncio.Event().wait()
    except (CannotServe, ConfigErrors) as error:
        log("gateway", f"cannot serve:\n{error}")
        return 1
    finally:
        log("gateway", "stopped")
    return 0


def welcome(running: "Running") -> str:
    """What somebody needs to make the first call."""
    key = running.generated_key
    model = next(iter(running.resolved.models))
    lines = ["", f"  base URL  {running.base_url}"]
    if key is not None:
        lines.append(f"  key       {key}")
    return "\n".join([*lines, f"  try       {curl(running.base_url, credential(running), model)}", ""])


def credential(running: "Running") -> str | None:
    """What to send as a bearer: the generated key, a placeholder where callers have their own, None without auth."""
    if running.resolved.auth.none:
        return None
    return running.generated_key or "YOUR_KEY"


def curl(base_url: str, key: str | None, model: str) -> str:
    """A command line that makes one call."""
    authorization = f"-H 'Authorization: Bearer {key}' " if key else ""
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]})
    return f"curl -s {base_url}/chat/completions {authorization}-H 'Content-Type: application/json' -d '{body}'"
