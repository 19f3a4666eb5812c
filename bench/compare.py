"""What the gateway costs beside Envoy alone, feature by feature, in one run.

    python bench/compare.py [--rounds 3] [--seconds 5] [--quick]

Each round starts every stack in turn on loopback and measures it; rounds are interleaved, so that whatever else the
machine does falls on all of them. Needs wrk, nginx and the small Go program in `bench/load`, which `make bench` builds;
after `make compiled` the compiled gateway is among them. Prints a table and writes `bench/results/compare.json` and
`compare.svg`.

Closed loop: 32 connections of wrk, as fast as it goes: requests a second, and a ledger of CPU time per request.
Open loop: requests by a clock, whatever becomes of them: latency from the moment each was due.
"""

import argparse
import asyncio
import json
import os
import platform
import re
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Final

from ledger import cpu_seconds, family, resident
from plot import bars
from stacks import COMPILED, GATEWAYS, Stack, empty_processor, envoy_alone, forebay, nginx, replayed

HERE: Final = Path(__file__).parent
LOAD: Final = HERE.parent / ".tools" / "bin" / "load"
RESULTS: Final = HERE / "results" / "compare.json"
PROSE: Final = "the quarterly report of the northern region shows that revenue grew while costs stayed flat and nobody "
QUICK: Final = ("gateway, all off", "everything on", "grpcio transport", "compiled")
OPEN_RATE: Final = 1000.0
IDLE: Final = 0.15  # CPU seconds a second of a stack that nobody calls
ALONE: Final = "Envoy alone"
EMPTY: Final = "ext_proc, empty"
REPLAYED: Final = "answers replayed"
_WRK: Final = """\
wrk.method = "POST"
wrk.body = io.open("{body}"):read("*a")
wrk.headers["content-type"] = "application/json"
{authorization}
"""

Start = Callable[[int], AbstractAsyncContextManager[Stack]]


def stacks(names: tuple[str, ...] | None) -> dict[str, Start]:
    """Everything that is compared, by name; `names` of the gateways, None = all."""
    chosen: dict[str, Start] = {ALONE: envoy_alone, EMPTY: empty_processor, REPLAYED: replayed}
    for name, features in GATEWAYS.items():
        if (names is None or name in names) and (COMPILED.exists() or not features.compiled):
            chosen[name] = lambda provider, features=features: forebay(features, provider)
    return chosen


def closed_loop(stack: Stack, body: Path, seconds: float, provider: int, connections: int = 32) -> dict[str, Any]:
    """Requests a second of so many connections, how long they waited, and microseconds of CPU each by process."""
    script = body.with_suffix(".lua")
    bearer = f'wrk.headers["authorization"] = "Bearer {stack.credential}"' if stack.credential else ""
    script.write_text(_WRK.format(body=body, authorization=bearer))
    url = f"http://{stack.address}/v1/chat/completions"
    groups = {name: family(pid) for name, pid in {**stack.pids, "provider": provider}.items()}

    def wrk(duration: float) -> str:
        command = ["wrk", "-t1", f"-c{connections}", f"-d{duration:g}s", "-s", str(script), "--latency", url]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    wrk(2)
    before = {name: cpu_seconds(pids) for name, pids in groups.items()}
    said = wrk(seconds)
    after = {name: cpu_seconds(pids) for name, pids in groups.items()}
    if "Non-2xx" in said:
        raise RuntimeError(f"not every answer was good:\n{said}")
    count = int(re.search(r"(\d+) requests in", said)[1])  # type: ignore[index]
    per_second = float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1])  # type: ignore[index]
    return {
        "requests_per_second": per_second,
        "waited_ms": {cut: _milliseconds(said, cut) for cut in ("50%", "99%")},
        "cpu_us": {name: (after[name] - before[name]) / count * 1e6 for name in groups},
        "resident_mib": {name: resident(pids) / 2**20 for name, pids in groups.items()},
    }


def _milliseconds(said: str, cut: str) -> float:
    """What wrk says of this percentile."""
    value, unit = re.search(rf"{cut}\s+([\d.]+)(us|ms|s)\b", said).groups()  # type: ignore[union-attr]
    return float(value) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[unit]


def open_loop(stack: Stack, body: Path, seconds: float, rate: float) -> dict[str, Any]:
    """Latency in microseconds of requests by a clock."""
    command = [str(LOAD), "send", "-address", stack.address, "-body", str(body), "-rate", f"{rate:g}"]
    command += ["-seconds", f"{seconds:g}", "-key", stack.credential]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    if set(found["statuses"]) != {"200"}:
        raise RuntimeError(f"not every answer was good: {found['statuses']}")
    return dict(found["latency_us"])


