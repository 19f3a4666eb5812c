"""The request's story, in the order it is lived: admit the head, inspect the body, judge, ask the policy, forward."""

import re
from functools import lru_cache

from extproc.inspection import Rewritten, block_reason, rewrite
from extproc.messages.models_list import models_list
from extproc.risk import score
from extproc.transaction import effects as fx
from extproc.transaction.account import refusal_metadata, request_metadata
from extproc.transaction.context import Context
from extproc.transaction.events import BodyInspected, Headers, RequestBodyReceived, RequestHeadersReceived
from extproc.transaction.exchange import Exchange
from extproc.transaction.facts import policy_facts
from extproc.transaction.refusals import refuse
from extproc.transaction.routing import bucket
from extproc.transaction.state import State
from extproc.transaction.timing import server_timing
from forebay import contract
from forebay.config.resolved import Tenant
from forebay.contract import Api
from forebay.error_objects import api_of
from forebay.outcomes import WORDINGS, Reason

Step = tuple[list[fx.Effect], State]

OPERATIONS: dict[str, tuple[str, str]] = {  # path -> method, operation
    contract.CHAT: ("POST", "chat"),
    contract.RESPONSES: ("POST", "responses"),
    contract.MESSAGES: ("POST", "messages"),
    contract.EMBEDDINGS: ("POST", "embeddings"),
    contract.MODELS: ("GET", "models"),
    contract.PROBE: ("GET", "probe"),
}
QUERIES = {contract.MESSAGES: frozenset({"beta=true"})}  # what client libraries write of their own accord
SERVED = ", ".join(f"{method} {path}" for path, (method, _) in OPERATIONS.items() if path != contract.PROBE)

# What a provider may see of a caller's head; everything else is removed, above all free text, which no guard reads:
# the egress gate states an `accept` and a `user-agent` of its own. Names of ours and of Envoy's are not the
# processor's to remove (Envoy takes that for an error, and without x-forwarded-proto it finds no route); the egress
# gate does it.
UPSTREAM_HEADERS = frozenset(
    {
        contract.REQUEST_ID,
        "content-type",
        "content-length",
        "transfer-encoding",
        "traceparent",
    }
)
# The same for calls in Anthropic's API: what such a header may say. Words and dates, no text and no number of a card.
ANTHROPIC_HEADERS = {
    contract.ANTHROPIC_VERSION: (re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}"), "a date such as 2023-06-01"),
    contract.ANTHROPIC_BETA: (
        re.compile(r"(?!.{1025})(?:(?:^|, ?)(?!(?:[a-z.-]*[0-9]){13})[a-z][a-z0-9.-]{0,63})+"),
        "names of beta features, separated by commas",
    ),
}
_TRACEPARENT = re.compile("00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")  # W3C Trace Context, version 00
_LEFT_TO_THE_EGRESS_GATE = (":", contract.INTERNAL_PREFIX, contract.ENVOY_PREFIX, "x-forwarded-")


def admit(exchange: Exchange, context: Context, event: RequestHeadersReceived) -> Step:
    """Everything the head alone can decide: path, method, encoding, tenant."""
    exchange.head = event
    headers = event.headers
    path, _, query = (headers.get(":path") or "").partition("?")
    exchange.api = api_of(path)
    tenant_name = headers.get(contract.TENANT) or ""
    exchange.client = headers.get(contract.CLIENT) or ""
    exchange.user = _subject(event, context)
    method, operation = OPERATIONS.get(path, ("", ""))
    if not operation or (operation == "probe") != (tenant_name == contract.PROBE_TENANT):
        return refuse(exchange, context, Reason.UNKNOWN_PATH, paths=SERVED)
    exchange.operation = operation
    if headers.get(":method") != method:
        return refuse(exchange, context, Reason.METHOD_NOT_ALLOWED, headers=(("allow", method),), allowed=method)
    if operation == "probe":
        return _answer(exchange, context, Reason.PROBE, context.probe_answer(headers.get("x-probe-nonce") or ""))
    exchange.tenant = context.tenants.get(tenant_name)
    if exchange.tenant is None:
        return refuse(exchange, context, Reason.UNKNOWN_TENANT)
    if "?" in (headers.get(":path") or "") and query not in QUERIES.get(path, ()):
        return refuse(exchange, context, Reason.QUERY_NOT_ACCEPTED)
    if operation == "models":
        return _answer(exchange, context, Reason.MODEL_LIST, models_list(allowed_models(exchange.tenant, context)))
    return _admit_body(exchange, context, event)


