"""The egress gate: upstream filters of a composite cluster, run once per attempt, always from the guarded body.

prepare      what an earlier attempt left is gone; which provider and model this one is for
credential   the provider's own key, read by Envoy from its SDS secret; none for a provider without a key
model        the model's bytes, the path, and nothing else of ours on the wire (Lua)
codec        out
"""

from collections.abc import Iterable
from typing import Final

from forebay import contract
from forebay.config.resolved import Provider
from xds.translate import egress_lua
from xds.translate.apis import Manner, manner_of
from xds.translate.shapes import (
    Json,
    composite,
    exact_map,
    execute,
    extension,
    header_mutation,
    over_ads,
    removing,
    removing_prefixes,
    request_header,
    setting,
    setting_default,
)

_ACCEPT: Final = "application/json, text/event-stream"
_USER_AGENT: Final = "forebay"
_SECRET_WITHIN: Final = 10.0  # then the cluster serves without it: calls to that provider fail, all others go on

# of this attempt: from the first byte to the provider to the first one back
_UPSTREAM_TIMING: Final = "upstream;dur=%COMMON_DURATION(US_TX_BEG:US_RX_BEG:ms)%"

# of a provider's answer: sessions, its account with the provider, its limits (not the caller's), its software
UNWANTED: Final = (
    "set-cookie", "set-cookie2", "server", "via", "alt-svc", "x-powered-by", "strict-transport-security",
    "www-authenticate", "proxy-authenticate", "nel", "report-to", "reporting-endpoints", "location", "refresh",
    "openai-organization", "openai-project", "anthropic-organization-id", "connection", "upgrade",
    contract.SERVER_TIMING,
)  # fmt: skip
UNWANTED_PREFIXES: Final = (
    contract.INTERNAL_PREFIX, contract.ENVOY_PREFIX, "x-ratelimit-", "anthropic-ratelimit-", "cf-", "access-control-",
)  # fmt: skip


def egress_filters(providers: Iterable[Provider], timing: bool) -> list[Json]:
    """The upstream filters of a composite cluster that may reach `providers`, all of one API.

    `timing`: callers are told how long the provider took to its first byte.
    """
    reached = [*providers]
    manner = manner_of(reached)
    keyed = sorted(provider.name for provider in reached if provider.key)
    chosen = {name: execute(f"key-of-{name}", _injector(name, manner)) for name in keyed}
    by_provider = request_header(contract.UPSTREAM_PROVIDER)
    credential = [composite("credential", exact_map(by_provider, chosen))] if chosen else []
    return [_prepare(manner, timing), *credential, _model(manner), _codec()]


def _prepare(manner: Manner, timing: bool) -> Json:
    of_endpoint = f"%UPSTREAM_METADATA({contract.ENDPOINT}:{{}})%"
    return header_mutation(
        "prepare",
        request=[
            *removing("authorization", "x-api-key", "cookie", "accept-encoding"),
            # some providers refuse calls without them, but a caller's own could say anything, and no guard reads them
            setting("accept", _ACCEPT),
            setting("user-agent", _USER_AGENT),
            *[setting_default(name, value) for name, value in manner.defaults],
            setting(contract.UPSTREAM_PROVIDER, of_endpoint.format("provider")),
            setting(contract.UPSTREAM_MODEL, of_endpoint.format("model_json")),
            setting(contract.UPSTREAM_PATH, of_endpoint.format("path")),
        ],
        response=[
            *removing_prefixes(*UNWANTED_PREFIXES),
            *removing(*UNWANTED),
            setting(contract.FROM_PROVIDER, of_endpoint.format("api")),
            *([setting(contract.SERVER_TIMING, _UPSTREAM_TIMING)] if timing else []),
        ],
    )


def _injector(provider: str, manner: Manner) -> Json:
    key = {"name": contract.provider_secret(provider), "sds_config": over_ads(_SECRET_WITHIN)}
    generic = {"header": manner.credential, "header_value_prefix": manner.scheme, "credential": key}
    return extension(
        "envoy.filters.http.credential_injector",
        "envoy.extensions.filters.http.credential_injector.v3.CredentialInjector",
        {
            "overwrite": True,
            "allow_request_without_credential": False,
            "credential": extension(
                "envoy.http.injected_credentials.generic",
                "envoy.extensions.http.injected_credentials.generic.v3.Generic",
                generic,
            ),
        },
    )


def _model(manner: Manner) -> Json:
    return extension(
        "model",
        "envoy.extensions.filters.http.lua.v3.Lua",
        {"default_source_code": {"inline_string": egress_lua.source(manner)}},
    )


def _codec() -> Json:
    return extension(
        "envoy.filters.http.upstream_codec", "envoy.extensions.filters.http.upstream_codec.v3.UpstreamCodec"
    )
