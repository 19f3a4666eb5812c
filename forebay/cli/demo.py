"""forebay demo: a real gateway, real requests, one table."""

import asyncio
import shutil
import sys
import time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:  # imported late, so that --help is quick
    from forebay.cli.demo_world import World
    from forebay.cli.running import Running
    from forebay.supervise.child import Log


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the gateway running until Ctrl-C.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show what the parts log.")] = False,
) -> None:
    """Start a gateway with two mock providers, send it real requests, and show what became of each.

    \b
    Example:
      forebay demo --keep
    """
    from forebay.cli.interrupts import run

    sys.exit(run(show(keep=keep, verbose=verbose)))


async def show(*, keep: bool, verbose: bool) -> int:
    """The whole demo. Returns 0 when everything came out as it should, 1 when not, having said what."""
    from forebay.cli.demo_world import build
    from forebay.cli.running import Wish, gateway
    from forebay.supervise.log_stream import LogStream, silent
    from forebay.supervise.part import CannotServe

    world = build()
    log: Log = LogStream() if verbose else silent
    began = time.monotonic()
    left = keep
    try:
        async with gateway(world.config, log, Wish(drain=5.0)) as running:
            print(f"Gateway ready after {time.monotonic() - began:.1f} s: {running.base_url}\n", flush=True)
            good = await _tell(world, running)
            left = keep or not good
            if keep:
                print(_invitation(world, running), flush=True)
                await asyncio.Event().wait()
        return 0 if good else 1
    except CannotServe as error:
        left = True
        print(f"cannot serve:\n{error}", file=sys.stderr)
        return 1
    finally:
        if left:
            print(f"\nConfig, rule and records of this demo: {world.folder}", flush=True)
        else:
            shutil.rmtree(world.folder, ignore_errors=True)


async def _tell(world: "World", running: "Running") -> bool:
    """Send everything and print what came of it. Returns whether all came out as it should."""
    from forebay.cli.demo_requests import send_all
    from forebay.cli.demo_table import LEGEND, console, records_of, story, table

    sents = await send_all(world, running)
    records = await records_of(running.places.records, sents)
    threshold = running.resolved.tenants["acme"].guards.injection.threshold
    print("What each request went through")
    console().print(table(sents, records, threshold))
    print(f"{LEGEND}\n\nWhat came back\n{story(sents)}")
    missing = [sent.title for sent in sents if not sent.as_expected or sent.id not in records]
    if missing:
        print(f"\nNot as expected: {', '.join(missing)}", file=sys.stderr)
    return not missing


def _invitation(world: "World", running: "Running") -> str:
    from forebay.cli.up import curl

    lines = [
        f"base URL  {running.base_url}",
        f"key       {world.acme}",
        f"try       {curl(running.base_url, world.acme, 'chat')}",
    ]
    return "\n".join(["", *lines, "", "Running until Ctrl-C."])
