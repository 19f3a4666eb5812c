"""Which processes a config means, and what each is given."""

import socket
from pathlib import Path

import pytest

from forebay.config.load import load_text
from forebay.config.resolved import Resolved
from forebay.places import Places
from forebay.supervise import environment, ports
from forebay.supervise.gateway import Options, mocks, parts
from forebay.supervise.part import CannotServe
from forebay.supervise.ports import check_ports, free_port

CONFIG = """
providers:
  one: {type: mock, key: "${env:ONE_KEY}"}
  far: {type: openai, url: "http://127.0.0.1:9/v1", key: "${env:FAR_KEY}"}
models:
  chat: {backends: [{use: one/a, weight: 1}, {use: one/b, weight: 1}], fallback: [far/c]}
tenants:
  team: {keys: ["${env:TEAM_KEYS}"]}
"""


def resolved(text: str = CONFIG) -> Resolved:
    """A config's meaning."""
    return load_text(text, Path("forebay.yaml"))


def places(tmp_path: Path) -> Places:
    """A gateway's files."""
    return Places(tmp_path / "run", tmp_path / "state")


def test_envoy_starts_last_and_mocks_first(tmp_path: Path) -> None:
    """Whoever is called is there before whoever calls."""
    found = parts(resolved(), Path("f.yaml"), places(tmp_path), Options(("envoy",), inspectors=2))
    assert [part.name for part in found] == ["mock", "recorder", "extproc-0", "extproc-1", "xds", "envoy"]


def test_a_config_without_built_in_providers_has_no_mock(tmp_path: Path) -> None:
    """One process serves all of them, and none is started for none."""
    text = 'providers: {far: {type: mock, url: "http://127.0.0.1:9/v1"}}\nmodels: {chat: far/a}\n'
    assert mocks(resolved(text), Path("f.yaml"), places(tmp_path)) is None
    found = parts(resolved(text), Path("f.yaml"), places(tmp_path), Options(("envoy",)))
    assert "mock" not in [part.name for part in found]


def test_each_part_is_given_its_own_secrets_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Provider keys reach Envoy alone, callers' keys the control plane alone, and nothing else reaches anybody."""
    for name in ("ONE_KEY", "FAR_KEY", "TEAM_KEYS", "UNRELATED_SECRET"):
        monkeypatch.setenv(name, "value-of-it")
    monkeypatch.setenv("PATH", "/bin")

    def secrets(given: dict[str, str]) -> set[str]:
        return {name for name, value in given.items() if value == "value-of-it"}

    assert environment.envoy(resolved()) == {"PATH": "/bin", "ONE_KEY": "value-of-it", "FAR_KEY": "value-of-it"}
    assert secrets(environment.xds(resolved())) == {"TEAM_KEYS"}
    assert secrets(environment.mock([resolved().providers["one"].key, None])) == {"ONE_KEY"}
    assert secrets(environment.plain()) == set()


def test_a_taken_port_is_named_with_what_to_do() -> None:
    """Before anything is started."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(CannotServe, match=rf"listen.http 127.0.0.1:{port}: another process listens there"):
            check_ports(resolved(f"listen: {{http: {port}}}\n{CONFIG}"))
    check_ports(resolved(f"listen: {{http: {free_port()}}}\n{CONFIG}"))


def test_a_free_port_is_not_offered_twice_in_a_row() -> None:
    """Whoever asked first may not have begun to listen. Outgoing connections get none of them."""
    offered = [free_port() for _ in range(200)]
    assert len(set(offered)) == len(offered)
    assert max(offered) < 32_768
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port()))
        taken = other.getsockname()[1]
        assert all(free_port() != taken for _ in range(ports._COUNT))


def test_a_socket_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    """With the way out, instead of a part that cannot bind."""
    deep = Places(tmp_path / ("d" * 100), tmp_path / "state")
    with pytest.raises(CannotServe, match="--run-dir"):
        parts(resolved(), Path("f.yaml"), deep, Options(("envoy",)))
