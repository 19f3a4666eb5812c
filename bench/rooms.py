"""What each hot room of a call costs, in microseconds of CPU, one process and nobody else.

    python bench/rooms.py [--seconds 0.4] [--no-write]

A room is measured in rounds that alternate with those of all others, so that whatever the machine does falls on each;
the median of the rounds counts. Prints a table and writes `bench/results/rooms.json`.
"""

import argparse
import asyncio
import json
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from itertools import count as numbers
from pathlib import Path
from types import MappingProxyType
from typing import Final

from extproc.detectors.scan import Detectors
from extproc.findings import Text
from extproc.inspection import inspect, rewrite
from extproc.messages.answer import AnswerWatch, Usage
from extproc.messages.chat import parse_chat
from extproc.policy.document import build
from extproc.policy.evaluator import Evaluator
from extproc.risk import score
from extproc.transaction import events
from extproc.transaction.account import answer_metadata, request_metadata
from extproc.transaction.context import Context
from extproc.transaction.exchange import Exchange
from extproc.transaction.facts import policy_facts
from extproc.usage.cost import price
from extproc.usage.tokens import count, count_call
from forebay.config.load import load_text
from forebay.config.resolved import Resolved
from forebay.record.attempts import Attempts
from forebay.record.metrics import Metrics
from forebay.record.publish import publish
from forebay.record.tail import Step

RESULTS: Final = Path(__file__).parent / "results" / "rooms.json"
EXAMPLES: Final = Path(__file__).parent.parent / "policies" / "examples"
RULES: Final = ("risk", "tools", "personal_data")  # those that read no clock
CONFIG: Final = """\
providers: {primary: {type: openai, key: "${env:KEY}"}}
models: {chat: primary/gpt-4o-mini}
tenants: {acme: {keys: ["${env:ACME}"]}}
"""
PROSE: Final = (
    "Please summarise the attached notes from Tuesday's planning meeting, where Maria and the northern region's team "
    "went through the quarterly figures. Revenue grew by 4.5 % to 1,280 units while costs stayed flat, and nobody "
    "minded that the migration (phase 2 of 3) slips into May. Open points:\n- who owns the follow-up with finance?\n"
    "- is a second reviewer needed for changes over 300 lines?\n- when can the new dashboards be shown to customers?\n"
    "Write for someone who was not there, in plain words, and keep it under two hundred words; end with a list of the "
    "decisions that were taken and the names of those who will carry them out. "
)
STATE_KEY: Final = b"k" * 64
ROUNDS: Final = 15

Room = Callable[[], object]


