"""The generated page of errors."""

from pathlib import Path

from extproc.messages.errors_page import render
from forebay.outcomes import Reason

PAGE = Path(__file__).parents[4] / "docs" / "errors.md"


def test_the_committed_page_is_the_rendered_one() -> None:
    """Run `python -m extproc.messages.errors_page > docs/errors.md` after a change of the reasons."""
    assert PAGE.read_text(encoding="utf-8") == render()


def test_every_reason_is_on_the_page_once() -> None:
    """A reason that is not documented cannot be looked up."""
    page = render()
    assert [page.count(f"\n| `{reason.value}` |") for reason in Reason] == [1] * len(Reason)
