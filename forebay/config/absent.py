"""What the full design has and this version does not: refused by name, never accepted and ignored."""

from typing import Final

from forebay.config.errors import Location
from forebay.config.patterns import find, pattern
from forebay.config.tree import Tree

MESSAGE: Final = "not in this version"

KEYS: Final[dict[str, str]] = {
    "canaries": "canary plans: steps, gates, automatic promotion and abort",
    "cache": "exact and semantic answer caches",
    "siem": "security event sinks",
    "budget": "spending budgets",
    "budgets": "spending budgets",
    "opa": "an OPA server as the decision point",
    "pricing": "prices of your own",
    "canary": "canary plans: steps, gates, automatic promotion and abort",
    "providers.*.limits.tokens": "token limits",
    "providers.*.limits.spend": "spending limits",
    "models.*.steps": "canary plans",
    "models.*.canary": "canary plans",
    "models.*.shadow": "mirrored traffic",
    "models.*.budget": "spending budgets",
    "models.*.cache": "answer caches",
    "models.*.limits": "limits per model",
    "models.*.backends[].steps": "canary plans",
    "models.*.backends[].shadow": "mirrored traffic",
    "tenants.*.limits.tokens": "token limits",
    "tenants.*.limits.spend": "spending limits",
    "tenants.*.budget": "spending budgets",
    "tenants.*.cache": "answer caches",
    "auth.oidc": "discovery of an identity provider's key set",
    "auth.jwt.jwks_uri": "a key set behind a URL",
    "guards.*.tools": "guards on tool calls",
    "guards.*.injection.out": "injections in answers",
    "policies.opa": "an OPA server as the decision point",
    "policies.url": "an OPA server as the decision point",
    "policies.bundle": "policy bundles",
    "telemetry.otlp": "traces and metrics over OTLP",
    "telemetry.phoenix": "traces for Phoenix",
    "telemetry.content": "prompt text in traces",
}

PROVIDER_TYPES: Final = (
    "azure", "bedrock", "cohere", "gemini", "google", "sagemaker", "vertex", "vertexai", "watsonx",
)  # fmt: skip
JWKS_URL: Final = "auth.jwt.jwks"

_TYPE: Final = pattern("providers.*.type")
_PATTERNS: Final = tuple(pattern(key) for key in KEYS)


def refuse(tree: Tree) -> list[Location]:
    """Add a problem for everything in `tree` that this version lacks. Returns where these stand."""
    found: list[Location] = [
        location for parts in _PATTERNS for location, _ in find(tree.data, parts) if location in tree.keys
    ]
    for location in found:
        tree.refuse(location, MESSAGE, at=tree.mark(location, key=True))
    for location, value in find(tree.data, _TYPE):
        if value in PROVIDER_TYPES:
            tree.refuse(location, MESSAGE)
            found.append(location)
    return found
