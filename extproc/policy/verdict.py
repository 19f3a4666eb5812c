"""The policy's decision, version 1, read strictly: what is not understood is refused, never skipped.

The contract and its examples: docs/policies.md.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from extproc.policy.document import Candidate, original

VERSION: Final = "v1"
STATUSES: Final = frozenset({402, 403, 413, 429, 451})
DEFAULT_STATUS: Final = 403
ATTRIBUTES: Final[Mapping[str, Callable[[Candidate], str]]] = {
    "backend": lambda candidate: candidate.backend,
    "provider": lambda candidate: candidate.provider,
    "model": lambda candidate: candidate.model,
}
AUDIT_LEVELS: Final = frozenset({"basic", "full"})
MAX_TOKENS: Final = 2**31 - 1
MESSAGE_LIMIT: Final = 512  # characters of a reason's message
LIST_LIMIT: Final = 1_024  # items of any list in a decision
TEXT_LIMIT: Final = 256  # characters of any other text

_CODE: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}", re.ASCII)
_KEY: Final = re.compile(r"[a-z][a-z0-9_.-]{0,63}", re.ASCII)
_DECISION: Final = frozenset(
    {"version", "allow", "reasons", "mutations", "route", "obligations", "warnings", "labels", "faults", "ttl_s"}
)
_UNSUPPORTED: Final = frozenset({"redact_mode", "headers", "system_prepend", "prefer", "response_scan"})


class Malformed(ValueError):
    """A decision that says something this version does not understand. The text names keys and types, no values."""


@dataclass(frozen=True, slots=True)
class PolicyReason:
    """Why a call was denied. The caller is told only of those that are `public`."""

    code: str
    message: str
    status: int = DEFAULT_STATUS
    public: bool = False


@dataclass(frozen=True, slots=True)
class Requirement:
    """The backend's `attribute` must be one of `values`."""

    attribute: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class Obligation:
    """What must be done with a call that is allowed. `level` is given for `audit` alone."""

    type: Literal["audit", "no_cache"]
    level: str | None = None

    def __str__(self) -> str:
        return self.type if self.level is None else f"{self.type}:{self.level}"


@dataclass(frozen=True, slots=True)
class PolicyVerdict:
    """What the policy wants. Lists are sorted and free of repeats; `reasons` come strictest status first."""

    allow: bool
    reasons: tuple[PolicyReason, ...]
    redact: frozenset[str]  # types of findings, as `input.findings` names them
    drop_tools: frozenset[str]  # names as the caller wrote them
    max_tokens: int | None
    route_require: tuple[Requirement, ...]
    route_pin: str | None  # "provider/model"
    obligations: tuple[Obligation, ...]
    warnings: tuple[str, ...]
    labels: Mapping[str, str]
    revision: str


POLICY_DENIED: Final = PolicyReason("POLICY_DENIED", "")  # the reason of a decision that denies without any
NO_ELIGIBLE_BACKEND: Final = PolicyReason(
    "NO_ELIGIBLE_BACKEND", "no backend of this model is allowed for this request", DEFAULT_STATUS, public=True
)


def parse(decision: object, revision: str, redactable: Collection[str] | None = None) -> PolicyVerdict:
    """The verdict that `decision` (decoded JSON) expresses.

    `redactable` are the types that can be redacted; None = not known here, any is taken. Raises Malformed for
    everything else, unknown and unsupported keys included: treat it as a failed policy.
    """
    found = _object(decision, "decision", _DECISION, required=("version", "allow"))
    if found["version"] != VERSION:
        raise Malformed("decision.version is not v1")
    if _list(found, "faults"):
        raise Malformed("a rule contributes something that is not a set: write `deny contains ... if ...`")
    if found.get("ttl_s", 0) != 0:
        raise Malformed("decision.ttl_s is not in this version")
    allow, reasons = _flag(found["allow"], "decision.allow"), _reasons(found)
    if allow and reasons:
        raise Malformed("decision.allow is true beside reasons")
    mutations = _object(found.get("mutations", {}), "mutations", frozenset({"redact", "drop_tools", "max_tokens"}))
    route = _object(found.get("route", {}), "route", frozenset({"require", "pin"}))
    return PolicyVerdict(
        allow=allow,
        reasons=reasons if allow or reasons else (POLICY_DENIED,),
        redact=_redact(mutations, redactable),
        drop_tools=frozenset(
            original(_text(each, "mutations.drop_tools[]", limit=None)) for each in _list(mutations, "drop_tools")
        ),
        max_tokens=_max_tokens(mutations.get("max_tokens")),
        route_require=tuple(_requirement(each) for each in _list(route, "require")),
        route_pin=None if route.get("pin") is None else original(_text(route["pin"], "route.pin")),
        obligations=tuple(sorted({_obligation(each) for each in _list(found, "obligations")}, key=str)),
        warnings=tuple(sorted({_code(each, "warnings[]") for each in _list(found, "warnings")})),
        labels=_labels(found.get("labels", {})),
        revision=revision,
    )


