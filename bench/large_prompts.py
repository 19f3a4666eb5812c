"""Do large prompts delay small ones? A 10 MB prompt every second, and what 1 KB requests notice of it.

    python bench/large_prompts.py [--rounds 6] [--seconds 5] [--rate 50]

One real gateway on this machine, two mock providers inside it, so that only the gateway is shared. Quiet and loaded
spells alternate in one run, so that whatever else the machine does falls on both. Requests are sent by a clock: one
that had to wait to be sent has waited. Prints a table and writes `bench/results/large_prompts.json`.
"""

import argparse
import asyncio
import contextlib
import json
import multiprocessing
import os
import platform
import statistics
import tempfile
import time
from collections import Counter
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from forebay.cli.running import Running, Wish, gateway
from forebay.supervise.local_http import ask
from forebay.supervise.ports import free_port

RESULTS = Path(__file__).parent / "results" / "large_prompts.json"
CONFIG = """\
listen: {{http: {port}}}
providers: {{small: {{type: mock}}, large: {{type: mock}}}}
models: {{small: small/gpt-4o-mini, large: large/gpt-4o-mini}}
"""
PROSE = "the quarterly report of the northern region shows that revenue grew while costs stayed flat and nobody minded "
SMALL, LARGE = 1_000, 10_000_000
CONNECTIONS = 32
TARGET = 3.0  # the loaded p99 over the quiet one, at most


