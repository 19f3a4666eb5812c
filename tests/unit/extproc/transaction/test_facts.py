"""What a policy is told about a call: everything it may know, and none of the content."""

import json
from types import MappingProxyType

from playbook import context, head, inspection

from extproc.policy.document import build
from extproc.risk import score
from extproc.transaction.events import RequestHeadersReceived
from extproc.transaction.exchange import Exchange
from extproc.transaction.facts import candidates, policy_facts
from forebay.config.resolved import Arm, Backend, Jwt, Model, Retries, Timeout
from forebay.config.secrets import SecretReference

BODY = json.dumps(
    {
        "model": "chat",
        "max_tokens": 50,
        "messages": [
            {"role": "user", "content": "mail jo@example.org"},
            {"role": "assistant", "content": None, "tool_calls": [
                {"id": "c1", "type": "function", "function": {"name": "send_mail", "arguments": "{\"to\":\"jo\"}"}}
            ]},
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
        ],
        "tools": [{"type": "function", "function": {"name": "send_mail", "parameters": {"type": "object"}}}],
    }
).encode()  # fmt: skip
JWT = Jwt("https://idp.example", ("llm",), SecretReference("file", "/jwks"), "team", "roles", "sub")


def exchange(claims: dict[str, object] | None = None) -> Exchange:
    """An inspected call."""
    given = context()
    start = head()
    made = Exchange(head=RequestHeadersReceived(start.headers, MappingProxyType(claims or {}), False, 1, start.wall_ns))
    made.tenant, made.model = given.tenants["acme"], given.models["chat"]
    made.inspection = inspection(BODY)
    made.risk = score(made.inspection.findings)
    return made


def test_the_document_names_tools_calls_and_findings_without_any_text() -> None:
    """The address, the arguments and the tool's answer are nowhere in it."""
    document = build(policy_facts(exchange(), context()))
    assert document["tools"] == [{"name": "send_mail"}]
    assert document["tool_calls"] == [{"name": "send_mail"}]
    assert document["params"] == {"max_tokens": 50}
    findings = document["findings"]
    assert isinstance(findings, dict)
    assert [found["class"] for found in findings["pii"]] == ["EMAIL_ADDRESS"]
    told = json.dumps(document)
    assert "jo@example.org" not in told
    assert "done" not in told


def test_roles_are_texts_of_the_claim_that_the_config_names() -> None:
    """A list of them, or one; whatever else a claim may hold is no role."""
    for claim, roles in ((["a", 1, "b"], ("a", "b")), ("solo", ("solo",)), ({"x": 1}, ()), (None, ())):
        facts = policy_facts(exchange({"sub": "u", "roles": claim}), context(jwt=JWT))
        assert facts.principal.roles == roles
        assert facts.principal.auth == "jwt"


def test_a_key_has_no_person_behind_it() -> None:
    """Nor has a gateway that asks nobody."""
    assert policy_facts(exchange(), context()).principal.auth == "key"
    assert policy_facts(exchange(), context(anonymous=True)).principal.auth == "none"


def test_candidates_are_the_arms_and_then_the_fallbacks_each_once() -> None:
    """A fallback that is an arm as well is listed as the arm."""
    one, two = Backend("one", "m"), Backend("two", "m")
    made = exchange()
    made.model = Model("chat", (Arm(one, 10_000),), (one, two), Timeout(1, 1, 1), Retries((), 0), "user", "openai")
    assert [(each.backend, each.weight) for each in candidates(made)] == [("one/m", 10_000), ("two/m", 0)]
