"""A secret typed where a reference belongs is refused and repeated nowhere."""

from pathlib import Path

import pytest

from forebay.config.errors import ConfigErrors
from forebay.config.load import load_text, read_model

CANARY = "sk-canary-0123456789"
GOOD = "providers: {one: {type: mock}}\nmodels: {fast: one/m}\n"

PROVIDER_KEYS = [
    CANARY,
    f"[{CANARY}]",
    f"{{{CANARY}: {CANARY}}}",
    f"{{{CANARY}: 1, {CANARY}: 2}}",
    f"{{{CANARY}: }}",
    f"'${{{CANARY}}}'",
    f"'${{env:{CANARY}}}'",
    f"'${{vault:{CANARY}}}'",
    f"'${{file:a}} {CANARY}'",
    f"*{CANARY}",
    f"&{CANARY} 5",
    f"!{CANARY} 5",
    f"{CANARY}: {CANARY}: 1",
    f"'{CANARY}",
    f'"\\{CANARY}"',
]


@pytest.mark.parametrize("written", PROVIDER_KEYS)
def test_a_literal_in_a_provider_key_is_never_repeated(written: str, folder: Path) -> None:
    """Whatever shape it has, and however YAML fails over it."""
    assert_hidden(f"providers:\n  one:\n    type: openai\n    key: {written}\nmodels: {{fast: one/m}}\n", folder)


@pytest.mark.parametrize(
    "addition",
    [
        f"tenants: {{a: {{keys: [{CANARY}]}}}}\n",
        f"tenants: {{a: {{keys: {CANARY}}}}}\n",
        f"tenants: {{a: {{keys: {{{CANARY}: 1, {CANARY}: 1}}}}}}\n",
        f"tenants: {{a: {{keys: [{{{CANARY}: 1, {CANARY}: 1}}]}}}}\n",
        f"listen: {{https: {{port: 1, cert: {CANARY}, key: {CANARY}}}}}\n",
        f"auth: {{jwt: {{issuer: i, audiences: [a], tenant_claim: t, jwks: {CANARY}}}}}\n",
        f"telemetry: {CANARY}\n",
        f"siem: [{{token: {CANARY}}}]\n",
    ],
)
def test_a_literal_in_any_key_field_is_never_repeated(addition: str, folder: Path) -> None:
    """Tenants' keys, TLS keys, key sets, and the fields of later versions."""
    assert_hidden(GOOD + addition, folder)


def assert_hidden(text: str, folder: Path) -> None:
    """`text` is refused and nothing of the exception holds the canary."""
    with pytest.raises(ConfigErrors) as caught:
        load_text(text, folder / "forebay.yaml")
    errors = caught.value
    assert CANARY not in str(errors) + repr(errors) + repr(errors.problems) + repr(errors.args)
    assert errors.__cause__ is None


def test_a_loaded_config_holds_the_reference_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the model nor the resolved config reads the secret."""
    monkeypatch.setenv("ONE_KEY", CANARY)
    text = 'providers: {one: {type: openai, key: "${env:ONE_KEY}"}}\nmodels: {fast: one/m}\n'
    resolved = load_text(text, folder / "forebay.yaml")
    assert str(resolved.providers["one"].key) == "${env:ONE_KEY}"
    assert CANARY not in repr(resolved) + repr(read_model(text, folder / "forebay.yaml"))
