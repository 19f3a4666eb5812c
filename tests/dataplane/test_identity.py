"""Who gets in, as whom, and what they may use: JWTs and API keys on one listener."""

import base64
import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from gateways import Gateway, Starter
from tokens import Issuer, claims
from wire import Answer, chat, request, send

KEYS = {"acme": "key-of-acme-0123456789", "small": "key-of-small-0123456789"}
CONFIG = """
providers: {m: {type: mock}}
models: {chat: m/gpt-4o-mini, precious: m/gpt-4o, hidden: m/o1}
tenants:
  acme: {keys: ["${file:@folder@/acme}"], models: [chat, precious]}
  small: {keys: ["${file:@folder@/small}"], models: [chat]}
auth:
  jwt: {issuer: "https://idp.test", audiences: [llm, other-llm], jwks: "${file:@folder@/jwks.json}",
        tenant_claim: team, roles_claim: roles}
policies: {files: ["@folder@/*.rego"]}
"""
RULE = """package forebay.rules.roles

deny contains {"code": "NOT_AN_ANALYST", "message": "only analysts may use this model", "public": true} if {
	input.model.requested == "precious"
	not analyst
}

analyst if "analyst" in input.principal.roles

deny contains {"code": "NOBODY", "message": "who is this?"} if {
	input.principal.auth == "jwt"
	not input.principal.sub
}
"""
ISSUER = Issuer()
STRANGER = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture(scope="module")
def gateway(start_once: Starter) -> Gateway:
    for name, key in KEYS.items():
        start_once.file(name, f"# {key.upper()}\n#{key.upper()}\n\n{key}\n")
    start_once.file("jwks.json", ISSUER.jwks())
    start_once.file("roles.rego", RULE)
    return start_once.gateway(CONFIG)


@pytest.fixture
def ask(gateway: Gateway) -> Callable[..., Answer]:
    """A chat call with this credential in Authorization."""
    gateway.mock("m").forget()

    def asked(credential: str, model: str = "chat") -> Answer:
        return send(gateway.origin, request(chat(model=model), headers=(("authorization", credential),)))

    return asked


GOOD: dict[str, str] = {
    "RS256": ISSUER.token(),
    "ES256": ISSUER.token("ES256"),
    "one of several audiences": ISSUER.token(aud=["somebody", "other-llm"]),
    "no subject's roles": ISSUER.token(roles=None),
    "no kid": ISSUER.token(headers={"kid": None}),
    "many claims": ISSUER.token(groups=["g"] * 200),
}


@pytest.mark.parametrize("name", GOOD)
def test_a_valid_jwt_is_its_tenant(gateway: Gateway, ask: Callable[..., Answer], name: str) -> None:
    """The record names the tenant and no claim; the provider sees neither token nor claim."""
    answer = ask(f"Bearer {GOOD[name]}")
    assert answer.status == 200
    record = gateway.record(answer.id)
    assert (record["tenant"], record["client"]) == ("acme", "jwt")
    (received,) = gateway.mock("m").received()
    assert GOOD[name] not in str(received)
    assert "ann@example.com" not in str(received) + json.dumps(record)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
def test_the_scheme_of_a_jwt_may_be_written_otherwise(ask: Callable[..., Answer], scheme: str) -> None:
    """As clients do."""
    assert ask(f"{scheme} {GOOD['RS256']}").status == 200


def spoilt(token: str, **changes: Any) -> str:
    """A token whose claims were changed after it was signed."""
    head, _, signature = token.split(".")
    raw = base64.urlsafe_b64encode(json.dumps(claims(**changes)).encode()).rstrip(b"=").decode()
    return f"{head}.{raw}.{signature}"


