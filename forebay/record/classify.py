"""How a request ended and why: one table over what the processor, Envoy and the provider say.

The processor knows best: a reason it gave is the reason. Else a caller who went away explains everything. Else Envoy's
code details decide, then its response flags. What is in no table is `internal` and marked as not recognised, so that
it is counted and the table can be extended; nothing here raises.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from forebay import contract
from forebay.outcomes import WORDINGS, Outcome, Reason
from forebay.record import scalars
from forebay.record.line import Line


@dataclass(frozen=True, slots=True)
class Seen:
    """What the table reads of a request's line."""

    reason: str | None = None  # the processor's
    verdict: str | None = None
    status: int = 0  # the caller got it
    details: str = ""  # Envoy's code details, whole
    flags: tuple[str, ...] = ()
    tenant: str | None = None  # Envoy's identity
    provider: str | None = None
    provider_status: int | None = None  # of the last attempt


@dataclass(frozen=True, slots=True)
class Ending:
    """How a request ended. `recognised` is false where no table knew, and the reason is `internal` for want of one."""

    outcome: Outcome
    reason: Reason
    recognised: bool = True


Condition = Callable[[Seen], bool]


def always(seen: Seen) -> bool:
    """always"""
    return True


def passed(seen: Seen) -> bool:
    """the processor had let it pass"""
    return seen.verdict == contract.PASS


def identified(seen: Seen) -> bool:
    """the identity names a tenant"""
    return seen.tenant is not None


def malformed(seen: Seen) -> bool:
    """status 400"""
    return seen.status == 400


def forbidden(seen: Seen) -> bool:
    """status 403"""
    return seen.status == 403


def unavailable(seen: Seen) -> bool:
    """status 503"""
    return seen.status == 503


@dataclass(frozen=True, slots=True)
class Rule:
    """`details` is matched from the start of Envoy's code details; the first rule that fits decides."""

    details: str
    reason: Reason
    when: Condition = always


RULES: Final = (
    # who asks
    Rule(r"\w*api_key$", Reason.UNAUTHENTICATED),
    Rule(r"client_not_allowed", Reason.FORBIDDEN),
    Rule(r"jwt_authn_access_denied", Reason.FORBIDDEN, forbidden),
    Rule(r"jwt_authn_access_denied", Reason.INTERNAL, unavailable),
    Rule(r"jwt_authn_access_denied", Reason.UNAUTHENTICATED),
    # two rbac filters: the one behind authentication names its rule, the net behind the processor has no rule to name
    Rule(r"rbac_access_denied\S*\[unknown-tenant", Reason.UNKNOWN_TENANT),
    Rule(r"rbac_access_denied", Reason.UNGUARDED, identified),
    Rule(r"rbac_access_denied", Reason.UNKNOWN_TENANT),
    # limits: the client's stands before authentication, the tenant's behind it
    Rule(r"(local|request)_rate_limited", Reason.TENANT_RATE_LIMITED, identified),
    Rule(r"(local|request)_rate_limited", Reason.CLIENT_RATE_LIMITED),
    # the path: after the processor's verdict a route that is not there is one that Envoy does not have yet
    Rule(r"route_not_found|cluster_not_found|direct_response", Reason.ROUTE_UNKNOWN, passed),
    Rule(r"direct_response", Reason.BAD_REQUEST, malformed),
    Rule(r"route_not_found|direct_response", Reason.UNKNOWN_PATH),
    Rule(r"upgrade_failed", Reason.UPGRADE_REFUSED),
    # the body and the framing
    Rule(r"request_payload_(too_large|exceeded)", Reason.BODY_TOO_LARGE),
    Rule(r"http2\.remote_re(set|fuse)", Reason.CLIENT_GONE),
    Rule(r"http[123]\.", Reason.BAD_REQUEST),
    Rule(r"(path_normalization_failed|missing_(path|host)|absolute_path|invalid_|low_version)", Reason.BAD_REQUEST),
    Rule(r"filter_removed_required_request_headers", Reason.INTERNAL),
    # the processor; what it could not read it has said itself, so its error in the middle of an answer is its own too
    Rule(r"ext_proc_error_per-message_timeout_exceeded", Reason.PROCESSOR_TIMEOUT),
    Rule(r"ext_proc_error", Reason.PROCESSOR_UNAVAILABLE),
    # ourselves
    Rule(r"(overload|envoy_overload|connection_limit|overflow)", Reason.OVERLOADED),
    Rule(r"failed_to_inject_credential", Reason.PROVIDER_CREDENTIALS),
    Rule(r"lua_|local_reply|route_configuration_not_found|filter_|downstream_local_disconnect", Reason.INTERNAL),
    # the provider
    Rule(r"upstream_reset_after_response_started", Reason.PROVIDER_RESET),
    Rule(r"upstream_reset_before_response_started\{overflow", Reason.OVERLOADED),
    Rule(r"upstream_reset_before_response_started\{\w*connection_(failure|timeout)", Reason.PROVIDER_UNREACHABLE),
    Rule(r"upstream_reset_before_response_started", Reason.PROVIDER_RESET),
    Rule(r"(no_healthy_upstream|maintenance_mode|cluster_not_found)", Reason.PROVIDER_UNREACHABLE),
    Rule(r"(upstream_per_try|upstream_max_stream|upstream_response_timeout|response_timeout)", Reason.PROVIDER_TIMEOUT),
    Rule(r"response_payload_too_large", Reason.ANSWER_UNREADABLE),
    Rule(r"(max_duration|duration|stream_idle|idle)_timeout", Reason.PROVIDER_TIMEOUT, passed),
    # a caller who does not finish the request
    Rule(r"(max_duration|duration|stream_idle|idle|request_overall|request_header)_timeout", Reason.BAD_REQUEST),
)

