"""What `forebay validate` makes of references, and `forebay up` of the same config."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from forebay.cli.main import app

GOOD = "providers: {m: {type: mock}}\nmodels: {chat: m/a}\n"
HTTPS = "listen:\n  https:\n    port: 8443\n    cert: CERT\n    key: KEY\n"
JWT = (
    "auth:\n  jwt:\n    issuer: https://i.example\n    audiences: [a]\n    tenant_claim: t\n    jwks: WHERE\n"
    "tenants: {t: {}}\n"
)


def validate(path: Path, *words: str) -> Result:
    """The verb, on a file."""
    return CliRunner(env={"FOREBAY_T": "key-of-t-0123456789"}).invoke(app(), ["validate", "-c", str(path), *words])


def written(folder: Path, text: str) -> Path:
    """A config file."""
    path = folder / "f.yaml"
    path.write_text(text)
    return path


def provider(line: str) -> str:
    """A config with a provider of its own."""
    return f'providers:\n  o:\n    type: openai\n    url: "https://o.example/v1"\n    {line}\nmodels: {{chat: o/a}}\n'


MISSING = {
    "a provider's variable": (
        provider('key: "${env:FOREBAY_NO}"'),
        "5:10: providers.o.key: ${env:FOREBAY_NO}: not set",
    ),
    "a provider's file": (provider('key: "${file:no}"'), "5:10: providers.o.key: ${file:FOLDER/no}: no such file"),
    "a folder": (provider('key: "${file:.}"'), "5:10: providers.o.key: ${file:FOLDER}: a directory, not a file"),
    "authorities": (provider("ca: no.pem"), "5:9: providers.o.ca: FOLDER/no.pem: no such file"),
    "a tenant's keys": (
        GOOD + 'tenants:\n  t:\n    keys: ["${env:FOREBAY_T}", "${file:no}"]\n',
        "5:32: tenants.t.keys[1]: ${file:FOLDER/no}: no such file",
    ),
    "a key set": (GOOD + JWT.replace("WHERE", '"${file:no}"'), "8:11: auth.jwt.jwks: ${file:FOLDER/no}: no such file"),
    "a certificate": (
        GOOD + HTTPS.replace("CERT", '"${file:no}"').replace("KEY", '"${file:f.yaml}"'),
        "6:11: listen.https.cert: ${file:FOLDER/no}: no such file",
    ),
    "a private key": (
        GOOD + HTTPS.replace("CERT", '"${file:f.yaml}"').replace("KEY", '"${file:no}"'),
        "7:10: listen.https.key: ${file:FOLDER/no}: no such file",
    ),
}


@pytest.mark.parametrize("case", MISSING)
def test_what_cannot_be_read_here_is_a_note_at_its_place(tmp_path: Path, case: str) -> None:
    """Everywhere alike, in words; the config is good, and says so last."""
    text, expected = MISSING[case]
    path = written(tmp_path, text)
    result = validate(path)
    assert result.exit_code == 0, result.output
    assert result.stderr == f"note: {path}:{expected.replace('FOLDER', str(tmp_path))}\n"
    assert result.stdout == f"{path}: good, but 1 reference cannot be read here\n"


@pytest.mark.parametrize("case", MISSING)
def test_a_strict_validation_takes_notes_for_problems(tmp_path: Path, case: str) -> None:
    """Exit status 1; the same words."""
    text, expected = MISSING[case]
    path = written(tmp_path, text)
    result = validate(path, "--strict")
    assert (result.exit_code, result.stderr) == (1, "")
    assert result.stdout == f"{path}:{expected.replace('FOLDER', str(tmp_path))}\n"


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("short\n", r"f\.yaml:5:12: tenants\.t\.keys\[0\]: \$\{file:.*/k\}: key 1 is shorter than 16 characters"),
        ("# none\n", r"f\.yaml:5:12: tenants\.t\.keys\[0\]: \$\{file:.*/k\}: holds no key"),
        (
            "key-of-t-0123456789\n",
            r"f\.yaml:7:12: tenants\.u\.keys\[0\]: \$\{env:FOREBAY_T\}: holds a key that tenant t",
        ),
    ],
)
def test_a_bad_key_is_a_problem_at_the_entry_that_names_it(tmp_path: Path, content: str, expected: str) -> None:
    """Also one that two tenants hold."""
    (tmp_path / "k").write_text(content)
    tenants = 'tenants:\n  t:\n    keys: ["${file:k}"]\n  u:\n    keys: ["${env:FOREBAY_T}"]\n'
    result = validate(written(tmp_path, GOOD + tenants))
    assert result.exit_code == 1
    assert re.search(expected, result.stdout)
    assert "key-of-t" not in result.output


def test_a_key_set_that_is_none_is_a_problem(tmp_path: Path) -> None:
    """It can be read, so it is known here."""
    (tmp_path / "jwks").write_text("[]")
    result = validate(written(tmp_path, GOOD + JWT.replace("WHERE", '"${file:jwks}"')))
    assert result.exit_code == 1
    assert "f.yaml:8:11: auth.jwt.jwks: " in result.stdout


def test_problems_of_keys_and_policies_are_told_together(tmp_path: Path) -> None:
    """Each on its own line."""
    (tmp_path / "k").write_text("short\n")
    (tmp_path / "r.rego").write_text("package forebay.rules.r\n\ndeny contains {\n")
    text = GOOD + 'tenants: {t: {keys: ["${file:k}"]}}\npolicies: {files: [r.rego]}\n'
    lines = validate(written(tmp_path, text)).stdout.splitlines()
    assert len(lines) == 2
    assert "keys[0]" in lines[0]
    assert "r.rego:" in lines[1]


def test_what_validate_finds_keeps_every_part_from_starting(tmp_path: Path) -> None:
    """`up` says all of it, missing references included, and leaves nothing behind."""
    (tmp_path / "k").write_text("short\n")
    (tmp_path / "r.rego").write_text("package forebay.rules.r\n\ndeny contains {\n")
    text = GOOD + 'tenants: {t: {keys: ["${file:k}", "${env:FOREBAY_NO}"]}}\npolicies: {files: [r.rego]}\n'
    path = written(tmp_path, text)
    result = CliRunner().invoke(app(), ["up", "-c", str(path), "--run-dir", str(tmp_path / "run")])
    assert result.exit_code == 1
    for expected in ("keys[0]: ", "keys[1]: ${env:FOREBAY_NO}: not set", "r.rego:3:"):
        assert expected in result.output
    assert {each.name for each in tmp_path.iterdir()} == {"k", "r.rego", "f.yaml"}
