"""Data that ships is found in a checkout and in an installation."""

import pytest

from forebay.shipped import shipped


def test_policies_are_found() -> None:
    """With the aggregator in them."""
    assert (shipped("policies") / "main.rego").is_file()


def test_what_does_not_ship_is_not_found() -> None:
    """A sentence, not an empty folder."""
    with pytest.raises(FileNotFoundError, match="shipped with forebay"):
        shipped("no-such-folder")
