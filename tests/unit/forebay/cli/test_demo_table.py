"""The demo's table from records."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from forebay.cli.demo_requests import Sent, told
from forebay.cli.demo_table import LEGEND, console, records_of, story, table

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
        "findings": [],
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
    return printed(SENTS, {"a": record(), "b": REFUSED}, width)


def printed(sents: list[Sent], records: dict[str, dict[str, Any]], width: int = 120) -> str:
    """The table of these, with a guard that blocks from 70."""
    out = Console(width=width, highlight=False, markup=False, force_terminal=False)
    with out.capture() as captured:
        out.print(table(sents, records, 70))
    return captured.get()


@pytest.mark.parametrize("width", [100, 120])
def test_the_table_loses_nothing_at_its_narrowest(width: int) -> None:
    """Cells wrap; no word is cut, no colour is written."""
    said = rendered(width)
    assert max(map(len, said.splitlines())) <= width
    assert "\x1b" not in said
    assert "…" not in said
    assert not any(line.endswith(" ") for line in said.splitlines())
    whole = " ".join(said.replace("│", " ").split())
    for word in (
        "completed",
        "unauthenticated",
        "1800",
        "21 in, 18 out",
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


def test_a_blocked_injection_shows_the_score_that_decided() -> None:
    """Not the risk, which is another number; and a duration is not called tokens."""
    finding = {"kind": "injection", "type": "override", "channel": "user", "count": 1, "score": 96}
    blocked = record(outcome="blocked", reason="prompt_injection", risk=67, findings=[finding], stages_us={"tokens": 9})
    said = printed([SENTS[0]], {"a": blocked})
    assert "injection 96 >= 70" in said
    assert "risk" not in said
    assert "count=9" in said


def test_a_story_that_failed_is_a_row_that_says_so() -> None:
    """No answer, no record."""
    said = printed([Sent("clean", 0, None, "failed: ValueError", as_expected=False)], {})
    assert "failed" in said
    assert "no record" not in said


def test_an_exception_in_one_story_leaves_the_others_alone() -> None:
    """Its own words stay out of what is shown."""

    async def fallback(callers: Any, running: Any) -> Sent:
        raise ValueError("a prompt")

    sent = asyncio.run(told(fallback, None, None))  # type: ignore[arg-type]
    assert (sent.title, sent.status, sent.as_expected) == ("fallback", 0, False)
    assert "ValueError" in sent.what
    assert "a prompt" not in sent.what


def test_the_legend_is_two_lines_that_fit() -> None:
    """Below the table, no wider than it."""
    lines = LEGEND.splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 110


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
