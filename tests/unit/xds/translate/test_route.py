"""One exact-match map."""

from collections.abc import Callable
from typing import Any

import pytest

from forebay import contract
from forebay.config.resolved import Resolved
from xds.translate.route import NOBODY, buffer_limit, route_configuration


@pytest.fixture
def host(resolved_of: Callable[..., Resolved]) -> Any:
    (host,) = route_configuration(resolved_of())["virtual_hosts"]
    return host


def test_every_route_is_found_by_its_exact_name(host: Any) -> None:
    """One per model and one per backend it may be pinned to; the name is the record's too."""
    found = host["matcher"]["matcher_tree"]["exact_match_map"]["map"]
    assert set(found) == {
        "m:chat", "p:chat:one/a", "p:chat:two/b", "p:chat:mock/m", "m:solo", "p:solo:mock/m",
    }  # fmt: skip
    assert all(each["action"]["typed_config"]["name"] == name for name, each in found.items())


def test_weights_sum_to_the_buckets_and_are_picked_by_the_bucket(host: Any) -> None:
    """In the order of the config."""
    routes = host["matcher"]["matcher_tree"]["exact_match_map"]["map"]
    weighted = routes["m:chat"]["action"]["typed_config"]["route"]["weighted_clusters"]
    assert weighted["header_name"] == contract.BUCKET
    assert [(each["name"], each["weight"]) for each in weighted["clusters"]] == [
        ("a:chat:one/a", 7000),
        ("a:chat:two/b", 3000),
    ]


def test_nobodys_route_leads_nowhere(host: Any) -> None:
    """Not a direct response: those have no body buffer of their own, and a large body would be refused too early."""
    nobody = host["matcher"]["on_no_match"]["action"]["typed_config"]
    assert nobody["name"] == NOBODY
    assert nobody["route"]["cluster_header"].startswith(contract.INTERNAL_PREFIX)
    assert nobody["route"]["cluster_not_found_response_code"] == "NOT_FOUND"


def test_the_buffer_holds_a_body_that_grew(host: Any) -> None:
    """Placeholders are longer than what they stand for."""
    assert buffer_limit(20 * 1024**2) > 25 * 1024**2
    assert host["request_body_buffer_limit"] == buffer_limit(20 * 1024**2)