def request(origin: str, key: str, model: str, size: int) -> bytes:
    """One chat call as bytes, kept alive."""
    text = (PROSE * (size // len(PROSE) + 1))[:size]
    body = json.dumps({"model": model, "messages": [{"role": "user", "content": text}]}).encode()
    lines = (
        "POST /v1/chat/completions HTTP/1.1",
        f"host: {urlsplit(origin).netloc}",
        f"authorization: Bearer {key}",
        "content-type: application/json",
        f"content-length: {len(body)}",
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def exchange(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sent: bytes) -> int:
    """Send a request and read its answer whole. Returns its status."""
    writer.write(sent)
    head = await reader.readuntil(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode("latin-1").split("\r\n")[1:-2])
    await reader.readexactly(int(fields["content-length"]))
    return int(head.split(b" ", 2)[1])


class Callers:
    """The senders of small requests, on connections that stay open."""

    def __init__(self, origin: str, sent: bytes) -> None:
        self._origin, self._sent = urlsplit(origin), sent
        self._idle: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()

    async def open(self) -> None:
        for _ in range(CONNECTIONS):
            await self._idle.put(await asyncio.open_connection(self._origin.hostname, self._origin.port))

    async def spell(self, seconds: float, rate: float) -> tuple[list[float], Counter[int]]:
        """Send by the clock for some seconds. Returns milliseconds from when each was due, and the statuses."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        due = [began + number / rate for number in range(int(seconds * rate))]
        outcomes = await asyncio.gather(*(self._one(at) for at in due))
        return [took for took, _ in outcomes], Counter(status for _, status in outcomes)

    async def _one(self, due: float) -> tuple[float, int]:
        loop = asyncio.get_running_loop()
        await asyncio.sleep(max(0.0, due - loop.time()))
        connection = await self._idle.get()
        status = await exchange(*connection, self._sent)
        took = (loop.time() - due) * 1000
        self._idle.put_nowait(connection)
        return took, status


def send_large(origin: str, key: str, loading: Event, over: Event, results: "multiprocessing.Queue[Any]") -> None:
    """The other process: a large prompt every second while `loading` is set."""
    asyncio.run(_send_large(origin, request(origin, key, "large", LARGE), loading, over, results))


async def _send_large(
    origin: str, sent: bytes, loading: Event, over: Event, results: "multiprocessing.Queue[Any]"
) -> None:
    url = urlsplit(origin)

    async def one() -> None:
        began = time.monotonic()
        reader, writer = await asyncio.open_connection(url.hostname, url.port)
        status = await exchange(reader, writer, sent)
        results.put((status, (time.monotonic() - began) * 1000))
        writer.close()

    async with asyncio.TaskGroup() as group:
        while not over.is_set():
            if loading.is_set():
                group.create_task(one())
                await asyncio.sleep(1.0)
            else:
                await asyncio.sleep(0.02)


def summary(took: list[float]) -> dict[str, float]:
    """Milliseconds."""
    cuts = statistics.quantiles(took, n=100, method="inclusive")
    return {"requests": len(took), "p50": round(cuts[49], 2), "p99": round(cuts[98], 2), "max": round(max(took), 2)}


async def measure(running: Running, rounds: int, seconds: float, rate: float) -> dict[str, Any]:
    """Quiet and loaded spells in turn."""
    origin, key = running.base_url.removesuffix("/v1"), running.generated_key or ""
    for name in ("small", "large"):
        await ask(running.places.mock_socket(name), "POST", "/__script", b'{"rules": [{"say": "Noted."}]}')
    context = multiprocessing.get_context("spawn")
    loading, over, large = context.Event(), context.Event(), context.Queue()
    sender = context.Process(target=send_large, args=(origin, key, loading, over, large), daemon=True)
    sender.start()
    callers = Callers(origin, request(origin, key, "small", SMALL))
    await callers.open()
    await callers.spell(2.0, rate)  # not counted: connections, caches
    took: dict[str, list[float]] = {"quiet": [], "loaded": []}
    statuses: Counter[int] = Counter()
    for _ in range(rounds):
        for name in took:
            (loading.set if name == "loaded" else loading.clear)()
            await asyncio.sleep(1.5)  # the spell before must be over: its last large prompt, too
            milliseconds, seen = await callers.spell(seconds, rate)
            took[name] += milliseconds
            statuses += seen
    loading.clear()
    over.set()
    await asyncio.to_thread(sender.join)
    larges = [large.get() for _ in range(large.qsize())]
    ratio = {cut: round(summary(took["loaded"])[cut] / summary(took["quiet"])[cut], 2) for cut in ("p50", "p99")}
    return {
        "small_bytes": SMALL,
        "large_bytes": LARGE,
        "rate_per_second": rate,
        "rounds": rounds,
        "milliseconds": {name: summary(each) for name, each in took.items()},
        "ratio": ratio,
        "small_statuses": dict(statuses),
        "large_statuses": dict(Counter(status for status, _ in larges)),
        "large_milliseconds": summary([each for _, each in larges]),
        "within_target": ratio["p99"] <= TARGET,
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "load": os.getloadavg()[0]},
    }


async def bench(rounds: int, seconds: float, rate: float) -> dict[str, Any]:
    """The numbers of one run on a gateway of its own."""
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "forebay.yaml"
        config.write_text(CONFIG.format(port=free_port()))
        async with contextlib.AsyncExitStack() as stack:
            running = await stack.enter_async_context(gateway(config, lambda name, line: None, Wish(drain=1.0)))
            return await measure(running, rounds, seconds, rate)


def main() -> None:
    parser = argparse.ArgumentParser(description="What 1 KB requests notice of a 10 MB prompt every second.")
    parser.add_argument("--rounds", type=int, default=6, help="quiet and loaded spells")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of a spell")
    parser.add_argument("--rate", type=float, default=50.0, help="small requests a second")
    wished = parser.parse_args()
    found = asyncio.run(bench(wished.rounds, wished.seconds, wished.rate))
    for name, row in found["milliseconds"].items():
        cuts = "  ".join(f"{cut} {row[cut]:>7} ms" for cut in ("p50", "p99", "max"))
        print(f"{name:<8} {row['requests']:>6} requests  {cuts}")
    print(f"ratio    p50 x{found['ratio']['p50']}  p99 x{found['ratio']['p99']} (target: x{TARGET:g} at most)")
    print(f"large    {found['large_statuses']}, p50 {found['large_milliseconds']['p50']} ms")
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()