def eligible(candidates: Sequence[Candidate], verdict: PolicyVerdict) -> tuple[Candidate, ...]:
    """The candidates that meet every requirement and the pin, in their order.

    Empty = none does: deny with NO_ELIGIBLE_BACKEND.
    """
    return tuple(
        each
        for each in candidates
        if all(ATTRIBUTES[need.attribute](each) in need.values for need in verdict.route_require)
        and verdict.route_pin in (None, each.backend)
    )


def _reasons(found: Mapping[str, object]) -> tuple[PolicyReason, ...]:
    reasons = {_reason(each) for each in _list(found, "reasons")}
    return tuple(sorted(reasons, key=lambda each: (each.status, each.code, each.message, each.public)))


def _reason(value: object) -> PolicyReason:
    keys = frozenset({"code", "message", "status", "public"})
    found = _object(value, "reasons[]", keys, required=("code",))
    status = found.get("status", DEFAULT_STATUS)
    if isinstance(status, bool) or not isinstance(status, int) or status not in STATUSES:
        raise Malformed("reasons[].status is none of 402, 403, 413, 429, 451")
    return PolicyReason(
        _code(found["code"], "reasons[].code"),
        _text(found.get("message", ""), "reasons[].message", limit=MESSAGE_LIMIT, empty=True),
        status,
        _flag(found.get("public", False), "reasons[].public"),
    )


def _redact(mutations: Mapping[str, object], redactable: Collection[str] | None) -> frozenset[str]:
    types = frozenset(_text(each, "mutations.redact[]") for each in _list(mutations, "redact"))
    if redactable is not None and not types <= frozenset(redactable):
        raise Malformed("mutations.redact[] names a type that no detector finds")
    return types


def _max_tokens(value: object) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= MAX_TOKENS:
        raise Malformed("mutations.max_tokens is not a whole number from 1 on")
    return value


def _requirement(value: object) -> Requirement:
    found = _object(value, "route.require[]", frozenset({"attr", "in"}), required=("attr", "in"))
    attribute = _text(found["attr"], "route.require[].attr")
    if attribute not in ATTRIBUTES:
        raise Malformed("route.require[].attr is none of backend, provider, model")
    return Requirement(
        attribute, frozenset(original(_text(each, "route.require[].in[]")) for each in _list(found, "in"))
    )


def _obligation(value: object) -> Obligation:
    found = _object(value, "obligations[]", frozenset({"type", "level"}), required=("type",))
    match found:
        case {"type": "no_cache", **rest} if not rest:
            return Obligation("no_cache")
        case {"type": "audit", **rest}:
            chosen = _text(rest.get("level", "basic"), "obligations[].level")
            if chosen in AUDIT_LEVELS:
                return Obligation("audit", chosen)
    raise Malformed("obligations[] is neither no_cache nor audit with level basic or full")


def _labels(value: object) -> dict[str, str]:
    if not isinstance(value, dict) or len(value) > LIST_LIMIT:
        raise Malformed("labels is not an object")
    return {_label_key(key): _label_value(each) for key, each in sorted(value.items())}


def _label_key(key: object) -> str:
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise Malformed("labels has a key that is not lower case, digits, '_', '.' and '-'")
    return key


def _label_value(value: object) -> str:
    """A label that several rules set carries all their values."""
    if isinstance(value, list):
        return ",".join(sorted({_text(each, "labels value") for each in value}))
    return _text(value, "labels value")


def _object(value: object, name: str, keys: Collection[str], required: Sequence[str] = ()) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Malformed(f"{name} is not an object")
    unknown = value.keys() - keys
    if unknown & _UNSUPPORTED:
        raise Malformed(f"{name}: {', '.join(sorted(unknown & _UNSUPPORTED))}: not in this version")
    if unknown:
        raise Malformed(f"{name} has a key that is none of {', '.join(sorted(keys))}")
    for key in required:
        if key not in value:
            raise Malformed(f"{name}.{key} is missing")
    return value


def _list(found: Mapping[str, object], key: str) -> Sequence[object]:
    value = found.get(key, [])
    if not isinstance(value, list) or len(value) > LIST_LIMIT:
        raise Malformed(f"{key} is not a list of at most {LIST_LIMIT}")
    return value


def _flag(value: object, name: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed(f"{name} is not true or false")
    return value


def _code(value: object, name: str) -> str:
    if not isinstance(value, str) or not _CODE.fullmatch(value):
        raise Malformed(f"{name} is not a code like MODEL_NOT_ALLOWED")
    return value


def _text(value: object, name: str, limit: int | None = TEXT_LIMIT, empty: bool = False) -> str:
    if not isinstance(value, str) or not (value or empty) or (limit is not None and len(value) > limit):
        raise Malformed(f"{name} is not a text" + (f" of at most {limit} characters" if limit else ""))
    return value
