"""How the gateway's cost grows: with the size of the prompt, and with the connections that call at once.

    python bench/scale.py [--rounds 3] [--seconds 4]

Envoy alone and the gateway with everything on run side by side and are called in turn, point by point, in one run.
Needs what `compare.py` needs. Prints a table and writes `bench/results/scale.json` and `scale.svg`.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compare import ALONE, closed_loop, middle, prompt, settle
from plot import bars
from stacks import ALL, Stack, envoy_alone, forebay, nginx

RESULTS: Final = Path(__file__).parent / "results" / "scale.json"
GATEWAY: Final = "everything on"
KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Point:
    """So many connections that each send prompts of so many bytes, one after the other."""

    connections: int
    size: int

    def __str__(self) -> str:
        return f"{self.connections:>4} × {self.size // KIB:>4} KiB"


POINTS: Final = (
    *(Point(32, size * KIB) for size in (1, 4, 16, 64, 256, 1024)),
    *(Point(connections, KIB) for connections in (1, 8, 128, 512, 2000)),
)


async def bench(wished: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """All points, all rounds."""
    found: dict[str, dict[str, list[Any]]] = {str(point): {ALONE: [], GATEWAY: []} for point in POINTS}
    async with contextlib.AsyncExitStack() as stacks:
        folder = Path(stacks.enter_context(tempfile.TemporaryDirectory()))
        port, pid = stacks.enter_context(nginx())
        running: dict[str, Stack] = {
            ALONE: await stacks.enter_async_context(envoy_alone(port)),
            GATEWAY: await stacks.enter_async_context(forebay(ALL, port)),
        }
        await asyncio.to_thread(settle, running[GATEWAY])
        for _ in range(wished.rounds):
            for point in POINTS:
                body = folder / "body.json"
                body.write_bytes(prompt(point.size))
                for name, stack in running.items():
                    taken = await asyncio.to_thread(closed_loop, stack, body, wished.seconds, pid, point.connections)
                    found[str(point)][name].append(taken)
    return {point: {name: middle(taken) for name, taken in of.items()} for point, of in found.items()}


def line(point: str, of: dict[str, Any]) -> str:
    """One point as a line of the table."""
    alone, gateway = of[ALONE], of[GATEWAY]
    ratio = gateway["requests_per_second"] / alone["requests_per_second"]
    return (
        f"{point} {alone['requests_per_second']:>9.0f} {gateway['requests_per_second']:>9.0f} {ratio:>6.2f}"
        f" {gateway['cpu_us']['envoy']:>8.0f} {gateway['cpu_us']['extproc-0']:>9.0f}"
        f" {gateway['waited_ms']['50%']:>8.1f} {gateway['waited_ms']['99%']:>8.1f}"
        f" {gateway['resident_mib']['extproc-0']:>8.0f}"
    )


def picture(points: dict[str, dict[str, Any]]) -> str:
    """CPU per request of the gateway, point by point."""
    rows = {
        point: [of[GATEWAY]["cpu_us"][part] / 1000 for part in ("envoy", "extproc-0", "recorder")]
        for point, of in points.items()
    }
    return bars("CPU per request by connections and size of the prompt", ("Envoy", "processor", "recorder"), rows, "ms")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="How the gateway's cost grows.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    points = asyncio.run(bench(parser.parse_args()))
    print(
        f"{'':>15} {'alone/s':>9} {'gateway/s':>9} {'ratio':>6} {'Envoy µs':>8} {'Python µs':>9}"
        f" {'p50 ms':>8} {'p99 ms':>8} {'RSS MiB':>8}"
    )
    for point, of in points.items():
        print(line(point, of))
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    RESULTS.write_text(json.dumps({"machine": machine, "points": points}, indent=2) + "\n")
    RESULTS.with_suffix(".svg").write_text(picture(points))


if __name__ == "__main__":
    main()
