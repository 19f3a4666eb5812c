"""The `input` document of policies, version 1: what is known about a call, without any of its content.

No message text and no argument value enters it. Names that a caller chose (tools, models, subjects) are *plain*: the
characters that JSON would have to escape are percent-encoded, as is `%` itself. The evaluator behind keeps strings as
they stand in JSON, so that an escape would change what a rule compares and counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Literal
from urllib.parse import unquote

from extproc.findings import Channel, Finding, Risk

VERSION: Final = "forebay/v1"

Protocol = Literal["openai.chat", "openai.embeddings", "anthropic.messages", "openai.responses"]
AuthKind = Literal["jwt", "key", "none"]
Level = Literal["low", "medium", "high"]

MEDIUM: Final = 40  # risk scores from here on are of level medium, from HIGH on high
HIGH: Final = 80

_ESCAPED: Final = {
    code: f"%{code:02X}" for code in (*range(0x20), ord('"'), ord("%"), ord("\\"), 0x7F)
}  # what JSON escapes, `%` itself, and DEL
_SURROGATES: Final = range(0xD800, 0xE000)


@dataclass(frozen=True, slots=True)
class RequestFacts:
    id: str
    protocol: Protocol
    operation: Literal["chat", "embeddings"]
    path: str
    stream: bool
    body_bytes: int


@dataclass(frozen=True, slots=True)
class PrincipalFacts:
    """Who asks. `sub` None = the credential names nobody (an API key)."""

    auth: AuthKind
    sub: str | None
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Candidate:
    """A backend that may serve the call. `weight` of contract.BUCKETS; 0 = only a fallback."""

    provider: str
    model: str
    weight: int

    @property
    def backend(self) -> str:
        """`provider/model`, as `pin` names it."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class ModelFacts:
    requested: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True)
class ParamFacts:
    """What the caller asked for; None = left out."""

    max_tokens: int | None
    temperature: float | None
    n: int | None
    response_format: str | None


@dataclass(frozen=True, slots=True)
class UsageEstimate:
    input_tokens: int
    max_output_tokens: int | None


@dataclass(frozen=True, slots=True)
class MessageFacts:
    count: int
    by_role: Mapping[str, int]
    bytes: int
    images: int


@dataclass(frozen=True, slots=True)
class PolicyFacts:
    """Everything a policy may know about one call. An optional section that is None is absent from the document."""

    request: RequestFacts
    time_ns: int  # since 1970, UTC; the only clock a rule has
    principal: PrincipalFacts
    tenant: str
    model: ModelFacts
    params: ParamFacts
    findings: tuple[Finding, ...]
    injection: int  # 0-100
    config_revision: str
    policy_revision: str
    usage_estimate: UsageEstimate | None = None
    messages: MessageFacts | None = None
    tools: tuple[str, ...] | None = None  # names of the tools offered
    tool_choice: str | None = None
    tool_calls: tuple[str, ...] | None = None  # names of the tools that earlier turns called
    risk: Risk | None = None


def build(facts: PolicyFacts) -> dict[str, object]:
    """The `input` document of `facts`; always the same keys in the same order, optional sections left out when None."""
    sections: dict[str, object] = {
        "version": VERSION,
        "phase": "request",
        "request": _request(facts.request),
        "time": _time(facts.time_ns),
        "principal": _principal(facts.principal),
        "tenant": {"id": plain(facts.tenant)},
        "model": _model(facts.model),
        "params": _params(facts.params),
        "usage_estimate": _usage(facts.usage_estimate),
        "messages": _messages(facts.messages),
        "tools": _named(facts.tools),
        "tool_choice": _maybe(facts.tool_choice),
        "tool_calls": _named(facts.tool_calls),
        "findings": _findings(facts.findings, facts.injection),
        "risk": _risk(facts.risk),
        "gateway": {
            "config_revision": plain(facts.config_revision),
            "policy_revision": plain(facts.policy_revision),
        },
    }
    return {name: section for name, section in sections.items() if section is not None}


