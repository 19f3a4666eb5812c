"""The order of the ingress gate."""

from collections.abc import Callable
from pathlib import Path

from forebay.config.resolved import Resolved
from forebay.places import Places
from xds.translate.chain import http_filters
from xds.translate.machine import Machine

PLACES = Places(Path("/r"), Path("/s"))


def test_filters_stand_in_the_order_that_the_design_draws(resolved_of: Callable[..., Resolved]) -> None:
    """Limit, authentication, identity, limit, admission, processor, net; nothing between the processor and its net."""
    names = [each["name"] for each in http_filters(resolved_of(), PLACES, Machine())]
    assert names == [
        "client-limit", "authentication", "identity-to-metadata", "identity-to-headers", "tenant-net", "tenant-limit",
        "admission", "ingress-processor", "verdict-net", "provider-answers", "envoy.filters.http.router",
    ]  # fmt: skip


def test_without_a_limited_tenant_there_is_no_tenant_limit(resolved_of: Callable[..., Resolved]) -> None:
    """Envoy refuses an empty map, and nothing is cheaper than no filter."""
    text = "providers: {mock: {type: mock}}\nmodels: {chat: mock/m}\nauth: none\n"
    names = [each["name"] for each in http_filters(resolved_of(text), PLACES, Machine())]
    assert "tenant-limit" not in names
    assert "verdict-net" in names