BAD: dict[str, tuple[str, int, str]] = {
    "expired": (ISSUER.token(exp=1), 401, "unauthenticated"),
    "without expiry": (ISSUER.token(exp=None), 401, "unauthenticated"),
    "not yet valid": (ISSUER.token(nbf=4_000_000_000), 401, "unauthenticated"),
    "of another issuer": (ISSUER.token(iss="https://idp.evil"), 401, "unauthenticated"),
    "without issuer": (ISSUER.token(iss=None), 401, "unauthenticated"),
    "unsigned": (jwt.encode(claims(), None, algorithm="none"), 401, "unauthenticated"),
    "unsigned, of a known key": (
        jwt.encode(claims(), None, algorithm="none", headers={"kid": "r1"}),
        401,
        "unauthenticated",
    ),
    "signed by a stranger": (ISSUER.token(key=STRANGER), 401, "unauthenticated"),
    "signed by a stranger with a key of its own": (
        ISSUER.token(key=STRANGER, headers={"jwk": json.loads(ISSUER.jwks())["keys"][0], "jku": "http://evil.test"}),
        401,
        "unauthenticated",
    ),
    "of an unknown key": (ISSUER.token(headers={"kid": "r2"}), 401, "unauthenticated"),
    "changed after signing": (spoilt(GOOD["RS256"], team="small"), 401, "unauthenticated"),
    "without its signature": (GOOD["RS256"].rpartition(".")[0] + ".", 401, "unauthenticated"),
    "rubbish in its shape": ("ey.e30.x", 401, "unauthenticated"),
    "for another audience": (ISSUER.token(aud="somebody"), 403, "forbidden"),
    "for no audience": (ISSUER.token(aud=None), 403, "forbidden"),
    "without tenant": (ISSUER.token(team=None), 403, "unknown_tenant"),
    "with an empty tenant": (ISSUER.token(team=""), 403, "unknown_tenant"),
    "of an unknown tenant": (ISSUER.token(team="nobody"), 403, "unknown_tenant"),
    "of a tenant in other letters": (ISSUER.token(team="ACME"), 403, "unknown_tenant"),
    "with a list of tenants": (ISSUER.token(team=["acme"]), 403, "unknown_tenant"),
    "with an object for a tenant": (ISSUER.token(team={"acme": 1}), 403, "unknown_tenant"),
    "with a key's client for a tenant": (ISSUER.token(team="small/12345678"), 403, "unknown_tenant"),
    "that says it is the probe": (ISSUER.token(team="forebay-probe"), 403, "unknown_tenant"),
    "of a local tenant that is not there": (ISSUER.token(team="local"), 403, "unknown_tenant"),
}


def hmac_token() -> str:
    """Signed with what everybody knows, as if the public key were a shared secret."""
    pyjwt_refuses = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT","kid":"r1"}').rstrip(b"=")
    payload = base64.urlsafe_b64encode(json.dumps(claims()).encode()).rstrip(b"=")
    signature = pyjwt_refuses.sign(head + b"." + payload, ISSUER.public_pem())
    return b".".join([head, payload, base64.urlsafe_b64encode(signature).rstrip(b"=")]).decode()


BAD["signed with the public key as a secret"] = (hmac_token(), 401, "unauthenticated")


NO_CREDENTIALS = {
    "a comment of the key file": f"Bearer #{KEYS['acme'].upper()}",
    "nothing behind the scheme": "Bearer ",
    "the scheme alone": "Bearer",
    "an unknown key": "Bearer key-of-nobody-0123456789",
    "a key and more": f"Bearer {KEYS['acme']}x",
    "a key cut short": f"Bearer {KEYS['acme'][:-1]}",
    "a key in other letters": f"Bearer {KEYS['acme'].upper()}",
    "the name of a tenant": "Bearer acme",
    "a client's name": "Bearer acme/12345678",
    "Basic with a key": "Basic " + base64.b64encode(f"acme:{KEYS['acme']}".encode()).decode(),
    "Digest": 'Digest username="acme"',
    "bytes": "Bearer \xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8",
    "a long one": "Bearer " + "k" * 20_000,
    "the probe's prefix": "Bearer fbp-0123456789abcdef0123456789abcdef",
}


@pytest.fixture(scope="module")
def refused(gateway: Gateway) -> dict[str, Answer]:
    """What came of every credential that is not good, all sent at once; the provider was asked by none of them."""
    credentials = {name: f"Bearer {token}" for name, (token, _, _) in BAD.items()} | NO_CREDENTIALS
    seen = len(gateway.mock("m").received())
    answers = {
        name: send(gateway.origin, request(chat(), headers=(("authorization", credential),)))
        for name, credential in credentials.items()
    }
    assert len(gateway.mock("m").received()) == seen
    return answers


@pytest.mark.parametrize("name", BAD)
def test_a_jwt_that_does_not_fit_is_refused(gateway: Gateway, refused: dict[str, Answer], name: str) -> None:
    """Who it is for is 403, what it is worth 401; the record holds nothing of it."""
    _, status, code = BAD[name]
    answer = refused[name]
    assert (answer.status, answer.error["code"]) == (status, code)
    record = gateway.record(answer.id)
    assert (record["outcome"], record["reason"], record["status"]) == ("refused", code, status)
    assert record["tenant"] in {None, "nobody", "local", "forebay-probe"}


