"""local_ratelimit per tenant, after the identity is known.

One filter per limited tenant, picked by name, instead of one filter with a descriptor per tenant: a filter's
Retry-After is fixed, so only its own filter can tell each tenant the truth. Tenants without a limit run none.
"""

from collections.abc import Mapping

from forebay import contract
from forebay.config.resolved import Rate, Tenant
from xds.translate.client_limit import local_ratelimit, token_bucket
from xds.translate.shapes import Json, composite, exact_map, execute, request_header


def tenant_limit(tenants: Mapping[str, Tenant]) -> list[Json]:
    """The filter, or nothing where no tenant has a limit."""
    limited = {name: tenant.limit for name, tenant in sorted(tenants.items()) if tenant.limit}
    if not limited:
        return []
    entries = {name: execute(f"limit-{name}", _limit(rate)) for name, rate in limited.items()}
    return [composite("tenant-limit", exact_map(request_header(contract.TENANT), entries))]


def _limit(rate: Rate) -> Json:
    return local_ratelimit(
        "tenant-limit",
        rate,
        {"token_bucket": token_bucket(rate), "enable_x_ratelimit_headers": "DRAFT_VERSION_03"},
    )
