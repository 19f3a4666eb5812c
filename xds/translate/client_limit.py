"""local_ratelimit per client address, before any credential is looked at: nobody guesses keys at line rate."""

import math
from typing import Final

from forebay.config.resolved import Rate
from xds.translate.shapes import Json, extension, seconds, set_header

_ALWAYS: Final = {"default_value": {"numerator": 100}}
_BUCKETS_KEPT: Final = 100_000  # Envoy's default of 20 would give the 21st client's bucket to the first, fresh
_KEY: Final = "masked_remote_address"


def token_bucket(rate: Rate) -> Json:
    """A bucket that holds `rate.requests` and refills evenly.

    Envoy's bucket is continuous: with N tokens per T seconds one token comes back every T/N seconds, whatever the
    fill interval says. So 600/m is a burst of 600, then ten a second; 3/m is three at once, then one per 20 s.
    """
    return {"max_tokens": rate.requests, "tokens_per_fill": rate.requests, "fill_interval": seconds(rate.seconds)}


def retry_after(rate: Rate) -> str:
    """Whole seconds after which an empty bucket surely holds a token again: true whenever it is sent."""
    return str(max(1, math.ceil(rate.seconds / rate.requests)))


def local_ratelimit(name: str, rate: Rate, fields: Json) -> Json:
    """The local_ratelimit filter with what both limits share: enforced always, Retry-After."""
    return extension(
        name,
        "envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
        {
            "stat_prefix": name,
            "filter_enabled": _ALWAYS,
            "filter_enforced": _ALWAYS,
            "response_headers_to_add": [set_header("retry-after", retry_after(rate))],
            **fields,
        },
    )


def client_limit(rate: Rate) -> Json:
    """One bucket per IPv4 address or IPv6 /64 (a subscriber owns the rest), the 100,000 most recent ones."""
    bucket = token_bucket(rate)
    address = {"masked_remote_address": {"v4_prefix_mask_len": 32, "v6_prefix_mask_len": 64}}
    return local_ratelimit(
        "client-limit",
        rate,
        {
            "rate_limits": [{"actions": [address]}],
            "descriptors": [{"entries": [{"key": _KEY}], "token_bucket": bucket}],
            # used only if no descriptor can be built (a peer without an IP address): all of those share one bucket
            "token_bucket": bucket,
            "always_consume_default_token_bucket": False,
            "max_dynamic_descriptors": _BUCKETS_KEPT,
        },
    )
