"""One identity out of whichever credential was accepted, in metadata and headers; the credentials themselves go.

    a key          client `acme/<fingerprint>`, tenant `acme`
    a JWT          client `jwt`, tenant from the claim; who the user is stays in the claims, for the processor alone
    `auth: none`   client `open`, tenant LOCAL_TENANT

The client name is what reaches the record, so it never holds a claim's text.
"""

from collections.abc import Iterable
from typing import Final

from forebay import contract
from forebay.config.resolved import Resolved
from xds.translate.shapes import (
    Json,
    action,
    exact_map,
    extension,
    header_mutation,
    removing,
    request_header,
    setting,
)

_TENANT_OF_KEY_CLIENT: Final = {"pattern": {"regex": "^([^/]*)/.*$"}, "substitution": r"\1"}
# a claim that cannot be a tenant's name is dropped here: it is somebody's text, and the metadata reaches the record
_NO_TENANT: Final = {"pattern": {"regex": "^.*[^a-z0-9-].*$"}, "substitution": ""}
_CREDENTIALS: Final = ("authorization", "x-api-key", "proxy-authorization", "cookie")


def identity(auth_is_none: bool) -> list[Json]:
    """The filters that turn a credential's result into `forebay.identity`, TENANT and CLIENT."""
    return [_to_metadata("open" if auth_is_none else "jwt"), _to_headers()]


def known_tenants(resolved: Resolved) -> tuple[str, ...]:
    """Every tenant a credential may name, the probe's left out."""
    local = {contract.LOCAL_TENANT} if resolved.auth.none or resolved.auth.generated else set()
    return tuple(sorted(local | set(resolved.tenants)))


def tenant_net(tenants: Iterable[str]) -> Json:
    """rbac: the tenant must be one of these, else 403. A missing tenant, or a claim that is a list, is not.

    PROBE_TENANT counts only if it came from a key: a JWT may claim any name.
    """
    allow = _rbac_action("known-tenant", "ALLOW")
    deny = _rbac_action("unknown-tenant", "DENY")
    probe_key = {"prefix_match_map": {"map": {f"{contract.PROBE_TENANT}/": allow}}}
    probe = {
        "matcher": {
            "matcher_tree": {"input": request_header(contract.CLIENT), **probe_key},
            "on_no_match": deny,
        }
    }
    entries = {tenant: allow for tenant in tenants} | {contract.PROBE_TENANT: probe}
    return extension(
        "tenant-net",
        "envoy.extensions.filters.http.rbac.v3.RBAC",
        {"matcher": exact_map(request_header(contract.TENANT), entries, otherwise=deny)},
    )


def _rbac_action(name: str, verdict: str) -> Json:
    return action(name, "envoy.config.rbac.v3.Action", {"name": name, "action": verdict})


def _to_metadata(client_without_key: str) -> Json:
    def rule(header: str, key: str, remove: bool, **value: object) -> Json:
        present = {"metadata_namespace": contract.IDENTITY, "key": key, **value}
        return {"header": header, "on_header_present": present, "remove": remove}

    return extension(
        "identity-to-metadata",
        "envoy.extensions.filters.http.header_to_metadata.v3.Config",
        {
            "request_rules": [
                rule(contract.KEY_CLIENT, "client", remove=False),
                rule(contract.KEY_CLIENT, "tenant", remove=True, regex_value_rewrite=_TENANT_OF_KEY_CLIENT),
                rule(contract.TENANT, "client", remove=False, value=client_without_key),
                rule(contract.TENANT, "tenant", remove=True, regex_value_rewrite=_NO_TENANT),
            ]
        },
    )


def _to_headers() -> Json:
    return header_mutation(
        "identity-to-headers",
        [
            *removing(*_CREDENTIALS),
            setting(contract.TENANT, f"%DYNAMIC_METADATA({contract.IDENTITY}:tenant)%"),
            setting(contract.CLIENT, f"%DYNAMIC_METADATA({contract.IDENTITY}:client)%"),
        ],
    )
