"""A gateway whose secrets are not there does not start, and says which."""

from pathlib import Path

import pytest

from forebay.config.load import load_text
from forebay.supervise.part import CannotServe
from forebay.supervise.readable_secrets import check_secrets

CONFIG = """
providers: {one: {type: openai, url: "http://127.0.0.1:9/v1", key: "${env:FOREBAY_TEST_NO_SUCH}"}}
models: {chat: one/m}
tenants: {acme: {keys: ["${file:keys}"]}}
"""


def test_every_missing_secret_is_named(tmp_path: Path) -> None:
    """All at once, by reference."""
    resolved = load_text(CONFIG, tmp_path / "forebay.yaml")
    with pytest.raises(CannotServe) as caught:
        check_secrets(resolved)
    assert "${env:FOREBAY_TEST_NO_SUCH}" in str(caught.value)
    assert str(tmp_path / "keys") in str(caught.value)


def test_secrets_that_are_there_are_not_mentioned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is printed, nothing raised."""
    monkeypatch.setenv("FOREBAY_TEST_NO_SUCH", "k")
    (tmp_path / "keys").write_text("a-key-of-sixteen-or-more")
    check_secrets(load_text(CONFIG, tmp_path / "forebay.yaml"))
