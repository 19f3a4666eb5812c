"""The hand-written pages agree with the code: headers, links, YAML, and the demo shown in the README."""

import re
from pathlib import Path

import pytest

from extproc.transaction.request_path import UPSTREAM_HEADERS
from forebay import contract
from forebay.cli.demo_requests import STORIES
from forebay.config.load import load_text

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), ROOT / "policies" / "README.md"])
OURS = {
    value
    for name, value in vars(contract).items()
    if name.isupper() and isinstance(value, str) and value.startswith(contract.INTERNAL_PREFIX)
} - {contract.INTERNAL_PREFIX}


def test_the_page_on_headers_names_every_header_of_ours_and_no_other() -> None:
    """The names in the contract, and those on the page."""
    page = (ROOT / "docs" / "headers.md").read_text("utf-8")
    named = set(re.findall(r"`(x-forebay-[a-z-]+)`", page))
    assert named == OURS


def test_the_page_on_headers_lists_what_a_provider_may_see() -> None:
    """The processor's allow-list."""
    page = (ROOT / "docs" / "headers.md").read_text("utf-8")
    section = page.split("## What a provider gets")[1].split("##")[0]
    listed = section.split(", and the provider's own")[0]
    assert set(re.findall(r"`([a-z-]+)`", listed)) == UPSTREAM_HEADERS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every relative link is a file or a folder of the project."""
    links = re.findall(r"\]\(([^)#\s]+)[^)]*\)", page.read_text("utf-8"))
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_yaml_in_the_readme_loads(tmp_path: Path) -> None:
    """A newcomer copies it as it stands."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert blocks
    for block in blocks:
        load_text(block, tmp_path / "forebay.yaml")


def test_the_readme_shows_every_story_of_the_demo() -> None:
    """One row for each, each as expected; that it is what the demo prints today is looked at where the demo runs."""
    shown = README.split("<!-- demo -->")[1].split("<!-- /demo -->")[0]
    rows = re.findall(r"^  ([a-z0-9].*?)  +(\d{3})  ", shown, re.MULTILINE)
    assert len(rows) == len(STORIES)
    assert "NOT AS EXPECTED" not in shown
