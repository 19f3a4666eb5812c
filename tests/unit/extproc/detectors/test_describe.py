"""The page about the detectors is the tables."""

from pathlib import Path

from extproc.detectors.describe import document


def test_the_page_is_what_the_tables_say() -> None:
    """Run `python -m extproc.detectors.describe > docs/detectors.md` after a change."""
    assert (Path(__file__).parents[4] / "docs" / "detectors.md").read_text(encoding="utf-8") == document()
