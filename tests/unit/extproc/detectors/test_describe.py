"""The page about the detectors is the tables."""

from pathlib import Path

import pytest

from extproc.detectors.describe import SAMPLES, document
from extproc.detectors.scoring import personal_data, secret_spans


def test_the_page_is_what_the_tables_say() -> None:
    """Run `python -m extproc.detectors.describe > docs/detectors.md` after a change."""
    assert (Path(__file__).parents[4] / "docs" / "detectors.md").read_text(encoding="utf-8") == document()


@pytest.mark.parametrize(("type_", "found", "other"), [sample[:3] for sample in SAMPLES])
def test_a_sample_on_the_page_is_found_and_its_counterpart_is_not(type_: str, found: str, other: str) -> None:
    """A newcomer tries these first."""
    assert [each for *_, each in (*personal_data(found), *secret_spans(found))] == [type_]
    assert [*personal_data(other), *secret_spans(other)] == []
