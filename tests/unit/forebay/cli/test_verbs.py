"""The verbs as a shell sees them."""

import json
import os
import subprocess
import sys
import tomllib
from dataclasses import fields
from pathlib import Path

import pytest
from typer.testing import CliRunner

from forebay.cli import foreign
from forebay.cli.main import app
from forebay.cli.mock import mock
from forebay.cli.running import base_url, base_urls, metrics_url
from forebay.cli.up import credentials, curl
from forebay.cli.version import API
from forebay.config.load import load_text
from forebay.mock.script import Rule

ROOT = Path(__file__).parents[4]
GOOD = "providers: {m: {type: mock}}\nmodels: {chat: m/a}\n"


def forebay(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-P", "-m", "forebay.cli.main", *words]
    env = {**os.environ, **environment}
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=env, cwd=ROOT / "docs")


def test_a_good_config_is_good(tmp_path: Path) -> None:
    """All stages, Envoy's own opinion included; exit status 0."""
    (tmp_path / "f.yaml").write_text(GOOD)
    result = CliRunner().invoke(app(), ["validate", "-c", str(tmp_path / "f.yaml")])
    assert (result.exit_code, result.output) == (0, f"{tmp_path / 'f.yaml'}: good\n")


def test_every_problem_of_a_config_is_printed_with_its_place(tmp_path: Path) -> None:
    """All at once; exit status 1."""
    path = tmp_path / "f.yaml"
    path.write_text("providers: {m: {type: mock}}\nmodels: {chat: n/a}\nmodells: {}\n")
    result = CliRunner().invoke(app(), ["validate", "-c", str(path)])
    assert result.exit_code == 1
    assert all(line.startswith(f"{path}:") for line in result.output.splitlines())
    assert {line.split(":")[1] for line in result.output.splitlines()} == {"2", "3"}


def test_a_broken_policy_is_a_problem_of_the_config(tmp_path: Path) -> None:
    """It is compiled, as the gateway would."""
    (tmp_path / "r.rego").write_text("package forebay.rules.r\n\ndeny contains {\n")
    (tmp_path / "f.yaml").write_text(f"{GOOD}policies: {{files: [r.rego]}}\n")
    result = CliRunner().invoke(app(), ["validate", "-c", str(tmp_path / "f.yaml")])
    assert result.exit_code == 1
    assert "r.rego:" in result.output


def test_keys_that_cannot_serve_are_a_problem_and_never_shown(tmp_path: Path) -> None:
    """Too short is said with the reference, not with the key."""
    (tmp_path / "k").write_text("shortkey\n")
    (tmp_path / "f.yaml").write_text(GOOD + f'tenants: {{t: {{keys: ["${{file:{tmp_path}/k}}"]}}}}\n')
    result = CliRunner().invoke(app(), ["validate", "-c", str(tmp_path / "f.yaml")])
    assert result.exit_code == 1
    assert "shorter than" in result.output
    assert "shortkey" not in result.output


def test_the_schema_is_json() -> None:
    """Printed for editors."""
    assert json.loads(CliRunner().invoke(app(), ["schema"]).output)["type"] == "object"


def test_the_version_names_envoy_and_its_api() -> None:
    """The API is that of the pinned schema package."""
    said = CliRunner().invoke(app(), ["version"]).output
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]["test"]
    pinned = next(each for each in extras if each.startswith("envoy-data-plane=="))
    assert f"envoy-data-plane {pinned.partition('==')[2]}" in API
    assert API in said
    assert "envoy   1.4" in said


def test_the_version_is_an_option_too() -> None:
    """As people try it first."""
    result = CliRunner().invoke(app(), ["--version"])
    assert result.exit_code == 0
    assert result.output == CliRunner().invoke(app(), ["version"]).output


def test_a_taken_port_ends_up_with_a_sentence(tmp_path: Path) -> None:
    """Exit status 1, which port, and what to do."""
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        (tmp_path / "f.yaml").write_text(f"listen: {{http: {port}}}\n{GOOD}")
        result = forebay("up", "-c", str(tmp_path / "f.yaml"))
    assert result.returncode == 1
    assert f"listen.http 127.0.0.1:{port}: another process listens there" in result.stderr


