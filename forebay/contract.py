"""Names both planes must agree on: headers, metadata, routes, clusters, filters.

Nothing here has behaviour beyond building a name; a name spelled out anywhere else is a defect.
"""

from typing import Final, Literal

# --- request headers of ours; the caller's copies are removed before anything reads them -------------------------
TENANT: Final = "x-forebay-tenant"  # set by Envoy from the credential
CLIENT: Final = "x-forebay-client"  # set by Envoy: which credential of the tenant (never the credential)
KEY_CLIENT: Final = "x-forebay-key-client"  # set by api_key_auth, turned into the two above
ADMITTED: Final = "x-forebay-admitted"  # set after auth and limits: only then is the processor called
ROUTE: Final = "x-forebay-route"  # set by the processor: key of the exact-match route map
BUCKET: Final = "x-forebay-bucket"  # set by the processor: 0..9999, picks the canary arm
MODEL_SPAN: Final = "x-forebay-model-span"  # set by the processor: "<offset>:<length>" of the model's JSON string
#   in the body as forwarded, quotes included
BEGAN: Final = "x-forebay-began"  # set by Envoy at first sight: when, in microseconds of the day's clock
UPSTREAM_PROVIDER: Final = "x-forebay-provider"  # set per attempt in the egress gate, removed before the wire
UPSTREAM_MODEL: Final = "x-forebay-model"
UPSTREAM_PATH: Final = "x-forebay-path"
FROM_PROVIDER: Final = "x-forebay-from-provider"  # response: set in the egress gate; tells an answer from a local reply

# --- response headers of ours; a provider's copies are removed ----------------------------------------------------
RESPONSE_PROVIDER: Final = "x-forebay-provider"
RESPONSE_MODEL: Final = "x-forebay-model"
RESPONSE_VERDICT: Final = "x-forebay-verdict"
RESPONSE_ATTEMPTS: Final = "x-forebay-attempts"
RESPONSE_CONFIG: Final = "x-forebay-config"  # only on the probe's answer
REQUEST_ID: Final = "x-request-id"
MESSAGES_REQUEST_ID: Final = "request-id"
SERVER_TIMING: Final = "server-timing"

# --- request headers of Anthropic's API that may travel -----------------------------------------------------------
ANTHROPIC_VERSION: Final = "anthropic-version"
ANTHROPIC_BETA: Final = "anthropic-beta"

INTERNAL_PREFIX: Final = "x-forebay-"
ENVOY_PREFIX: Final = "x-envoy-"

# --- dynamic metadata ----------------------------------------------------------------------------------------------
CALL: Final = "forebay.call"  # what the processor understood and decided; becomes the record's `call`
# Keys in CALL, in the order of their instalments: JSON objects as text, of which a later one wins name by name. Text,
# because Envoy and the processor would otherwise handle each of thirty values three times.
CALL_FORWARDED: Final = "forwarded"  # with the request let through
CALL_ANSWERED: Final = "answered"  # with our own answer, or with the provider's as it passed
TIMING: Final = "timing"  # key in CALL: what Envoy adds to the answer as SERVER_TIMING
VERDICT: Final = "verdict"  # key in CALL; the verdict net lets only PASS through
PASS: Final = "pass"  # noqa: S105
IDENTITY: Final = "forebay.identity"  # tenant, client: set by Envoy's auth filters
JWT_METADATA: Final = "envoy.filters.http.jwt_authn"  # claims, under JWT_PAYLOAD
JWT_PAYLOAD: Final = "payload"
ENDPOINT: Final = "forebay"  # endpoint metadata: provider, model, model_json, path
EGRESS: Final = "forebay.egress"  # what the egress gate remembers between attempts

# --- ImmediateResponse.details of ours start with this; local_reply_config leaves those bodies alone --------------
DETAILS_PREFIX: Final = "forebay"

BUCKETS: Final = 10_000  # constant total weight: changing it would move conversations between arms

# --- paths -----------------------------------------------------------------------------------------------------------
CHAT: Final = "/v1/chat/completions"
MESSAGES: Final = "/v1/messages"
RESPONSES: Final = "/v1/responses"
EMBEDDINGS: Final = "/v1/embeddings"
MODELS: Final = "/v1/models"
PROBE: Final = "/v1/forebay/probe"  # answered by the processor alone, to PROBE_TENANT alone
PROBE_TENANT: Final = "forebay-probe"  # reserved: a config may not name a tenant so
PROBE_KEY_PREFIX: Final = "fbp-"  # reserved: every key that begins so must be the probe's
LOCAL_TENANT: Final = "local"  # the tenant of a config without tenants and without auth

# --- the APIs that callers and providers speak; a call reaches providers of its own API only -----------------------
Api = Literal["openai", "anthropic"]
ENDPOINTS: Final[dict[Api, tuple[str, ...]]] = {"openai": (CHAT, RESPONSES, EMBEDDINGS), "anthropic": (MESSAGES,)}

# --- Envoy names ----------------------------------------------------------------------------------------------------
INGRESS_LISTENER_HTTP: Final = "ingress-http"
INGRESS_LISTENER_HTTPS: Final = "ingress-https"
ROUTE_CONFIG: Final = "ingress"
EXTPROC_SERVICE: Final = "envoy.service.ext_proc.v3.ExternalProcessor"
EXTPROC_CLUSTER: Final = "extproc"
XDS_CLUSTER: Final = "xds"
EXTPROC_FILTER: Final = "ingress-processor"
KEYS_AUTHORIZATION: Final = "keys-authorization"  # ECDS resources
KEYS_X_API_KEY: Final = "keys-x-api-key"
CERTIFICATE: Final = "certificate"  # SDS secret of the https listener


def model_route(model: str) -> str:
    """Key of the route that serves `model` by its weights and its fallback order."""
    return f"m:{model}"


def pinned_route(model: str, backend: str) -> str:
    """Key of the route that serves `model` from `backend` (`provider/model`) alone, as a policy may demand."""
    return f"p:{model}:{backend}"


def arm_cluster(model: str, backend: str) -> str:
    """Name of the composite cluster of one canary arm: `backend` first, then the model's fallbacks."""
    return f"a:{model}:{backend}"


def pinned_cluster(model: str, backend: str) -> str:
    """Name of the composite cluster behind `pinned_route`."""
    return f"p:{model}:{backend}"


def backend_cluster(backend: str) -> str:
    """Name of the sub-cluster of one `provider/model`: verified TLS, ejection, breakers."""
    return f"b:{backend}"


def provider_secret(provider: str) -> str:
    """Name of the SDS secret that holds a provider's key."""
    return f"key:{provider}"