def prompt(size: int) -> str:
    """Prose of `size` characters."""
    return (PROSE * (size // len(PROSE) + 1))[:size]


def request(size: int) -> bytes:
    """A chat call whose one message has `size` characters."""
    message = {"role": "user", "content": prompt(size)}
    return json.dumps({"model": "chat", "messages": [message], "max_tokens": 300, "temperature": 0.2}).encode()


def answers() -> tuple[bytes, bytes]:
    """A provider's whole answer that states its usage, and one that does not."""
    message = {"role": "assistant", "content": prompt(600)}
    answer = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "gpt-4o-mini",
        "choices": [{"index": 0, "message": message, "finish_reason": "stop"}],
    }
    usage = {"prompt_tokens": 210, "completion_tokens": 120, "total_tokens": 330}
    return json.dumps({**answer, "usage": usage}).encode(), json.dumps(answer).encode()


def context(resolved: Resolved) -> Context:
    """What transactions would run on."""
    return Context(
        digest=resolved.digest,
        tenants=dict(resolved.tenants),
        models=dict(resolved.models),
        caps=resolved.caps,
        body_limit=resolved.listen.body_limit,
        policies=resolved.policies,
        policy_revision="",
        jwt=None,
        anonymous=False,
        probe_answer=lambda nonce: nonce.encode(),
        price=price,
        count_tokens=count,
    )


def inspection_rooms(resolved: Resolved) -> dict[str, Room]:
    """From the bytes of a request to what the guard says, and the parts of that."""
    detectors, guards, caps = Detectors(), resolved.tenants["acme"].guards, resolved.caps
    rooms: dict[str, Room] = {"parse 1 KB": partial(parse_chat, request(1000), caps)}
    for size in (1, 4, 64):
        rooms[f"detectors {size} KB"] = partial(
            detectors.scan, [Text("messages[0].content", "user", prompt(size * 1000), 0, 0)], guards
        )
    rooms["tokens 1 KB"] = partial(count_call, [prompt(1000)], "chat")
    body = request(1000)
    whole = partial(inspect, "chat", body, "acme", guards, caps, detectors, STATE_KEY, time.perf_counter_ns)
    rooms["inspect 1 KB"] = whole
    rooms["rewrite nothing"] = partial(rewrite, body, whole(), {"pii", "secret"}, (), (), None)
    return rooms


def answer_rooms(resolved: Resolved) -> dict[str, Room]:
    """From the bytes of an answer to its price and the metadata of the call."""
    told, untold = answers()
    exchange, given = exchange_of(resolved), context(resolved)
    fresh = numbers(1)

    def watched(answer: bytes) -> AnswerWatch:
        watch = AnswerWatch("application/json", lambda text: count(text, "gpt-4o-mini"))
        watch.feed(answer, True)
        if watch.usage is None:
            watch.estimate(210)
        return watch

    exchange.watch = watched(told)
    exchange.served = "primary/gpt-4o-mini"
    return {
        "price hit": partial(price, "primary/gpt-4o-mini", Usage(210, 120, 0, 0)),
        "price miss": lambda: price("primary/gpt-4o-mini", Usage(next(fresh), 120, 0, 0)),
        "answer watch": partial(watched, told),
        "answer watch, no usage": partial(watched, untold),
        "risk": partial(score, ()),
        "metadata request": partial(request_metadata, exchange, given),
        "metadata answer": partial(answer_metadata, exchange, given),
    }


def exchange_of(resolved: Resolved) -> Exchange:
    """A call that has been inspected."""
    headers = events.Headers(((":method", "POST"), ("x-request-id", "5b0d"), ("content-type", "application/json")))
    exchange = Exchange(head=events.RequestHeadersReceived(headers, MappingProxyType({}), False, 1, 1))
    exchange.operation, exchange.tenant, exchange.client = "chat", resolved.tenants["acme"], "acme/k1"
    exchange.model = resolved.models["chat"]
    exchange.inspection = inspect(
        "chat", request(1000), "acme", exchange.tenant.guards, resolved.caps, Detectors(), STATE_KEY, lambda: 0
    )
    exchange.risk = score(exchange.inspection.findings)
    exchange.stages.update({"parse": 20, "guard": 80, "tokens": 40})
    return exchange


def record_rooms(resolved: Resolved) -> dict[str, Room]:
    """From the two lines that Envoy writes about a call to two records and the metrics."""
    given, exchange = context(resolved), exchange_of(resolved)
    forwarded = request_metadata(exchange, given)
    exchange.watch = AnswerWatch("application/json", lambda text: count(text, "gpt-4o-mini"))
    exchange.watch.feed(answers()[0], True)
    exchange.served = "primary/gpt-4o-mini"
    told = {"forwarded": forwarded, "answered": answer_metadata(exchange, given)}
    texts = {key: json.dumps(each) for key, each in told.items()}
    common: dict[str, object] = {"id": "b3c6f1b2-52f4-4d5f-9a3e-6a4f0c1d2e3f", "time": "2026-11-21T10:00:00.123456Z"}
    common |= {"provider": "primary", "model": "gpt-4o-mini", "status": 200, "flags": "-"}
    attempt = common | {"kind": "UpstreamEnd", "duration_ms": 40, "bytes_in": 900, "bytes_out": 1200}
    ended = common | {"kind": "DownstreamEnd", "method": "POST", "route": "m:chat", "details": "via_upstream"}
    ended |= {"attempts": 1, "duration_ms": 42, "first_byte_ms": 41, "request_ms": 0, "bytes_in": 1100, "tls": "-"}
    ended |= {"bytes_out": 900, "client": "203.0.113.0/24", "protocol": "HTTP/1.1", **texts}
    ended |= {"tenant": "acme", "caller": "acme/k1", "config": resolved.digest}
    ended |= {"processor": "rh:90:0,rb:1:200:0,sh:60:0,sb:1:80:0,bs:1665,br:849,os:0,ds:extproc"}
    lines = [json.dumps(line, separators=(",", ":")).encode() for line in (attempt, ended)]
    attempts, metrics = Attempts(), Metrics()
    metrics.configure(resolved)

    def published() -> tuple[object, ...]:
        return tuple(item for line in lines for item in publish(line, 0, attempts))

    def recorded() -> bytes:
        items = tuple(item for line in lines for item in publish(line, 0, attempts))
        metrics.step(Step(items), 0.0)
        return b"".join(item.line() for item in items)

    return {"recorder: publish": published, "recorder: publish, write, count": recorded}


async def policy_room(resolved: Resolved, seconds: float) -> float:
    """Microseconds of a policy's answer from memory: facts, document, question, answer."""
    evaluator = Evaluator([EXAMPLES / f"{name}.rego" for name in RULES], 5.0)
    await evaluator.start()
    try:
        given, exchange, found = context(resolved), exchange_of(resolved), []
        await evaluator.decide(build(policy_facts(exchange, given)))
        for _ in range(ROUNDS):
            times, until, began = 0, time.perf_counter() + seconds / ROUNDS, time.process_time_ns()
            while time.perf_counter() < until:
                await evaluator.decide(build(policy_facts(exchange, given)))
                times += 1
            found.append((time.process_time_ns() - began) / 1000 / max(1, times))
        return statistics.median(found)
    finally:
        await evaluator.close()


def measured(rooms: dict[str, Room], seconds: float) -> dict[str, float]:
    """Microseconds of CPU per visit of each room, the median of interleaved rounds."""
    visits = {name: max(1, int(seconds / ROUNDS / _once(room))) for name, room in rooms.items()}
    found: dict[str, list[float]] = {name: [] for name in rooms}
    for _ in range(ROUNDS):
        for name, room in rooms.items():
            began = time.process_time_ns()
            for _ in range(visits[name]):
                room()
            found[name].append((time.process_time_ns() - began) / 1000 / visits[name])
    return {name: statistics.median(each) for name, each in found.items()}


def _once(room: Room) -> float:
    for _ in range(20):
        room()
    began = time.perf_counter()
    for _ in range(5):
        room()
    return (time.perf_counter() - began) / 5


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description="What each hot room costs")
    parser.add_argument("--seconds", type=float, default=0.4, help="per room")
    parser.add_argument("--no-write", action="store_true", help="print only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        resolved = load_text(CONFIG, Path(folder) / "forebay.yaml")
    rooms = inspection_rooms(resolved) | answer_rooms(resolved) | record_rooms(resolved)
    table = measured(rooms, options.seconds)
    table["policy answer from memory"] = asyncio.run(policy_room(resolved, options.seconds))
    for name, microseconds in table.items():
        print(f"{name:34}{microseconds:10.2f} µs")
    if not options.no_write:
        machine = {"cpus": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
        result = {"machine": machine, "load": os.getloadavg()[0], "cpu_us": {k: round(v, 2) for k, v in table.items()}}
        RESULTS.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
