"""What came of the demo's requests: one table, from the published records."""

import asyncio
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from forebay.cli.demo_requests import Sent

_NARROWEST, _WIDEST = 100, 120
_WAIT = 10.0
_WALK = ("parse", "guard", "tokens", "policy")  # the order in which a request meets them; others stand behind
_CALLED = {"tokens": "count"}  # beside a column of tokens, a duration needs another name
LEGEND = (
    "Stages are µs in the processor; records call count tokens. Policy answers are remembered: the first is slow.\n"
    "Envoy alone: refused before the processor was asked. nobody: no provider was called."
)

Record = Mapping[str, Any]


async def records_of(published: Path, sents: Sequence[Sent]) -> dict[str, Record]:
    """The published record of each request, by request id. Waits a moment for those the recorder has yet to write."""
    wanted = {sent.id for sent in sents}
    deadline = asyncio.get_running_loop().time() + _WAIT
    while True:
        found = {record["id"]: record for record in read(published) if record["id"] in wanted}
        if len(found) == len(wanted - {None}) or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(0.1)


def read(published: Path) -> list[Record]:
    """Every request record that stands in a records file, whole lines only."""
    if not published.exists():
        return []
    lines = published.read_bytes().split(b"\n")[:-1]
    return [record for record in map(json.loads, lines) if record.get("kind") == "request"]


def console() -> Console:
    """Where the table goes: colours on a terminal only, and never so narrow that meaning is lost."""
    width = min(max(shutil.get_terminal_size((110, 40)).columns, _NARROWEST), _WIDEST)
    return Console(file=sys.stdout, width=width, highlight=False, markup=False)


def table(sents: Sequence[Sent], records: Mapping[str, Record], threshold: int) -> Table:
    """One row per request; a request without a record shows that it has none.

    `threshold` is the injection score from which the demo's guard blocks.
    """
    made = Table(show_lines=True, expand=True)
    # Wide enough for the longest word that can stand there; the stages take what is left.
    for heading, width in (("request", 15), ("status", 6), ("outcome, reason", 19)):
        made.add_column(heading, width=width, overflow="fold")
    made.add_column("stages, µs", ratio=1, overflow="fold")
    for heading, width in (("tokens, USD", 13), ("served by", 15)):
        made.add_column(heading, width=width, overflow="fold")
    for sent in sents:
        record = records.get(sent.id or "")
        mark = "" if sent.as_expected else "\nNOT AS EXPECTED"
        cells = _cells(record, threshold) if record else ("no record" if sent.status else "failed", "", "", "")
        made.add_row(sent.title + mark, str(sent.status or "none"), *cells)
    return made


def _cells(record: Record, threshold: int) -> tuple[str, str, str, str]:
    verdict = [record["outcome"]] if record["reason"] == "ok" else [record["outcome"], record["reason"]]
    scores = [finding["score"] for finding in record["findings"] if finding["kind"] == "injection"]
    if record["reason"] == "prompt_injection" and scores:
        verdict.append(f"injection {max(scores)} >= {threshold}")
    elif record["risk"]:
        verdict.append(f"risk {record['risk']}")
    if record["redacted"]:
        verdict += [f"redacted {sum(record['redacted'].values())}", f"restored {record['restored'] or 0}"]
    walked = sorted(record["stages_us"].items(), key=lambda stage: _WALK.index(stage[0]) if stage[0] in _WALK else 99)
    stages = " ".join(f"{_CALLED.get(name, name)}={taken}" for name, taken in walked)
    price = f"{_tokens(record['usage'])}\n{_cost(record['cost'])}"
    return "\n".join(verdict), stages or "Envoy alone", price, _backend(record)


def _tokens(usage: Record | None) -> str:
    if not usage:
        return "none"
    return f"{_number(usage['input_tokens'])} in, {_number(usage['output_tokens'])} out"


def _number(value: int | None) -> str:
    return "?" if value is None else str(value)


def _cost(cost: Record | None) -> str:
    if not cost:
        return ""
    return "unpriced" if cost["usd"] is None else f"{cost['usd']:.7f}"


def _backend(record: Record) -> str:
    if record["provider"] is None:
        return "nobody"
    tries = f"\n(attempt {record['attempts']})" if (record["attempts"] or 1) > 1 else ""
    return f"{record['provider']}/{record['provider_model']}{tries}"


def story(sents: Sequence[Sent]) -> str:
    """What happened, a line per request."""
    width = max(len(sent.title) for sent in sents)
    return "\n".join(f"  {sent.title:<{width}}  {sent.status}  {sent.what}" for sent in sents)