def _admit_body(exchange: Exchange, context: Context, event: RequestHeadersReceived) -> Step:
    headers = event.headers
    encodings = {value.strip().lower() for value in headers.all("content-encoding")}
    if encodings - {"identity", ""}:
        return refuse(exchange, context, Reason.CONTENT_ENCODING)
    if len(headers.all("content-type")) > 1 or not _is_json(headers.get("content-type") or ""):
        return refuse(exchange, context, Reason.CONTENT_TYPE)
    if event.end_of_stream:
        return refuse(exchange, context, Reason.EMPTY_BODY)
    wrong = _wrong_header(exchange, headers)
    if wrong is not None:
        return refuse(exchange, context, Reason.INVALID_VALUE, path=wrong, expected=ANTHROPIC_HEADERS[wrong][1])
    length = headers.get("content-length") or ""
    if length.isdecimal() and int(length) > context.body_limit:  # before Envoy holds any of it
        return refuse(exchange, context, Reason.BODY_TOO_LARGE)
    return [fx.ContinueRequestHeaders()], State.ADMITTED


def _wrong_header(exchange: Exchange, headers: Headers) -> str | None:
    """Which header of Anthropic's says what it may not."""
    if exchange.api != "anthropic":
        return None
    for name, (allowed, _) in ANTHROPIC_HEADERS.items():
        values = headers.all(name)
        if values and not allowed.fullmatch(",".join(values)):
            return name
    return None


def inspect_body(exchange: Exchange, context: Context, event: RequestBodyReceived) -> Step:
    """Ask for the inspection of the whole body."""
    if not event.body:
        return refuse(exchange, context, Reason.EMPTY_BODY)
    if len(event.body) > context.body_limit:
        return refuse(exchange, context, Reason.BODY_TOO_LARGE)
    tenant = _known(exchange.tenant)
    if not context.holdings.fits(tenant.name, len(event.body)):
        return refuse(exchange, context, Reason.OVERLOADED, headers=(("retry-after", "1"),))
    exchange.body, exchange.body_at = event.body, event.at
    work = fx.InspectBody(exchange.operation or "", event.body, tenant.name, tenant.guards, context.caps)
    return [work], State.INSPECTING


def judge(exchange: Exchange, context: Context, event: BodyInspected) -> Step:
    """What the tenant's own rules say about the inspected body; then the policy, if there is one."""
    inspection, tenant = event.inspection, _known(exchange.tenant)
    exchange.inspection = inspection
    exchange.stages.update(inspection.stages)
    exchange.guard_took = (event.at - exchange.body_at) // 1000
    if inspection.refused is not None:
        return refuse(exchange, context, inspection.refused.reason, **dict(inspection.refused.fields))
    call = inspection.call
    if call is None:
        return refuse(exchange, context, Reason.INTERNAL)
    model = context.models.get(call.model)
    if model is None:
        return refuse(exchange, context, Reason.UNKNOWN_MODEL)
    if tenant.models is not None and model.name not in tenant.models:
        return refuse(exchange, context, Reason.MODEL_NOT_ALLOWED)
    if model.api != exchange.api:
        served = " or ".join(contract.ENDPOINTS[model.api])
        return refuse(exchange, context, Reason.WRONG_ENDPOINT, endpoint=served)
    exchange.model = model
    exchange.risk = score(inspection.findings)
    blocked = block_reason(inspection, tenant.guards)
    if blocked is not None:
        reason, what = blocked
        return refuse(exchange, context, reason, what=what)
    if context.policies.mode == "off" or not context.policies.files:
        return forward(exchange, context)
    exchange.policy_asked_at = event.at
    return [fx.DecidePolicy(policy_facts(exchange, context))], State.DECIDING


