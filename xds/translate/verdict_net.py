"""rbac behind the processor: whatever happened there, nothing passes without its verdict in the metadata."""

from forebay import contract
from xds.translate.shapes import Json, extension


def verdict_net() -> Json:
    """Lets a request pass only if `forebay.call.verdict` is `pass`; 403 otherwise."""
    verdict = {
        "filter": contract.CALL,
        "path": [{"key": contract.VERDICT}],
        "value": {"string_match": {"exact": contract.PASS}},
    }
    guarded = {
        "permissions": [{"any": True}],
        "principals": [{"sourced_metadata": {"metadata_matcher": verdict}}],
    }
    return extension(
        "verdict-net",
        "envoy.extensions.filters.http.rbac.v3.RBAC",
        {"rules": {"action": "ALLOW", "policies": {"guarded": guarded}}},
    )
