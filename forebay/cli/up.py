"""forebay up: the whole gateway of one config file."""

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from forebay.cli.options import Config, RunDir, StateDir, Transport, TransportName, Workers
from forebay.contract import Api

if TYPE_CHECKING:  # imported late, so that --help is quick
    from forebay.cli.running import Running, Wish
    from forebay.config.resolved import Resolved

_TENANTS_SHOWN = 3
# Behind the base URL, and what the body must say besides.
_CALLS: dict[Api, tuple[str, dict[str, int]]] = {
    "openai": ("chat/completions", {}),
    "anthropic": ("messages", {"max_tokens": 100}),
}


def up(
    config: Config,
    state_dir: StateDir = None,
    run_dir: RunDir = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="Envoy's worker threads. Default: one per core.", show_default=False)
    ] = None,
    workers: Workers = 1,
    transport: Transport = TransportName.wire,
    drain: Annotated[float, typer.Option(min=0, help="Seconds that open calls get after Ctrl-C or SIGTERM.")] = 30.0,
) -> None:
    """Run the gateway of a config file: recorder, inspectors, control plane and Envoy, until Ctrl-C.

    \b
    Example:
      forebay up -c docs/examples/first.yaml
    """
    from forebay.cli.interrupts import run
    from forebay.cli.running import Wish

    wish = Wish(
        state_dir and state_dir.absolute(), run_dir and run_dir.absolute(), concurrency, drain, workers, transport.value
    )
    sys.exit(run(serve(config.absolute(), wish)))


async def serve(config: Path, wish: "Wish") -> int:
    """Run until cancelled. Returns 1 when the gateway cannot serve, having said why."""
    from forebay.cli.running import gateway
    from forebay.supervise.log_stream import LogStream
    from forebay.supervise.part import CannotServe

    log = LogStream()
    log("gateway", f"starting {config}")
    try:
        async with gateway(config, log, wish) as running:
            log("gateway", "ready")
            print(welcome(running), flush=True)
            try:
                await asyncio.Event().wait()
            finally:
                log("gateway", f"stopping: open calls get {wish.drain:g} s, unless you press Ctrl-C once more")
    except CannotServe as error:
        log("gateway", f"cannot serve:\n{error}")
        return 1
    finally:
        log("gateway", "stopped")
    return 0


def welcome(running: "Running") -> str:
    """What somebody needs to make the first call: every listener, the metrics, where the key comes from, a command.

    And, where there is a built-in mock provider, how the first one is told what to answer.
    """
    from forebay.cli.running import base_urls, metrics_url
    from forebay.mock.built_in import built_in

    resolved, key = running.resolved, running.generated_key
    named = [("base URL", url) for url in base_urls(resolved)]
    if metrics := metrics_url(resolved):
        named.append(("metrics", metrics))
    named.append(("key", key or credentials(resolved)))
    bearer = None if resolved.auth.none else key or "$KEY"
    first = next((each.name, each.api) for each in resolved.models.values())
    named.append(("try", curl(running.base_url, bearer, *first)))
    named += [("script", script(running.places.mock_socket(mock.name))) for mock in built_in(resolved)[:1]]
    return "\n".join(["", *(f"  {name:<8}  {value}" for name, value in named), ""])


def script(socket: Path) -> str:
    """A command line that makes a built-in mock provider fail once."""
    rules = json.dumps({"rules": [{"status": 500, "times": 1}]})
    return f"curl -s --unix-socket {socket} http://mock/__script -d '{rules}'"


def credentials(resolved: "Resolved") -> str:
    """Which credential the callers of a config have, in words."""
    if resolved.auth.none:
        return "none is asked for"
    holders = [tenant.name for tenant in resolved.tenants.values() if tenant.keys]
    more = f" or {len(holders) - _TENANTS_SHOWN} more" if len(holders) > _TENANTS_SHOWN else ""
    ways = [f"a key of tenant {' or '.join(holders[:_TENANTS_SHOWN])}{more}"] if holders else []
    if resolved.auth.jwt is not None:
        ways.append(f"a JWT of {resolved.auth.jwt.issuer}")
    return ", or ".join(ways)


def curl(base_url: str, key: str | None, model: str, api: Api = "openai") -> str:
    """A command line that makes one call. A key such as $KEY is filled in by the shell."""
    quote = '"' if key and key.startswith("$") else "'"
    authorization = f"-H {quote}Authorization: Bearer {key}{quote} " if key else ""
    path, demanded = _CALLS[api]
    body = json.dumps({"model": model, **demanded, "messages": [{"role": "user", "content": "Hello"}]})
    return f"curl -s {base_url}/{path} {authorization}-H 'Content-Type: application/json' -d '{body}'"
