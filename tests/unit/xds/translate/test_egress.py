"""The egress gate's filters and its script."""

from collections.abc import Callable

from forebay import contract
from forebay.config.resolved import Resolved
from xds.translate import egress_lua
from xds.translate.egress import egress_filters


def test_only_providers_of_this_chain_with_a_key_have_an_injector(resolved_of: Callable[..., Resolved]) -> None:
    """Another provider's key has no business in this cluster."""
    providers = resolved_of().providers
    chain = egress_filters([providers["one"], providers["mock"]])
    assert [each["name"] for each in chain] == [
        "prepare", "credential", "model", "envoy.filters.http.upstream_codec",
    ]  # fmt: skip
    assert set(chain[1]["typed_config"]["xds_matcher"]["matcher_tree"]["exact_match_map"]["map"]) == {"one"}


def test_without_any_key_there_is_no_injector(resolved_of: Callable[..., Resolved]) -> None:
    """Envoy refuses an empty map."""
    names = [each["name"] for each in egress_filters([resolved_of().providers["mock"]])]
    assert names == ["prepare", "model", "envoy.filters.http.upstream_codec"]


def test_the_script_is_complete() -> None:
    """Every name is filled in."""
    script = egress_lua.source()
    assert "@" not in script
    assert f'"{contract.MODEL_SPAN}"' in script


def test_nothing_of_ours_is_on_the_list_of_what_is_sent() -> None:
    """The request id is the one thing a provider may know of this gateway."""
    assert not [header for header in egress_lua.SENT if header.startswith((contract.INTERNAL_PREFIX, "x-forwarded"))]
    assert not {"cookie", "x-api-key", "accept-encoding"} & set(egress_lua.SENT)