def forward(exchange: Exchange, context: Context) -> Step:
    """Redact, drop, cap, route: let the request through, or refuse it where that cannot be done right."""
    rewritten = _rewritten(exchange, context)
    call = exchange.inspection.call if exchange.inspection else None
    if call is None or exchange.model is None:
        return refuse(exchange, context, Reason.INTERNAL)
    if rewritten.unredactable:
        return refuse(exchange, context, Reason.SIGNED_TEXT, what=", ".join(rewritten.unredactable))
    if rewritten.values and call.stream and call.params.logprobs:
        exchange.redacted = rewritten.counts
        return refuse(exchange, context, Reason.LOGPROBS_WITH_REDACTION)
    guards = exchange.output_guards
    if guards is not None and guards.output.changes and call.params.logprobs:
        return refuse(exchange, context, Reason.LOGPROBS_WITH_GUARD)
    exchange.values, exchange.redacted = rewritten.values, rewritten.counts
    exchange.usage_hidden = rewritten.usage_asked
    exchange.bucket = bucket(exchange)
    exchange.route = _route(exchange)
    body_length = len(exchange.body if rewritten.body is None else rewritten.body)
    offset, length = rewritten.model_span
    set_headers = (
        (contract.ROUTE, exchange.route),
        (contract.BUCKET, str(exchange.bucket)),
        (contract.MODEL_SPAN, f"{offset}:{length}"),
        ("content-length", str(body_length)),
        ("content-type", "application/json"),
    )
    exchange.body = b""  # not needed again; an open exchange must not hold its prompt
    metadata, timing = request_metadata(exchange, context), server_timing(exchange, context)
    return [fx.ForwardRequest(set_headers, _removed(exchange), rewritten.body, metadata, timing)], State.FORWARDED


def allowed_models(tenant: Tenant, context: Context) -> list[str]:
    """The models a tenant may use, in the order of the config."""
    return [name for name in context.models if tenant.models is None or name in tenant.models]


def _is_json(content_type: str) -> bool:
    """`application/json`, in UTF-8 if it says so: whoever reads it in another charset reads another text."""
    if content_type == "application/json":
        return True
    media_type, *parameters = (part.strip().lower() for part in content_type.split(";"))
    return media_type == "application/json" and set(parameters) <= {"charset=utf-8", 'charset="utf-8"', ""}


def _rewritten(exchange: Exchange, context: Context) -> Rewritten:
    if exchange.inspection is None:
        raise ValueError("nothing inspected")
    guards, verdict = _known(exchange.tenant).guards, exchange.verdict
    kinds = {kind for kind, action in (("pii", guards.pii), ("secret", guards.secrets)) if action == "redact"}
    guarded = exchange.output_guards is not None
    if verdict is None or context.policies.mode != "enforce":
        return rewrite(exchange.body, exchange.inspection, kinds, (), (), None, guarded)
    demanded = verdict.redact, verdict.drop_tools, verdict.max_tokens
    return rewrite(exchange.body, exchange.inspection, kinds, *demanded, guarded)


def _route(exchange: Exchange) -> str:
    if exchange.model is None:
        raise ValueError("no model")
    if exchange.backend:
        return contract.pinned_route(exchange.model.name, exchange.backend)
    return contract.model_route(exchange.model.name)


def _removed(exchange: Exchange) -> tuple[str, ...]:
    if exchange.head is None:
        return ()
    headers = exchange.head.headers
    unwanted = _unwanted(frozenset(headers.names()), exchange.api)
    if all(_TRACEPARENT.fullmatch(value) for value in headers.all("traceparent")):
        return unwanted
    return (*unwanted, "traceparent")


@lru_cache(64)  # a caller's calls have the same names
def _unwanted(names: frozenset[str], api: Api) -> tuple[str, ...]:
    unwanted = names - UPSTREAM_HEADERS
    if api == "anthropic":
        unwanted -= frozenset(ANTHROPIC_HEADERS)
    return tuple(sorted(name for name in unwanted if not name.startswith(_LEFT_TO_THE_EGRESS_GATE)))


def _answer(exchange: Exchange, context: Context, reason: Reason, body: bytes) -> Step:
    wording = WORDINGS[reason]
    headers = (("content-type", "application/json"),)
    metadata = refusal_metadata(exchange, context, reason)
    details = f"{contract.DETAILS_PREFIX}_{reason.value}"
    return [
        fx.RespondLocally(wording.status, headers, body, details, metadata, server_timing(exchange, context)),
        fx.Conclude(wording.outcome, reason),
    ], State.ANSWERED


def _subject(event: RequestHeadersReceived, context: Context) -> str:
    subject = event.claims.get(context.jwt.user_claim if context.jwt else "sub")
    return subject if isinstance(subject, str) else ""


def _known(tenant: Tenant | None) -> Tenant:
    if tenant is None:
        raise ValueError("no tenant: the head was not admitted")
    return tenant
