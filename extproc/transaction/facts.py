"""The exchange as facts for the policy: who, which model, what was found, what it may cost; no content."""

from collections.abc import Mapping
from typing import Literal

from extproc.messages.call import Call
from extproc.policy.document import (
    AuthKind,
    Candidate,
    MessageFacts,
    ModelFacts,
    ParamFacts,
    PolicyFacts,
    PrincipalFacts,
    Protocol,
    RequestFacts,
    UsageEstimate,
)
from extproc.transaction.context import Context
from extproc.transaction.exchange import Exchange
from forebay import contract
from forebay.config.resolved import Jwt

PROTOCOLS: Mapping[str, tuple[Protocol, str]] = {
    "chat": ("openai.chat", contract.CHAT),
    "embeddings": ("openai.embeddings", contract.EMBEDDINGS),
    "messages": ("anthropic.messages", contract.MESSAGES),
    "responses": ("openai.responses", contract.RESPONSES),
}
# What a policy calls an operation: a rule about chat is meant for every way to chat.
OPERATIONS: Mapping[str, Literal["chat", "embeddings"]] = {
    "chat": "chat",
    "embeddings": "embeddings",
    "messages": "chat",
    "responses": "chat",
}
_MESSAGES = frozenset({"messages", "system", "input", "instructions"})


def candidates(exchange: Exchange) -> tuple[Candidate, ...]:
    """The backends that may serve the chosen model: its arms by weight, then its fallbacks."""
    if exchange.model is None:
        return ()
    arms = [Candidate(arm.backend.provider, arm.backend.model, arm.weight) for arm in exchange.model.arms]
    known = {(each.provider, each.model) for each in arms}
    fallbacks = [
        Candidate(each.provider, each.model, 0)
        for each in exchange.model.fallback
        if (each.provider, each.model) not in known
    ]
    return (*arms, *fallbacks)


def policy_facts(exchange: Exchange, context: Context) -> PolicyFacts:
    """What a policy may know. Call it once the body has been inspected and the model found."""
    inspection, head, model = exchange.inspection, exchange.head, exchange.model
    if inspection is None or inspection.call is None or head is None or model is None:
        raise ValueError("policies are asked about inspected requests only")
    call = inspection.call
    protocol, path = PROTOCOLS[call.operation]
    limits = [limit.value for limit in (call.params.max_tokens, call.params.max_completion_tokens) if limit]
    max_tokens = max(limits) if limits else None
    return PolicyFacts(
        request=RequestFacts(
            id=exchange.request_id,
            protocol=protocol,
            operation=OPERATIONS[call.operation],
            path=path,
            stream=call.stream,
            body_bytes=call.body_bytes,
        ),
        time_ns=head.wall_ns,
        principal=_principal(exchange, context),
        tenant=exchange.tenant_name,
        model=ModelFacts(model.name, candidates(exchange)),
        params=ParamFacts(max_tokens, call.params.temperature, call.params.n, call.params.response_format),
        findings=inspection.findings,
        injection=inspection.injection,
        config_revision=context.digest,
        policy_revision=context.policy_revision,
        usage_estimate=UsageEstimate(inspection.input_tokens, max_tokens),
        messages=MessageFacts(call.messages, call.roles, _message_bytes(call), call.images),
        tools=tuple(tool.name for tool in call.tools),
        tool_calls=call.called,
        tool_choice=call.params.tool_choice,
        risk=exchange.risk,
    )


def _message_bytes(call: Call) -> int:
    """The messages as they stand in the body."""
    return sum(member.end - member.start for member in call.members if member.name in _MESSAGES)


def _principal(exchange: Exchange, context: Context) -> PrincipalFacts:
    claims = exchange.head.claims if exchange.head else {}
    kind: AuthKind = "jwt" if claims else "none" if context.anonymous else "key"
    return PrincipalFacts(kind, exchange.user or None, _roles(claims, context.jwt))


def _roles(claims: Mapping[str, object], jwt: Jwt | None) -> tuple[str, ...]:
    """The roles claim as texts: a list of them, or a single one; anything else is no role."""
    value = claims.get(jwt.roles_claim) if jwt and jwt.roles_claim else None
    listed = value if isinstance(value, list) else [value]
    return tuple(role for role in listed if isinstance(role, str))