GONE_FLAGS: Final = ("DC", "DR")
GONE_DETAILS: Final = re.compile(r"downstream_remote_(disconnect|reset)")
FLAGS: Final = {  # where the details say nothing
    "UMSDR": Reason.PROVIDER_TIMEOUT,
    "UT": Reason.PROVIDER_TIMEOUT,
    "UH": Reason.PROVIDER_UNREACHABLE,
    "UF": Reason.PROVIDER_UNREACHABLE,
    "UC": Reason.PROVIDER_RESET,
    "UR": Reason.PROVIDER_RESET,
    "UPE": Reason.PROVIDER_RESET,
    "UO": Reason.OVERLOADED,
    "OM": Reason.OVERLOADED,
    "DPE": Reason.BAD_REQUEST,
    "NR": Reason.UNKNOWN_PATH,
    "NC": Reason.PROVIDER_UNREACHABLE,
    "LR": Reason.PROVIDER_RESET,
    "SI": Reason.PROVIDER_TIMEOUT,
    "DT": Reason.PROVIDER_TIMEOUT,
}
PROVIDER_STATUSES: Final = {
    401: Reason.PROVIDER_CREDENTIALS,
    403: Reason.PROVIDER_CREDENTIALS,
    407: Reason.PROVIDER_CREDENTIALS,
    429: Reason.PROVIDER_RATE_LIMITED,
    504: Reason.PROVIDER_TIMEOUT,
}
PROVIDER_STATUS_CLASSES: Final = {2: Reason.OK, 3: Reason.PROVIDER_ERROR, 4: Reason.PROVIDER_REFUSED}

_COMPILED: Final = tuple((re.compile(rule.details), rule) for rule in RULES)
_REASONS: Final = {reason.value: reason for reason in Reason}
# the filter that replaces a provider's error body clears the details or names itself
_PROVIDER_DETAILS: Final = ("via_upstream", "", "custom_response")
_LONGEST_DETAILS: Final = 512


def seen(line: Line, last_attempt_status: int | None = None) -> Seen:
    """What `classify` reads of a request's line; the last attempt's status where the line itself carries none."""
    call = line.call
    details = line.values.get("details")
    status = scalars.count(line.values.get("provider_status"))
    return Seen(
        reason=scalars.name(call.get("reason")),
        verdict=scalars.name(call.get(contract.VERDICT)),
        status=scalars.count(line.values.get("status")) or 0,
        details=details[:_LONGEST_DETAILS] if isinstance(details, str) and details != "-" else "",
        flags=scalars.flags(line.values.get("flags")),
        tenant=scalars.name(line.values.get("tenant")),
        provider=scalars.name(line.values.get("provider")),
        provider_status=last_attempt_status if status is None else status,
    )


def classify(seen: Seen) -> Ending:
    """The one outcome and reason of a request. Total: an ending in no table is `internal`, not recognised."""
    for step in (_by_processor, _by_departure, _by_provider, _by_details, _by_flags):
        reason = step(seen)
        if reason is not None:
            return Ending(WORDINGS[reason].outcome, reason)
    return Ending(Outcome.FAILED, Reason.INTERNAL, recognised=False)


def _by_processor(seen: Seen) -> Reason | None:
    reason = _REASONS.get(seen.reason or "") or _REASONS.get(_own_details(seen.details))
    return None if reason is Reason.OK else reason


def _own_details(details: str) -> str:
    prefix = contract.DETAILS_PREFIX
    return details.removeprefix(prefix).lstrip("_.:") if details.startswith(prefix) else ""


def _by_departure(seen: Seen) -> Reason | None:
    gone = GONE_DETAILS.match(seen.details) or any(flag in GONE_FLAGS for flag in seen.flags)
    return Reason.CLIENT_GONE if gone else None


def _by_provider(seen: Seen) -> Reason | None:
    if seen.details not in _PROVIDER_DETAILS or seen.provider is None or not seen.status:
        return None
    status = seen.status
    # a replaced status hides the provider's; an answer that did reach the caller is not undone by an earlier attempt
    if status >= 400 and seen.provider_status is not None and seen.provider_status >= 400:
        status = seen.provider_status
    return PROVIDER_STATUSES.get(status) or PROVIDER_STATUS_CLASSES.get(status // 100, Reason.PROVIDER_ERROR)


def _by_details(seen: Seen) -> Reason | None:
    for pattern, rule in _COMPILED:
        if pattern.match(seen.details) and rule.when(seen):
            return rule.reason
    return None


def _by_flags(seen: Seen) -> Reason | None:
    return next((FLAGS[flag] for flag in seen.flags if flag in FLAGS), None)