async def measure(start: Start, provider: tuple[int, int], body: Path, seconds: float, rate: float) -> dict[str, Any]:
    """One stack, once."""
    port, pid = provider
    async with start(port) as stack:
        await asyncio.to_thread(settle, stack)
        closed = await asyncio.to_thread(closed_loop, stack, body, seconds, pid)
        latency = await asyncio.to_thread(open_loop, stack, body, seconds, rate)
        stages = _stages(stack.records) if stack.records else {}
    return {**closed, "latency_us": latency, "stages_us": stages}


def settle(stack: Stack) -> None:
    """Wait until nobody compiles patterns any more: that belongs to the start, not to the calls."""
    for _ in range(60):
        pids = [each for pid in stack.pids.values() for each in family(pid)]
        before = cpu_seconds(pids)
        time.sleep(1)
        if cpu_seconds(pids) - before < IDLE:
            return


def _stages(records: Path) -> dict[str, float]:
    """The median of each stage over the last calls, as the record tells it."""
    found: dict[str, list[float]] = defaultdict(list)
    for line in records.read_bytes().splitlines()[-4000:]:
        record = json.loads(line)
        if record.get("kind") == "request" and record.get("operation") == "chat":
            for name, taken in record["stages_us"].items():
                found[name].append(taken)
    return {name: statistics.median(values) for name, values in found.items()}


def prompt(size: int) -> bytes:
    """A chat request with so many bytes of prose."""
    text = (PROSE * (size // len(PROSE) + 1))[:size]
    return json.dumps({"model": "chat", "messages": [{"role": "user", "content": text}]}).encode()


async def bench(wished: argparse.Namespace) -> dict[str, Any]:
    """All rounds."""
    chosen = stacks(QUICK if wished.quick else None)
    runs: dict[str, list[dict[str, Any]]] = {name: [] for name in chosen}
    with tempfile.TemporaryDirectory() as folder, nginx() as provider:
        body = Path(folder, "body.json")
        body.write_bytes(prompt(wished.size))
        for _ in range(wished.rounds):
            for name, start in chosen.items():
                runs[name].append(await measure(start, provider, body, wished.seconds, wished.rate))
    return {
        "machine": {"cpus": os.cpu_count(), "system": platform.platform(), "python": platform.python_version()},
        "prompt_bytes": wished.size,
        "open_loop_rate": wished.rate,
        "rounds": wished.rounds,
        "stacks": {name: middle(found) for name, found in runs.items()},
    }


def middle(found: list[Any]) -> Any:
    """The median over rounds, figure by figure."""
    if isinstance(found[0], dict):
        names = dict.fromkeys(name for each in found for name in each)
        return {name: middle([each[name] for each in found if name in each]) for name in names}
    return round(statistics.median(found), 4)


def table(results: dict[str, Any]) -> str:
    """What a reader wants to know first."""
    alone = results["stacks"][ALONE]
    lines = [f"{'':<18} {'req/s':>8} {'ratio':>6} {'Envoy':>7} {'Python':>7} {'p50 +ms':>8} {'p99 +ms':>8}"]
    for name, row in results["stacks"].items():
        cpu = row["cpu_us"]
        python = sum(taken for part, taken in cpu.items() if part.startswith("extproc"))
        added = [(row["latency_us"][cut] - alone["latency_us"][cut]) / 1000 for cut in ("p50", "p99")]
        lines.append(
            f"{name:<18} {row['requests_per_second']:>8.0f} "
            f"{row['requests_per_second'] / alone['requests_per_second']:>6.2f} "
            f"{cpu['envoy']:>7.0f} {python:>7.0f} {added[0]:>8.2f} {added[1]:>8.2f}"
        )
    return "\n".join(lines)


def picture(results: dict[str, Any]) -> str:
    """The ledger as bars."""
    parts = ("Envoy", "processor", "recorder", "provider")
    rows = {}
    for name, row in results["stacks"].items():
        cpu = row["cpu_us"]
        rows[name] = [cpu.get(part, 0.0) for part in ("envoy", "extproc-0", "recorder", "provider")]
    return bars("CPU per request, by process (1 KB prompt, not streamed)", parts, rows, "µs")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="What the gateway costs beside Envoy alone.")
    parser.add_argument("--rounds", type=int, default=3, help="how often each stack is measured")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each measurement")
    parser.add_argument("--rate", type=float, default=OPEN_RATE, help="requests a second of the open loop")
    parser.add_argument("--size", type=int, default=1000, help="bytes of the prompt")
    parser.add_argument("--quick", action="store_true", help="one short round of the most telling stacks")
    wished = parser.parse_args()
    if wished.quick:
        wished.rounds, wished.seconds = 1, 3.0
    results = asyncio.run(bench(wished))
    print(table(results))
    if not wished.quick:
        RESULTS.write_text(json.dumps(results, indent=2) + "\n")
        RESULTS.with_suffix(".svg").write_text(picture(results))


if __name__ == "__main__":
    main()
