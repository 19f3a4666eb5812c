"""The exchange as dynamic metadata: the content-free `call` of the request's record, in instalments.

The first goes out with the request (or with our own answer), the second with the end of the provider's answer; with a
stream that is rewritten it goes out again and again, each time with all that has passed. The recorder merges.
"""

from typing import Final

from extproc.findings import AnswerFinding
from extproc.inspection import Inspection
from extproc.messages.answer import Usage
from extproc.transaction.context import Context
from extproc.transaction.exchange import Exchange
from forebay import contract
from forebay.outcomes import Reason

Metadata = dict[str, object]

OUTPUT: Final = "output"  # the channel of what is found in answers


def request_metadata(exchange: Exchange, context: Context) -> Metadata:
    """What is known when the request is let through: the verdict that the net behind us asks for, and why."""
    return {
        **_head(exchange, context),
        contract.VERDICT: contract.PASS,
        "reason": Reason.OK.value,
        "route": exchange.route,
        "bucket": exchange.bucket,
        **({"backend": exchange.backend} if exchange.backend else {}),
        **_body(exchange),
        **_decision(exchange, context),
        "stages": dict(exchange.stages),
    }


def refusal_metadata(exchange: Exchange, context: Context, reason: Reason) -> Metadata:
    """What is known when the gateway itself answers."""
    return {
        **_head(exchange, context),
        contract.VERDICT: "refuse",
        "reason": reason.value,
        **_body(exchange),
        **_decision(exchange, context),
        "stages": dict(exchange.stages),
    }


def answer_metadata(exchange: Exchange, context: Context) -> Metadata:
    """Usage and cost of what of the answer has been read; an estimate where the provider has named no numbers."""
    counted = None if exchange.answered_with_error else _usage(exchange)
    changed = _changed(exchange)
    if counted is None:
        return changed
    usage, source = counted
    price = context.price(exchange.served, usage)
    metadata: Metadata = {
        "usage": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
            "cached_tokens": usage.cached_tokens,
            "reasoning_tokens": usage.reasoning_tokens,
            "cache_write_tokens": usage.cache_write_tokens,
            "source": source,
        },
        "cost": {"usd": None if price.usd is None else float(str(price.usd)), "source": price.source},
    }
    return {**metadata, **changed}


def _changed(exchange: Exchange) -> Metadata:
    """What was done to the answer. Envoy replaces a list by the newer one, so the request's findings are said again."""
    known: Metadata = {"restored": exchange.restored} if exchange.restored else {}
    if exchange.answer_findings:
        known["findings"] = [*_findings(exchange.inspection), *map(_answer_finding, exchange.answer_findings)]
    return known


def _usage(exchange: Exchange) -> tuple[Usage, str] | None:
    """The provider's numbers or our own, and whose they are; None for an answer that nobody read."""
    if exchange.rewrite is not None:
        return exchange.rewrite.stream.said.used(exchange.read_tokens)
    watch = exchange.watch
    if watch is None:
        return None
    return (watch.usage, "provider") if watch.usage else (watch.estimate(exchange.read_tokens), "estimated")


def _head(exchange: Exchange, context: Context) -> Metadata:
    return {
        "config": context.digest,
        **({"operation": exchange.operation} if exchange.operation else {}),
        **({"tenant": exchange.tenant.name} if exchange.tenant else {}),
        **({"client": exchange.client} if exchange.tenant and exchange.client else {}),
    }


def _body(exchange: Exchange) -> Metadata:
    inspection = exchange.inspection
    if inspection is None:
        return {}
    known: Metadata = {"guard": "failed_open"} if exchange.guard_failed_open else {}
    if inspection.call is not None:
        known["stream"] = inspection.call.stream
        known["estimate"] = {"input_tokens": inspection.input_tokens}
    if exchange.model is not None:  # a name of the config, never the caller's text
        known["model"] = exchange.model.name
    if inspection.findings:
        known["findings"] = _findings(inspection)
    if exchange.risk is not None:
        known["risk"] = exchange.risk.score
        known["addends"] = {addend.id: addend.points for addend in exchange.risk.addends}
    if exchange.redacted:
        known["redacted"] = dict(exchange.redacted)
    return known


def _findings(inspection: Inspection | None) -> list[Metadata]:
    return [
        {"kind": f.kind, "type": f.type, "channel": f.channel, "count": f.count, "score": f.score}
        for f in (inspection.findings if inspection else ())
    ]


def _answer_finding(found: AnswerFinding) -> Metadata:
    return {"kind": found.kind, "type": found.type, "channel": OUTPUT, "count": found.count, "score": found.score}


def _decision(exchange: Exchange, context: Context) -> Metadata:
    verdict = exchange.verdict
    if exchange.policy_error is not None:
        return {"decision": {"allow": False, "mode": context.policies.mode, "codes": [exchange.policy_error]}}
    if verdict is None:
        return {}
    return {
        "policy": verdict.revision,
        "decision": {
            "allow": verdict.allow,
            "mode": context.policies.mode,
            "codes": [reason.code for reason in verdict.reasons],
            "warnings": list(verdict.warnings),
            "labels": dict(verdict.labels),
            "obligations": [str(obligation) for obligation in verdict.obligations],
        },
    }
