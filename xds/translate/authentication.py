"""JWT or API key, told apart by the credential's shape; a wrong guess is a 401 either way.

    a JWT's shape in Authorization    jwt_authn (where the config has a JWT issuer)
    anything else in Authorization    api_key_auth on Authorization
    no Authorization, but x-api-key   api_key_auth on x-api-key
    nothing                           401

Two credentials: Authorization decides, x-api-key is dropped. Two Authorization headers: 401. API keys live in ECDS
resources, so rotation drains nothing; until the first one is there, every key is answered 500: closed.

`auth: none` asks nobody: every request becomes LOCAL_TENANT, whatever credential it carries, except those that carry
the probe's prefix, which must be the probe's key to the last byte.

Each kind of credential hands its result on in a header of its own; sharing one would let a JWT's claim `beta/x` pass
for a key of tenant beta.
"""

from typing import Final

from forebay import contract
from forebay.config.resolved import Auth, Jwt
from xds.translate.keys import JWT_SHAPE
from xds.translate.machine import Machine
from xds.translate.secret import source
from xds.translate.shapes import (
    TYPE_PREFIX,
    Json,
    action,
    both,
    composite,
    execute,
    extension,
    header_mutation,
    over_ads,
    regex,
    request_header,
    setting,
    single,
)

API_KEY_AUTH: Final = "envoy.extensions.filters.http.api_key_auth.v3.ApiKeyAuth"
_BEARER_SPELLINGS: Final = ("Bearer ", "bearer ", "BEARER ")  # jwt_authn compares the prefix byte by byte
_PROVIDER: Final = "issuer"
_PRESENT: Final = regex("(?s).*")


def authentication(auth: Auth, machine: Machine) -> Json:
    """The filter that answers 401, or sets KEY_CLIENT (a key) or TENANT (a JWT, `auth: none`)."""
    return composite("authentication", _open() if auth.none else _asking(auth, machine))


def _asking(auth: Auth, machine: Machine) -> Json:
    has_authorization = single(request_header("authorization"), _PRESENT)
    has_key_header = single(request_header("x-api-key"), _PRESENT)
    by_authorization = _by_key("key-in-authorization", contract.KEYS_AUTHORIZATION)
    ways: list[tuple[Json, Json]] = [
        (has_authorization, by_authorization),
        (
            both({"not_matcher": has_authorization}, has_key_header),
            _by_key("key-in-x-api-key", contract.KEYS_X_API_KEY),
        ),
    ]
    if auth.jwt:
        jwt_shaped = single(request_header("authorization"), regex(f"(?i:bearer) {JWT_SHAPE}"))
        ways.insert(0, (jwt_shaped, execute("jwt", _jwt_authn(auth.jwt, machine))))
    # nothing sent at all: api_key_auth answers 401
    return _first_of(ways, otherwise=by_authorization)


def _open() -> Json:
    probing = single(request_header("authorization"), {"prefix": f"Bearer {contract.PROBE_KEY_PREFIX}"})
    local = header_mutation("local", [setting(contract.TENANT, contract.LOCAL_TENANT)])
    return _first_of(
        [(probing, _by_key("probe-key", contract.KEYS_AUTHORIZATION))], otherwise=execute("local-tenant", local)
    )


def _first_of(ways: list[tuple[Json, Json]], otherwise: Json) -> Json:
    matchers = [{"predicate": predicate, "on_match": on_match} for predicate, on_match in ways]
    return {"matcher_list": {"matchers": matchers}, "on_no_match": otherwise}


def _by_key(name: str, resource: str) -> Json:
    return action(
        name,
        "envoy.extensions.filters.http.composite.v3.ExecuteFilterAction",
        {
            "dynamic_config": {
                "name": resource,
                "config_discovery": {"config_source": over_ads(), "type_urls": [TYPE_PREFIX + API_KEY_AUTH]},
            }
        },
    )


def _jwt_authn(jwt: Jwt, machine: Machine) -> Json:
    """Signature, issuer, audience and expiry (a token without `exp` is refused).

    Envoy reads a dot in the claim's name as a step into an object; the config knows top-level claims only.
    """
    provider = {
        "issuer": jwt.issuer,
        "audiences": [*jwt.audiences],
        "require_expiration": True,
        "clock_skew_seconds": 60,
        "local_jwks": source(jwt.jwks, machine),
        "from_headers": [{"name": "authorization", "value_prefix": prefix} for prefix in _BEARER_SPELLINGS],
        "forward": False,
        "payload_in_metadata": contract.JWT_PAYLOAD,
        "claim_to_headers": [{"header_name": contract.TENANT, "claim_name": jwt.tenant_claim}],
    }
    return extension(
        contract.JWT_METADATA,  # the filter's name is the namespace of the claims
        "envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
        {
            "providers": {_PROVIDER: provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": _PROVIDER}}],
        },
    )