def test_a_foreign_package_of_our_name_is_refused(tmp_path: Path) -> None:
    """Somebody else's `xds` on the path would be imported in place of ours."""
    (tmp_path / "xds").mkdir()
    (tmp_path / "xds" / "__init__.py").touch()
    result = forebay("version", PYTHONPATH=f"{tmp_path}{os.pathsep}{ROOT}")
    assert result.returncode == 1
    assert "forebay's package 'xds' would be imported from" in result.stderr
    foreign.check()


def test_a_literal_key_is_refused_by_mock() -> None:
    """A key on a command line is in every process list."""
    result = CliRunner().invoke(app(), [mock.__name__, "--model", "a", "--key", "sk-something"])
    assert result.exit_code == 2
    assert "sk-something" not in result.output


def test_a_mock_needs_models_or_a_config() -> None:
    """And with a config a place for its sockets."""
    assert "--model" in CliRunner().invoke(app(), [mock.__name__]).output
    assert "--run-dir" in CliRunner().invoke(app(), [mock.__name__, "--config", "f.yaml"]).output


def test_the_help_of_mock_names_every_field_of_a_script() -> None:
    """Nobody has to read the source to script it."""
    said = CliRunner().invoke(app(), [mock.__name__, "--help"]).output
    assert [field.name for field in fields(Rule) if field.name not in said] == []


@pytest.mark.parametrize(
    ("listen", "auth", "expected"),
    [
        ("{http: 1234}", "", "none is asked for"),
        ("{http: 1234}", 'tenants: {a: {keys: ["${env:T}"]}, b: {keys: ["${env:U}"]}}', "a key of tenant a or b"),
    ],
)
def test_where_keys_come_from_is_said(listen: str, auth: str, expected: str) -> None:
    """Instead of a placeholder that nobody can fill in."""
    auth = auth or "auth: none"
    assert credentials(load_text(f"listen: {listen}\n{GOOD}{auth}\n", Path("f.yaml"))) == expected


def test_every_listener_has_its_url() -> None:
    """http first."""
    listen = '{http: 1234, https: {port: 8443, cert: "${file:/c}", key: "${file:/k}"}}'
    keys = 'tenants: {t: {keys: ["${env:T}"]}}\n'
    resolved = load_text(f"listen: {listen}\n{GOOD}{keys}telemetry: {{prometheus: 9464}}\n", Path("f.yaml"))
    assert [url.partition(":")[0] for url in base_urls(resolved)] == ["http", "https"]
    assert metrics_url(resolved) == "http://127.0.0.1:9464/metrics"


@pytest.mark.parametrize(
    ("listen", "expected"),
    [
        ('{http: "0.0.0.0:1234"}', "http://127.0.0.1:1234/v1"),
        ("{http: 1234}", "http://127.0.0.1:1234/v1"),
        ('{https: {port: 8443, cert: "${file:/c}", key: "${file:/k}"}}', "https://127.0.0.1:8443/v1"),
    ],
)
def test_the_base_url_is_one_that_can_be_called(listen: str, expected: str) -> None:
    """A wildcard is an address to bind, not to call."""
    keys = 'tenants: {t: {keys: ["${env:T}"]}}\n'
    assert base_url(load_text(f"listen: {listen}\n{GOOD}{keys}", Path("f.yaml"))) == expected


def test_the_curl_line_makes_a_call() -> None:
    """With a key only where one is asked for."""
    assert curl("http://h/v1", None, "chat") == (
        "curl -s http://h/v1/chat/completions -H 'Content-Type: application/json' "
        """-d '{"model": "chat", "messages": [{"role": "user", "content": "Hello"}]}'"""
    )
    assert "-H 'Authorization: Bearer k'" in curl("http://h/v1", "k", "chat")
    assert '-H "Authorization: Bearer $KEY"' in curl("http://h/v1", "$KEY", "chat")
    assert curl("http://h/v1", None, "claude", "anthropic") == (
        "curl -s http://h/v1/messages -H 'Content-Type: application/json' -d "
        """'{"model": "claude", "max_tokens": 100, "messages": [{"role": "user", "content": "Hello"}]}'"""
    )