def plain(text: str) -> str:
    """`text` as the document carries it: reversible, and free of anything JSON would escape. See `original`."""
    if text.isalnum():
        return text
    escaped = text.translate(_ESCAPED)
    if escaped.isascii() or not any(ord(each) in _SURROGATES for each in escaped):
        return escaped
    return "".join(_percent(each) if ord(each) in _SURROGATES else each for each in escaped)


def original(text: str) -> str:
    """The text that `plain` gave as `text`."""
    return unquote(text, errors="surrogatepass") if "%" in text else text


def level(score: int) -> Level:
    """The level of a risk score: `low` below 40, `high` from 80 on."""
    if score >= HIGH:
        return "high"
    return "medium" if score >= MEDIUM else "low"


def _percent(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode("utf-8", "surrogatepass"))


def _request(request: RequestFacts) -> dict[str, object]:
    return {
        "id": plain(request.id),
        "protocol": request.protocol,
        "operation": request.operation,
        "path": plain(request.path),
        "stream": request.stream,
        "body_bytes": request.body_bytes,
    }


def _time(ns: int) -> dict[str, object]:
    at = datetime.fromtimestamp(ns // 1_000_000_000, UTC)
    return {
        "ns": ns,
        "rfc3339": at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "date": at.strftime("%Y-%m-%d"),
        "weekday": WEEKDAYS[at.weekday()],  # strftime would speak the process's language
        "hour": at.hour,
        "minute": at.minute,
        "tz": "UTC",
    }


WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def _principal(principal: PrincipalFacts) -> dict[str, object]:
    section: dict[str, object] = {"auth": principal.auth, "roles": [plain(role) for role in principal.roles]}
    if principal.sub is not None:
        section["sub"] = plain(principal.sub)
    return section


def _model(model: ModelFacts) -> dict[str, object]:
    return {
        "requested": plain(model.requested),
        "candidates": [
            {
                "backend": plain(each.backend),
                "provider": plain(each.provider),
                "model": plain(each.model),
                "weight": each.weight,
            }
            for each in model.candidates
        ],
    }


def _params(params: ParamFacts) -> dict[str, object]:
    section = {
        "max_tokens": params.max_tokens,
        "temperature": params.temperature,
        "n": params.n,
        "response_format": _maybe(params.response_format),
    }
    return {name: value for name, value in section.items() if value is not None}


def _usage(estimate: UsageEstimate | None) -> dict[str, object] | None:
    if estimate is None:
        return None
    section: dict[str, object] = {"input_tokens": estimate.input_tokens}
    if estimate.max_output_tokens is not None:
        section["max_output_tokens"] = estimate.max_output_tokens
    return section


def _messages(messages: MessageFacts | None) -> dict[str, object] | None:
    if messages is None:
        return None
    return {
        "count": messages.count,
        "by_role": {plain(role): count for role, count in sorted(messages.by_role.items())},
        "bytes": messages.bytes,
        "images": messages.images,
    }


def _named(names: tuple[str, ...] | None) -> list[dict[str, str]] | None:
    return None if names is None else [{"name": plain(name)} for name in names]


def _maybe(text: str | None) -> str | None:
    return None if text is None else plain(text)


def _findings(findings: tuple[Finding, ...], injection: int) -> dict[str, object]:
    evidence = [each for each in findings if each.kind == "injection"]
    section: dict[str, object] = {
        "pii": [_sighting("class", each) for each in findings if each.kind == "pii"],
        "secrets": [_sighting("rule", each) for each in findings if each.kind == "secret"],
        "injection": {"score": injection},
    }
    if evidence:
        section["injection"] = {"score": injection, "rule": plain(max(evidence, key=_score).type)}
    return section


def _score(finding: Finding) -> int:
    return finding.score


def _sighting(key: str, finding: Finding) -> dict[str, object]:
    where: Channel = finding.channel
    return {key: plain(finding.type), "where": where, "count": finding.count, "score": finding.score}


def _risk(risk: Risk | None) -> dict[str, object] | None:
    if risk is None:
        return None
    return {
        "score": risk.score,
        "level": level(risk.score),
        "factors": [{"id": plain(each.id), "points": each.points} for each in risk.addends],
    }