@pytest.mark.parametrize("name", NO_CREDENTIALS)
def test_what_is_no_credential_is_refused(gateway: Gateway, refused: dict[str, Answer], name: str) -> None:
    """401 with a challenge, and nobody in the record."""
    answer = refused[name]
    assert (answer.status, answer.error["code"]) == (401, "unauthenticated")
    assert answer.header("www-authenticate") == 'Bearer realm="forebay"'
    record = gateway.record(answer.id)
    assert (record["reason"], record["tenant"], record["client"]) == ("unauthenticated", None, None)


@pytest.mark.parametrize("tenant", KEYS)
@pytest.mark.parametrize("header", ["authorization", "x-api-key"])
def test_a_key_is_its_tenant_in_either_header(gateway: Gateway, tenant: str, header: str) -> None:
    """On the listener that takes JWTs as well; the client name is a fingerprint, not the key."""
    value = f"Bearer {KEYS[tenant]}" if header == "authorization" else KEYS[tenant]
    answer = send(gateway.origin, request(chat(), headers=((header, value),)))
    assert answer.status == 200
    record = gateway.record(answer.id)
    assert record["tenant"] == tenant
    assert record["client"].startswith(f"{tenant}/")
    assert KEYS[tenant] not in json.dumps(record)


def test_a_jwt_in_x_api_key_is_no_key(gateway: Gateway) -> None:
    """Each kind has its place."""
    assert send(gateway.origin, request(chat(), headers=(("x-api-key", GOOD["RS256"]),))).status == 401


def test_roles_reach_the_rules(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """A rule sees the roles of a JWT; a key has none."""
    assert ask(f"Bearer {ISSUER.token()}", "precious").status == 200
    for credential in (ISSUER.token(roles=["intern"]), ISSUER.token(roles=None), KEYS["acme"]):
        answer = ask(f"Bearer {credential}", "precious")
        assert (answer.status, answer.error["code"]) == (403, "policy_denied")
        assert "only analysts may use this model" in answer.error["message"]
        record = gateway.record(answer.id)
        assert (record["outcome"], record["decision"]["codes"]) == ("blocked", ["NOT_AN_ANALYST"])


def test_a_rules_private_message_stays_private(gateway: Gateway, ask: Callable[..., Answer]) -> None:
    """Without `public` the caller learns that it was denied, the record why."""
    answer = ask(f"Bearer {ISSUER.token(sub=None)}")
    assert (answer.status, answer.error["code"]) == (403, "policy_denied")
    assert "who is this" not in answer.error["message"]
    assert gateway.record(answer.id)["decision"]["codes"] == ["NOBODY"]


MAY = {"acme": ["chat", "precious"], "small": ["chat"]}


@pytest.mark.parametrize("tenant", MAY)
@pytest.mark.parametrize("kind", ["key", "jwt"])
def test_a_tenant_uses_its_models_and_no_others(
    gateway: Gateway, ask: Callable[..., Answer], tenant: str, kind: str
) -> None:
    """Not allowed is 403, not there is 404, and the list holds what is allowed."""
    credential = KEYS[tenant] if kind == "key" else ISSUER.token(team=tenant)
    for model, status, code in (("hidden", 403, "model_not_allowed"), ("nowhere", 404, "unknown_model")):
        answer = ask(f"Bearer {credential}", model)
        assert (answer.status, answer.error["code"]) == (status, code)
        record = gateway.record(answer.id)
        assert (record["reason"], record["tenant"], record["model"]) == (code, tenant, None)
    assert gateway.mock("m").received() == []
    listed = send(gateway.origin, request(method="GET", path="/v1/models", key=credential))
    assert [model["id"] for model in listed.json["data"]] == MAY[tenant]
    assert gateway.record(listed.id)["reason"] == "model_list"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_the_probes_path_is_nobody_elses(gateway: Gateway, method: str) -> None:
    """To a caller it does not exist."""
    for credential in (KEYS["acme"], ISSUER.token()):
        answer = send(gateway.origin, request(method=method, path="/v1/forebay/probe", key=credential))
        assert (answer.status, answer.error["code"]) == (404, "unknown_path")
