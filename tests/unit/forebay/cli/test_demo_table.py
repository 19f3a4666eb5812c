"""The demo's table from records."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from forebay.cli.demo_requests import Sent
from forebay.cli.demo_table import console, records_of, story, table

SENTS = [
    Sent("personal data", 200, "a", "provider saw: Write to [EMAIL_ADDRESS_1]", as_expected=True),
    Sent("unknown key", 401, "b", "No valid credential.", as_expected=True),
    Sent("lost", 200, "c", "answered", as_expected=False),
]


def record(**more: Any) -> dict[str, Any]:
    """A request record with what the table reads."""
    usual = {
        "kind": "request",
        "id": "a",
        "outcome": "completed",
        "reason": "ok",
        "risk": 20,
        "redacted": {"EMAIL_ADDRESS": 1, "CREDIT_CARD": 1},
        "restored": 2,
        "stages_us": {"parse": 41, "guard": 210, "route": 3, "policy": 1800},
        "usage": {"input_tokens": 21, "output_tokens": 18},
        "cost": {"usd": 0.00001395, "source": "genai-prices"},
        "provider": "one",
        "provider_model": "gpt-4o-mini",
        "attempts": 2,
    }
    return usual | more


REFUSED = record(
    id="b",
    outcome="refused",
    reason="unauthenticated",
    risk=None,
    redacted={},
    stages_us={},
    usage=None,
    cost=None,
    provider=None,
)


def rendered(width: int) -> str:
    """The table as it is written to a pipe."""
    out = Console(width=width, highlight=False, markup=False, force_terminal=False)
    with out.capture() as captured:
        out.print(table(SENTS, {"a": record(), "b": REFUSED}))
    return captured.get()


@pytest.mark.parametrize("width", [100, 120])
def test_the_table_loses_nothing_at_its_narrowest(width: int) -> None:
    """Cells wrap; no word is cut, no colour is written."""
    said = rendered(width)
    assert max(map(len, said.splitlines())) <= width
    assert "\x1b" not in said
    assert "…" not in said
    whole = " ".join(said.replace("│", " ").split())
    for word in (
        "completed",
        "unauthenticated",
        "1800",
        "21 > 18",
        "0.0000140",
        "gpt-4o-mini",
        "Envoy alone",
        "nobody",
    ):
        assert word in whole


def test_what_is_not_as_expected_is_marked() -> None:
    """A request without a record, and one that came out otherwise."""
    said = rendered(120)
    assert "no record" in said
    assert "NOT AS EXPECTED" in " ".join(said.replace("│", " ").split())


def test_the_story_has_a_line_per_request() -> None:
    """Title, status, what came back."""
    assert story(SENTS).splitlines()[1] == "  unknown key    401  No valid credential."


def test_records_are_found_by_request_id_once_they_are_whole(tmp_path: Path) -> None:
    """Attempts, other requests and a line that is still being written are passed over."""
    published = tmp_path / "records.jsonl"
    lines = [json.dumps(each) for each in (record(), REFUSED, record(id="x"), {"kind": "attempt", "id": "a"})]
    published.write_text("\n".join(lines) + '\n{"kind": "req')
    found = asyncio.run(records_of(published, SENTS[:2]))
    assert set(found) == {"a", "b"}


def test_the_console_has_a_sane_width_wherever_it_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    """100 to 120 columns, whatever the terminal has."""
    monkeypatch.setenv("COLUMNS", "40")
    assert console().width == 100
    monkeypatch.setenv("COLUMNS", "400")
    assert console().width == 120
