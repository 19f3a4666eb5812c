"""Where calls go."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from forebay import contract
from forebay.config.resolved import Resolved
from forebay.places import Places
from xds.translate.cluster import arm_order, clusters, pinned_backends
from xds.translate.machine import Machine
from xds.translate.shapes import LIFTED

PLACES = Places(Path("/r"), Path("/s"))


@pytest.fixture
def by_name(resolved_of: Callable[..., Resolved]) -> dict[str, Any]:
    found = clusters(resolved_of(), PLACES, Machine(inspectors=3, system_ca=Path("/ca.pem")))
    return {each["name"]: each for each in found}


def order(cluster: Any) -> list[str]:
    return [each["name"] for each in cluster["cluster_type"]["typed_config"]["clusters"]]


def test_every_arm_has_as_many_attempts(resolved_of: Callable[..., Resolved]) -> None:
    """The number of retries belongs to the route, so a fallback that is the arm's own backend stays in the list."""
    chat = resolved_of().models["chat"]
    assert [[b.name for b in arm_order(chat, arm.backend)] for arm in chat.arms] == [
        ["one/a", "two/b", "mock/m"],
        ["two/b", "two/b", "mock/m"],
    ]


def test_there_is_a_composite_per_arm_and_per_backend_that_may_be_pinned(by_name: dict[str, Any]) -> None:
    """And a sub-cluster per backend, once."""
    assert order(by_name[contract.arm_cluster("chat", "one/a")]) == ["b:one/a", "b:two/b", "b:mock/m"]
    assert order(by_name[contract.pinned_cluster("chat", "mock/m")]) == ["b:mock/m"]
    assert {name for name in by_name if name.startswith("b:")} == {"b:one/a", "b:two/b", "b:mock/m"}
    assert len([name for name in by_name if name.startswith("p:chat:")]) == 3


def test_a_backend_may_be_pinned_once(resolved_of: Callable[..., Resolved]) -> None:
    """`two/b` is an arm and a fallback."""
    assert [b.name for b in pinned_backends(resolved_of().models["chat"])] == ["one/a", "two/b", "mock/m"]


def test_discovery_fits_the_address(by_name: dict[str, Any]) -> None:
    """An address is static, a name is resolved without holding up the start, the built-in provider is a socket."""
    assert by_name["b:one/a"]["type"] == "STATIC"
    assert (by_name["b:two/b"]["type"], by_name["b:two/b"]["wait_for_warm_on_init"]) == ("LOGICAL_DNS", False)
    endpoint = by_name["b:mock/m"]["load_assignment"]["endpoints"][0]["lb_endpoints"][0]
    assert endpoint["endpoint"]["address"] == {"pipe": {"path": "/r/m-mock.sock"}}
    assert endpoint["metadata"]["filter_metadata"]["forebay"]["path"] == "/v1"


def test_https_is_verified_against_the_system_unless_told_otherwise(by_name: dict[str, Any]) -> None:
    """The settings that count under a composite cluster are in the transport socket."""
    tls = by_name["b:two/b"]["transport_socket"]["typed_config"]
    assert (tls["auto_host_sni"], tls["auto_sni_san_validation"]) == (True, True)
    assert tls["common_tls_context"]["validation_context"] == {"trusted_ca": {"filename": "/ca.pem"}}
    assert "transport_socket" not in by_name["b:one/a"]


def test_every_cluster_states_its_breakers_and_connect_timeout(by_name: dict[str, Any]) -> None:
    """Envoy's defaults of 1024 requests and three retries would be our own limits."""
    for name, cluster in by_name.items():
        (threshold,) = cluster["circuit_breakers"]["thresholds"]
        assert threshold["max_retries"] == threshold["max_connections"] == threshold["max_pending_requests"] == LIFTED
        assert threshold["max_requests"] == (10_000 if name.startswith("b:") else LIFTED)
        assert cluster["connect_timeout"]


def test_every_inspector_is_an_endpoint(by_name: dict[str, Any]) -> None:
    """One Unix socket each."""
    endpoints = by_name[contract.EXTPROC_CLUSTER]["load_assignment"]["endpoints"][0]["lb_endpoints"]
    paths = [each["endpoint"]["address"]["pipe"]["path"] for each in endpoints]
    assert paths == ["/r/i0.sock", "/r/i1.sock", "/r/i2.sock"]
