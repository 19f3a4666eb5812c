"""References, never values."""

from collections.abc import Callable
from pathlib import Path

from forebay import contract
from forebay.config.resolved import Resolved
from xds.translate.extension_config import extension_configs
from xds.translate.keys import KeyRing
from xds.translate.machine import Machine, look
from xds.translate.secret import secrets


def test_a_key_is_a_file_or_a_variable(resolved_of: Callable[..., Resolved]) -> None:
    """A provider without a key has no secret."""
    assert secrets(resolved_of(), Machine()) == [
        {"name": "key:one", "generic_secret": {"secret": {"environment_variable": "ONE"}}},
        {"name": "key:two", "generic_secret": {"secret": {"filename": "/etc/forebay/two.key"}}},
    ]


def test_links_are_followed(resolved_of: Callable[..., Resolved], tmp_path: Path) -> None:
    """Envoy re-reads a secret when its path is a new one, not when a link above it moves."""
    (tmp_path / "v1").mkdir()
    (tmp_path / "v1" / "key").write_text("x")
    (tmp_path / "now").symlink_to("v1")
    text = (
        "providers: {one: {type: openai, url: 'http://10.0.0.1/v1', key: '${file:HERE/now/key}'}}\nmodels: {m: one/a}"
    )
    resolved = resolved_of(text.replace("HERE", str(tmp_path)))
    (secret,) = secrets(resolved, look(resolved))
    assert secret["generic_secret"] == {"secret": {"filename": str((tmp_path / "v1" / "key").resolve())}}


def test_api_keys_are_two_resources_with_the_same_keys() -> None:
    """One per header they may come in."""
    ring = KeyRing.of({"acme": ["key-of-acme-0123456789"]}, "fbp-probe", b"salt")
    first, second = extension_configs(ring)
    assert (first["name"], second["name"]) == (contract.KEYS_AUTHORIZATION, contract.KEYS_X_API_KEY)
    assert first["typed_config"]["credentials"] == second["typed_config"]["credentials"]
    sources = [each["typed_config"]["key_sources"] for each in (first, second)]
    assert sources == [[{"header": "authorization"}], [{"header": "x-api-key"}]]
