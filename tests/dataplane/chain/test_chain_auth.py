"""Who gets in, as whom, and how often: authentication, identity, limits."""

import base64
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from forebay import contract

pytestmark = pytest.mark.dataplane

KEY = "key-of-acme-0123456789"
PROBE_KEY = "fbp-0123456789abcdef0123456789abcdef"
SIGNING = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CONFIG = """
listen: {http: PORT}
providers: {one: {type: openai, url: "http://127.0.0.1:ONE/v1"}}
models: {chat: one/gpt-a}
tenants:
  acme: {keys: ["${file:HERE/acme}"]}
  small: {keys: ["${file:HERE/small}"], limits: {requests: 3/m}}
  brisk: {keys: ["${file:HERE/two}"], limits: {requests: 30/m}}
"""
JWT = """
auth:
  jwt: {issuer: "https://idp.test", audiences: [llm], jwks: "${file:JWKS}", tenant_claim: team, roles_claim: roles}
"""
KEYS = {"acme": [KEY], "small": ["key-of-small-0123456789"], "brisk": ["key-of-brisk-0123456789"]}


def token(**changes: Any) -> str:
    """A JWT that is accepted unless `changes` spoil it; None removes a claim."""
    claims = {
        "iss": "https://idp.test",
        "aud": "llm",
        "exp": int(time.time()) + 600,
        "sub": "bob@example.com",
        "team": "acme",
        "roles": ["dev"],
    } | changes
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode(kept, SIGNING, algorithm="RS256", headers={"kid": "k1"})


def bearer(credential: str) -> dict[str, str]:
    return {"authorization": f"Bearer {credential}"}


@pytest.fixture(scope="module")
def make(
    gateways: Callable[..., Any], providers: Callable[..., Any], plan_type: Any, tmp_path_factory: Any
) -> Callable[..., Any]:
    """Makes a gateway in front of one provider, whose processor lets everything pass."""
    provider = providers()
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(SIGNING.public_key(), as_dict=True)
    jwks: Path = tmp_path_factory.mktemp("jwks") / "jwks.json"
    jwks.write_text(json.dumps({"keys": [jwk | {"kid": "k1", "alg": "RS256", "use": "sig"}]}))

    def made(config: str, keys: Any = KEYS) -> Any:
        gateway = gateways(config.replace("ONE", str(provider.port)).replace("JWKS", str(jwks)), keys)
        gateway.processor.plan = lambda seen: plan_type(route=contract.model_route("chat"))
        return gateway

    return made


@pytest.fixture(scope="module")
def either(make: Callable[..., Any]) -> Any:
    """Keys and JWTs."""
    return make(CONFIG + JWT)


REFUSED_401 = {
    "nothing": [],
    "rubbish": [("authorization", "Bearer xyz")],
    "another scheme": [("authorization", "Basic YWNtZTp4")],
    "an empty value": [("authorization", "")],
    "an unknown key": [("x-api-key", "key-of-nobody-0123456789")],
    "an unsigned JWT": [("authorization", "Bearer " + jwt.encode({"iss": "https://idp.test"}, None, algorithm="none"))],
    "two keys": [("authorization", f"Bearer {KEY}"), ("authorization", f"Bearer {KEY}")],
    "a wrong Authorization and a good x-api-key": [("authorization", "Bearer nope-nope-nope-nope"), ("x-api-key", KEY)],
    "our own headers": [("x-forebay-tenant", "acme"), ("x-forebay-key-client", "acme/1"), ("x-forebay-admitted", "1")],
}


@pytest.mark.parametrize("case", REFUSED_401)
def test_no_valid_credential_is_a_401_in_openai_s_shape(either: Any, case: str) -> None:
    """The processor is not even asked, and the challenge does not quote the URL."""
    before = len(either.processor.seen)
    reply = either.call(headers=REFUSED_401[case], path=contract.CHAT + "?api_key=sk-hidden")
    assert (reply.status, reply.code) == (401, "unauthenticated")
    assert reply.headers["www-authenticate"] == 'Bearer realm="forebay"'
    assert len(either.processor.seen) == before


