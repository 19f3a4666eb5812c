"""The egress gate's filters and its script."""

import json
import re
from collections.abc import Callable

import pytest

from forebay import contract
from forebay.config.resolved import Resolved
from forebay.contract import Api
from xds.translate import egress_lua
from xds.translate.apis import MANNERS, Manner
from xds.translate.egress import egress_filters

APIS: tuple[Api, ...] = ("openai", "anthropic")
CLAUDE = """
providers: {claude: {type: anthropic, key: "${env:CLAUDE}"}}
models: {chat: claude/claude-sonnet-4-5}
"""


def test_only_providers_of_this_chain_with_a_key_have_an_injector(resolved_of: Callable[..., Resolved]) -> None:
    """Another provider's key has no business in this cluster."""
    providers = resolved_of().providers
    chain = egress_filters([providers["one"], providers["mock"]], True)
    assert [each["name"] for each in chain] == [
        "prepare", "credential", "model", "envoy.filters.http.upstream_codec",
    ]  # fmt: skip
    assert set(chain[1]["typed_config"]["xds_matcher"]["matcher_tree"]["exact_match_map"]["map"]) == {"one"}


def test_without_any_key_there_is_no_injector(resolved_of: Callable[..., Resolved]) -> None:
    """Envoy refuses an empty map."""
    names = [each["name"] for each in egress_filters([resolved_of().providers["mock"]], True)]
    assert names == ["prepare", "model", "envoy.filters.http.upstream_codec"]


@pytest.mark.parametrize("manner", MANNERS.values(), ids=MANNERS)
def test_the_script_is_complete(manner: Manner) -> None:
    """Every name is filled in."""
    script = egress_lua.source(manner)
    assert "@" not in script
    assert f'"{contract.MODEL_SPAN}"' in script


def test_nothing_of_ours_is_on_the_list_of_what_is_sent() -> None:
    """The request id is the one thing a provider may know of this gateway."""
    assert not [header for header in egress_lua.SENT if header.startswith((contract.INTERNAL_PREFIX, "x-forwarded"))]
    assert not {"cookie", "authorization", "x-api-key", "accept-encoding"} & set(egress_lua.SENT)


def test_a_provider_is_told_what_its_api_knows() -> None:
    """One header for the key, and Anthropic's own headers to nobody else."""
    openai, anthropic = (_sent(egress_lua.source(MANNERS[api])) for api in APIS)
    assert openai - anthropic == {"authorization"}
    assert anthropic - openai == {"x-api-key", "anthropic-version", "anthropic-beta"}


def test_a_key_goes_where_its_api_has_it(resolved_of: Callable[..., Resolved]) -> None:
    """And the version is stated where the caller has not."""
    providers = resolved_of(CLAUDE).providers
    prepare, credential, *_ = egress_filters(providers.values(), True)
    assert '"header": "x-api-key", "header_value_prefix": ""' in json.dumps(credential)
    default = {"header": {"key": "anthropic-version", "value": "2023-06-01"}, "append_action": "ADD_IF_ABSENT"}
    assert {"append": default} in prepare["typed_config"]["mutations"]["request_mutations"]


def test_a_chain_is_of_one_api(resolved_of: Callable[..., Resolved]) -> None:
    """The config sees to it; here it would send a body to somebody who reads it in another way."""
    providers = [*resolved_of(CLAUDE).providers.values(), *resolved_of().providers.values()]
    with pytest.raises(ValueError, match="unpack"):
        egress_filters(providers, True)


def _sent(script: str) -> set[str]:
    return set(re.findall(r'\["([^"]+)"\] = true', script))
