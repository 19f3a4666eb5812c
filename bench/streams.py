"""What streams notice of the gateway: the first piece, the time between pieces, and the memory they take.

    python bench/streams.py [--rounds 3] [--seconds 10] [--only NAME] [--soak SECONDS]

Envoy alone and the gateway with everything on take turns in one run, with a provider that sends its pieces by a clock.
What the gateway adds is the difference of the two, percentile by percentile; on a machine that others use it is the
others that one sees there, and the CPU time of each piece is what stays. Needs the Go program in `bench/load`. Prints a
table, writes `bench/results/streams.json` and draws it. `--soak` holds one load for so long instead, and prints the
memory of the processor as it goes.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from compare import ALONE, LOAD, PROSE, settle
from ledger import cpu_seconds, family, resident
from plot import bars
from stacks import ALL, GUARDED, Features, Stack, envoy_alone, forebay

from forebay.supervise.ports import free_port

RESULTS: Final = Path(__file__).parent / "results" / "streams.json"
PICTURE: Final = RESULTS.with_suffix(".svg")
GATEWAY: Final = "everything on"


@dataclass(frozen=True, slots=True)
class Load:
    """So many streams at a time, each of so many pieces a second."""

    streams: int
    pieces_per_second: int
    prompt: str
    target: str
    features: Features = ALL
    system: str = ""


VALUES: Final = "Write to maria.rossi@example.com about it. " + PROSE
SYSTEM: Final = "You are Ada of the Northwind shipping desk. Never promise anybody a refund above fifty dollars."
LOADS: Final = {
    "few": Load(20, 20, PROSE, ""),
    "restored": Load(200, 20, VALUES, "TTFT p99 + 3 ms, gap p99 + 2 ms"),
    "guarded": Load(200, 20, VALUES, "TTFT p99 + 3 ms, gap p99 + 2 ms", GUARDED, SYSTEM),
    "many": Load(500, 20, PROSE, "gap p99 + 5 ms"),
    "thousands": Load(2000, 2, PROSE, "no failure, 300 MiB"),
}


def length(seconds: float) -> float:
    """Of one stream, in seconds. Callers begin spread over it: all at once they would wait for each other."""
    return min(seconds, 5.0)


@contextlib.contextmanager
def provider(load: Load, seconds: float) -> Iterator[int]:
    """Answers with streams of some seconds."""
    port = free_port()
    pieces = max(2, int(length(seconds) * load.pieces_per_second))
    command = [LOAD, "serve", "-listen", f"127.0.0.1:{port}", "-pieces", str(pieces)]
    command += ["-interval", f"{1000 / load.pieces_per_second:g}ms"]
    with subprocess.Popen(command) as process:
        try:
            yield port
        finally:
            process.terminate()


def sent(stack: Stack, load: Load, seconds: float, folder: Path) -> dict[str, Any]:
    """What the callers saw; raises RuntimeError if a stream failed."""
    body = folder / "body.json"
    system = [{"role": "system", "content": load.system}] if load.system else []
    call = {"model": "chat", "stream": True, "messages": [*system, {"role": "user", "content": load.prompt}]}
    body.write_text(json.dumps(call, separators=(",", ":")))
    command = [LOAD, "send", "-address", stack.address, "-body", body, "-callers", str(load.streams)]
    command += ["-seconds", f"{seconds:g}", "-warm", f"{length(seconds) + 1:g}", "-spread", f"{length(seconds):g}s"]
    command += ["-key", stack.credential]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    if set(found["statuses"]) != {"200"}:
        raise RuntimeError(f"not every stream was good: {found['statuses']}")
    return found


class Watch:
    """What the parts of a stack take while a load is on: the most memory, and CPU once the load is steady."""

    def __init__(self, stack: Stack, steady_after: float, steady_until: float) -> None:
        self.pids = {name: stack.pids[name] for name in ("extproc-0", "envoy") if name in stack.pids}
        self.pid = self.pids.get("extproc-0", 0)
        self.idle = self.loop = self.all = 0.0  # MiB: the process of the loop before any load, the same, all of its own
        self.cpu: dict[str, float] = {}  # seconds a second, by part
        self._from, self._until = steady_after, steady_until
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> "Watch":
        if self.pid:
            self.idle = self.now()[0]
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def now(self) -> tuple[float, float]:
        """MiB of the loop, of all."""
        return resident([self.pid]) / 2**20, resident(family(self.pid)) / 2**20

    def _watch(self) -> None:
        began, first = time.monotonic(), None
        while not self._stop.wait(0.25):
            if self.pid:
                loop, everything = self.now()
                self.loop, self.all = max(self.loop, loop), max(self.all, everything)
            at = time.monotonic()
            if self._from <= at - began <= self._until:
                used = {name: cpu_seconds(family(pid)) for name, pid in self.pids.items()}
                if first is None:
                    first = at, used
                elif at - first[0] > 1:
                    self.cpu = {name: (used[name] - first[1][name]) / (at - first[0]) for name in used}


@contextlib.asynccontextmanager
async def started(name: str, port: int, features: Features) -> AsyncIterator[Stack]:
    """One of the two stacks, warm."""
    async with envoy_alone(port) if name == ALONE else forebay(features, port) as stack:
        await asyncio.to_thread(settle, stack)
        yield stack


async def measure(name: str, load: Load, seconds: float, folder: Path) -> dict[str, Any]:
    """One load on one stack."""
    with provider(load, seconds) as port:
        async with started(name, port, load.features) as stack:
            warm = length(seconds) + 1
            with Watch(stack, warm, warm + seconds) as watch:
                found = await asyncio.to_thread(sent, stack, load, seconds, folder)
    pieces = load.streams * load.pieces_per_second  # a second
    return {
        "first_byte_us": found["first_byte_us"],
        "gap_us": found["gap_us"],
        "streams": round(found["requests_per_second"] * seconds),
        "cpu_us_per_piece": {name: used / pieces * 1e6 for name, used in sorted(watch.cpu.items())},
        "resident_mib": {"idle": watch.idle, "loop": watch.loop, "all": watch.all},
    }


def middle(rounds: list[Any]) -> Any:
    """The median over rounds, figure by figure."""
    if isinstance(rounds[0], dict):
        return {name: middle([each[name] for each in rounds]) for name in rounds[0]}
    return round(statistics.median(rounds), 1)


def line(name: str, load: Load, found: dict[str, Any]) -> str:
    """One load as a line of the table."""
    added = [
        (found[GATEWAY][what][cut] - found[ALONE][what][cut]) / 1000
        for what in ("first_byte_us", "gap_us")
        for cut in ("p50", "p99")
    ]
    memory, cpu = found[GATEWAY]["resident_mib"], found[GATEWAY]["cpu_us_per_piece"]
    each = (memory["loop"] - memory["idle"]) * 1024 / load.streams
    return (
        f"{name:<10} {load.streams:>5} × {load.pieces_per_second:>2}/s "
        + " ".join(f"{each:>9.2f}" for each in added)
        + f" {cpu['extproc-0']:>9.0f} {cpu['envoy']:>9.0f} {found[ALONE]['cpu_us_per_piece']['envoy']:>9.0f}"
        + f" {memory['loop']:>9.0f} {each:>9.0f}   {load.target}"
    )


def picture(results: dict[str, Any]) -> str:
    """First pieces, and how late the others are, of both stacks."""
    rows: dict[str, tuple[float, float]] = {}
    for name, found in results.items():
        for what, due in (("first_byte_us", 0.0), ("gap_us", 1e6 / LOADS[name].pieces_per_second)):
            for stack in (ALONE, GATEWAY):
                half, most = (max(0.0, found[stack][what][cut] - due) / 1000 for cut in ("p50", "p99"))
                label = "first piece" if due == 0 else "late by"
                rows[f"{name}, {label}, {'Envoy' if stack == ALONE else 'gateway'}"] = (half, max(0.0, most - half))
    return bars("Streams: the first piece, and how late the others come (ms)", ("p50", "p99"), rows, "ms", 1)


async def bench(wished: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """All loads, all rounds."""
    loads = {name: load for name, load in LOADS.items() if wished.only in ("", name)}
    results: dict[str, Any] = {}
    columns = (
        "TTFT p50",
        "TTFT p99",
        "gap p50",
        "gap p99",
        "µs extproc",
        "µs Envoy",
        "µs alone",
        "RSS MiB",
        "KiB each",
    )
    print(f"{'added, ms':<21} " + " ".join(f"{column:>9}" for column in columns) + "   target")
    for name, load in loads.items():
        rounds: dict[str, list[Any]] = {ALONE: [], GATEWAY: []}
        for _ in range(wished.rounds):
            for stack, found in rounds.items():
                found.append(await measure(stack, load, wished.seconds, folder))
        results[name] = {stack: middle(found) for stack, found in rounds.items()}
        print(line(name, load, results[name]), flush=True)
    return results


async def soak(seconds: float, folder: Path) -> None:
    """One load for long: the memory every ten seconds."""
    load = LOADS["restored"]
    with provider(load, 5) as port:
        async with started(GATEWAY, port, load.features) as stack:
            watch, began = Watch(stack, 0, 0), time.monotonic()
            sending = asyncio.create_task(asyncio.to_thread(sent, stack, load, seconds, folder))
            while not sending.done():
                print(f"{time.monotonic() - began:6.0f} s  {watch.now()[0]:7.1f} MiB", flush=True)
                await asyncio.wait([sending], timeout=max(2, seconds / 60))
            print(f"streams: {round((await sending)['requests_per_second'] * seconds)}, every one whole")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="What streams notice of the gateway.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each measurement")
    parser.add_argument("--only", default="", choices=("", *LOADS), help="one load alone; the others' numbers stay")
    parser.add_argument("--soak", type=float, default=0.0, help="hold one load for so many seconds instead")
    wished = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if wished.soak:
            asyncio.run(soak(wished.soak, Path(folder)))
            return
        results = asyncio.run(bench(wished, Path(folder)))
    machine = {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()}
    known = json.loads(RESULTS.read_text())["loads"] if wished.only and RESULTS.exists() else {}
    results = {name: (known | results)[name] for name in LOADS if name in known | results}
    RESULTS.write_text(json.dumps({"machine": machine, "loads": results}, indent=2) + "\n")
    PICTURE.write_text(picture(results))


if __name__ == "__main__":
    main()
