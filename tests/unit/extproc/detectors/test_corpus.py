"""Floors on samples of our own: see tests/corpus/README.md."""

import json
from pathlib import Path
from typing import Any

from extproc.detectors.scoring import injection_score, personal_data, secret_spans

CORPUS = Path(__file__).parents[3] / "corpus"


def rows(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (CORPUS / name).read_text(encoding="utf-8").splitlines()]


def test_attacks_in_many_languages_are_found() -> None:
    """At least 95 in 100 of the attack samples are blocked."""
    attacks = [row for row in rows("injection.jsonl") if row["label"]]
    missed = [row["text"] for row in attacks if injection_score(row["text"], row["channel"]) < 0.5]
    assert len(missed) * 20 <= len(attacks), missed


def test_ordinary_prompts_are_not_blocked() -> None:
    """No benign sample is blocked, whatever words it uses."""
    benign = [row for row in rows("injection.jsonl") if not row["label"]]
    assert [row["text"] for row in benign if injection_score(row["text"], row["channel"]) >= 0.5] == []


def test_personal_data_is_found_with_its_type_and_stretch() -> None:
    """Every sample gives exactly the stretches written beside it; hard negatives give none."""
    for row in rows("pii.jsonl"):
        found = [[type_, row["text"][start:end]] for start, end, type_ in personal_data(row["text"])]
        assert found == row["found"], row["text"]


def test_no_ordinary_sample_holds_a_secret() -> None:
    """The other corpora are free of secrets."""
    for name in ("injection.jsonl", "pii.jsonl"):
        assert [row["text"] for row in rows(name) if secret_spans(row["text"])] == []