BAD_TOKENS: dict[str, tuple[dict[str, Any], int, str]] = {
    "expired": ({"exp": 1}, 401, "unauthenticated"),
    "without expiry": ({"exp": None}, 401, "unauthenticated"),
    "of another issuer": ({"iss": "https://other.test"}, 401, "unauthenticated"),
    "for another audience": ({"aud": "other"}, 403, "forbidden"),
    "without tenant": ({"team": None}, 403, "unknown_tenant"),
    "of an unknown tenant": ({"team": "nobody"}, 403, "unknown_tenant"),
    "with a list of tenants": ({"team": ["acme"]}, 403, "unknown_tenant"),
    "with a client in its tenant": ({"team": "acme/x"}, 403, "unknown_tenant"),
    "that says it is the probe": ({"team": contract.PROBE_TENANT}, 403, "unknown_tenant"),
}


@pytest.mark.parametrize("case", BAD_TOKENS)
def test_a_token_that_does_not_fit_is_refused(either: Any, case: str) -> None:
    """A JWT gets in only if it is whole, for us, and of a tenant that exists."""
    claims, status, code = BAD_TOKENS[case]
    reply = either.call(headers=bearer(token(**claims)))
    assert (reply.status, reply.code) == (status, code)


ACCEPTED = {
    "a key": (bearer(KEY), "acme"),
    "a key without scheme": ({"authorization": KEY}, "acme"),
    "a key in x-api-key": ({"x-api-key": KEY}, "acme"),
    "a key, and another in x-api-key": (bearer(KEY) | {"x-api-key": KEYS["small"][0]}, "acme"),
    "the probe's key": (bearer(PROBE_KEY), contract.PROBE_TENANT),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_key_becomes_an_identity(either: Any, case: str) -> None:
    """Tenant and client reach the processor; the credential reaches nobody."""
    headers, tenant = ACCEPTED[case]
    assert either.call(headers=headers).status == 200
    seen = either.processor.seen[-1]
    assert seen.headers[contract.TENANT] == tenant
    assert seen.headers[contract.CLIENT].startswith(f"{tenant}/")
    assert not {"authorization", "x-api-key", "x-forebay-key-client"} & set(seen.headers)
    assert contract.IDENTITY not in seen.metadata  # it would come with every piece of a stream


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_jwt_becomes_an_identity_and_its_claims_reach_the_processor_alone(either: Any, scheme: str) -> None:
    """The record's client is "jwt": who the user is stays in the claims, which only the processor sees."""
    assert either.call(headers={"authorization": f"{scheme} {token()}", "x-forebay-tenant": "small"}).status == 200
    seen = either.processor.seen[-1]
    assert (seen.headers[contract.TENANT], seen.headers[contract.CLIENT]) == ("acme", "jwt")
    claims = seen.metadata[contract.JWT_METADATA][contract.JWT_PAYLOAD]
    assert claims["sub"] == "bob@example.com"
    assert list(claims["roles"]) == ["dev"]
    assert "bob" not in either.places.envoy_record.read_text()


def test_a_claim_that_is_no_name_does_not_reach_the_record(either: Any) -> None:
    """An unknown tenant is refused, and a text that could not be a tenant's name is not written down."""
    assert either.call(headers=bearer(token(team="bob@private.example"))).status == 403
    time.sleep(0.5)
    assert "private" not in either.places.envoy_record.read_text()


def test_keys_rotate_without_a_new_listener_and_appear_in_no_dump(make: Callable[..., Any]) -> None:
    """The old key ends, the new one works, and config_dump shows neither."""
    gateway = make(CONFIG)
    new = "another-key-of-acme-0123456789"
    assert gateway.call(headers=bearer(KEY)).status == 200
    gateway.rotate({"acme": [new]})
    deadline = time.monotonic() + 5
    while gateway.call(headers=bearer(new)).status != 200:
        assert time.monotonic() < deadline
    assert gateway.call(headers=bearer(KEY)).status == 401
    dump = gateway.admin("/config_dump?include_eds")
    assert not [key for key in (KEY, new, PROBE_KEY) if key in dump or base64.b64encode(key.encode()).decode() in dump]


def test_without_jwt_a_jwt_is_just_a_wrong_key(make: Callable[..., Any]) -> None:
    """Keys only."""
    gateway = make(CONFIG)
    assert gateway.call(headers=bearer(token())).status == 401
    assert gateway.call(headers=bearer(KEY)).status == 200


def test_with_jwt_alone_the_probe_still_has_its_key(make: Callable[..., Any]) -> None:
    """No tenant has keys; tokens and the probe get in."""
    gateway = make(CONFIG.split("tenants:")[0] + "tenants: {acme: {models: [chat]}}" + JWT, {})
    assert gateway.call(headers=bearer(token())).status == 200
    assert gateway.call(headers=bearer(PROBE_KEY)).status == 200
    assert gateway.call(headers=bearer(KEY)).status == 401


def test_auth_none_asks_nobody_but_the_probe(make: Callable[..., Any]) -> None:
    """Whatever a caller carries it is the local tenant; only the probe's own key makes the probe."""
    gateway = make(CONFIG.split("tenants:")[0] + "auth: none", {})
    spoofed = {contract.TENANT: contract.PROBE_TENANT}
    anything: list[dict[str, str]] = [{}, bearer("sk-anything"), {"x-api-key": "x"}, spoofed]
    for headers in anything:
        assert gateway.call(headers=headers).status == 200
        assert gateway.processor.seen[-1].headers[contract.TENANT] == contract.LOCAL_TENANT
        assert gateway.processor.seen[-1].headers[contract.CLIENT] == "open"
    assert gateway.call(headers=bearer(PROBE_KEY)).status == 200
    assert gateway.processor.seen[-1].headers[contract.TENANT] == contract.PROBE_TENANT
    assert gateway.call(headers=bearer(PROBE_KEY + "0")).status == 401


def test_a_tenant_s_limit_says_truly_when_to_come_back(make: Callable[..., Any]) -> None:
    """3/m: three at once, then one per 20 s; the others are not touched, and the processor hears of none of it."""
    gateway = make(CONFIG)
    small = {"x-api-key": KEYS["small"][0]}
    assert [gateway.call(headers=small).status for _ in range(3)] == [200, 200, 200]
    before = len(gateway.processor.seen)
    reply = gateway.call(headers=small)
    assert (reply.status, reply.code) == (429, "tenant_rate_limited")
    assert reply.headers["retry-after"] == "20"
    assert reply.headers["x-ratelimit-limit"] == "3"
    assert 1 <= int(reply.headers["x-ratelimit-reset"]) <= 20
    assert len(gateway.processor.seen) == before
    assert gateway.call(headers=bearer(KEY)).status == 200


def test_a_bucket_refills_evenly(make: Callable[..., Any]) -> None:
    """30/m: after an empty bucket two seconds are enough for one more, not for two."""
    gateway = make(CONFIG)
    brisk = {"x-api-key": KEYS["brisk"][0]}
    deadline = time.monotonic() + 20
    while gateway.call(headers=brisk).status == 200:
        assert time.monotonic() < deadline
    time.sleep(2.05)
    assert [gateway.call(headers=brisk).status for _ in range(2)] == [200, 429]


def test_the_client_limit_comes_before_credentials_and_is_not_moved_by_forwarded_for(make: Callable[..., Any]) -> None:
    """Guessing keys is limited per address, whatever the caller says about its address."""
    gateway = make(CONFIG.replace("http: PORT", "http: PORT, client_limit: 5/m"))
    replies = [gateway.call(headers={"x-forwarded-for": f"9.9.9.{number}"}) for number in range(7)]
    assert [reply.status for reply in replies] == [401] * 5 + [429] * 2
    assert replies[-1].code == "client_rate_limited"
    assert replies[-1].headers["retry-after"] == "12"


def test_one_trusted_hop_makes_the_forwarded_address_the_client(make: Callable[..., Any]) -> None:
    """Behind a balancer each of its clients has a bucket of its own; the entry it added is believed, no other."""
    gateway = make(CONFIG.replace("http: PORT", "http: PORT, trusted_hops: 1, client_limit: 2/m"))
    sent = ["1.1.1.1"] * 3 + ["2.2.2.2", "7.7.7.7, 1.1.1.1"]
    statuses = [gateway.call(headers={"x-forwarded-for": each}).status for each in sent]
    assert statuses == [401, 401, 429, 401, 429]
