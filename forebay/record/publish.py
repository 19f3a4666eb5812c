"""A line of Envoy's file -> the records that are published for it. Pure but for the remembered attempts."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import orjson

from forebay.outcomes import Reason
from forebay.record import scalars
from forebay.record.attempts import Attempts
from forebay.record.classify import classify, seen
from forebay.record.line import Line, read
from forebay.record.model import (
    METHODS,
    MOST_ITEMS,
    OPERATIONS,
    PROTOCOLS,
    AttemptRecord,
    CostRecord,
    DecisionRecord,
    FindingRecord,
    Method,
    Operation,
    Protocol,
    Record,
    RequestRecord,
    UnreadableRecord,
    UsageRecord,
)


@dataclass(frozen=True, slots=True)
class Published:
    """One record, and the attempts of the request it is about (only for requests)."""

    record: Record
    attempts: tuple[AttemptRecord, ...] = ()

    def line(self) -> bytes:
        """The record as it stands in the file, line feed included."""
        return orjson.dumps(self.record, option=orjson.OPT_APPEND_NEWLINE)


def publish(raw: bytes, offset: int, attempts: Attempts) -> tuple[Published, ...]:
    """The records for the line `raw` that began at `offset`: one, or two where it is torn. Never raises.

    Remembers an attempt in `attempts` and takes a request's attempts out of it.
    """
    found = read(raw)
    if isinstance(found, Line):
        return (_readable(found, attempts),)
    torn = Published(UnreadableRecord(1, "unreadable", offset, found.length))
    return (torn,) if found.rest is None else (torn, _readable(found.rest, attempts))


def recollect(tail: bytes, attempts: Attempts) -> None:
    """Fill `attempts` from published lines (the last ones before a restart) whose requests are not ended yet."""
    for raw in tail.split(b"\n"):
        try:
            values = orjson.loads(raw)
        except orjson.JSONDecodeError:
            continue  # the first line may be cut
        if not isinstance(values, dict):
            continue
        if values.get("kind") == "attempt":
            attempts.remember(attempt_record(Line("attempt", {**values, "flags": ",".join(values.get("flags") or ())})))
        elif values.get("kind") == "request":
            attempts.recall(scalars.identifier(values.get("id")))


def _readable(line: Line, attempts: Attempts) -> Published:
    if line.kind == "attempt":
        attempt = attempt_record(line)
        attempts.remember(attempt)
        return Published(attempt)
    made = attempts.recall(scalars.identifier(line.values.get("id")))
    return Published(request_record(line, made[-1].status if made else None), made)


def attempt_record(line: Line) -> AttemptRecord:
    """The published form of an attempt's line."""
    value = line.values.get
    return AttemptRecord(
        version=1,
        kind="attempt",
        id=scalars.identifier(value("id")),
        time=scalars.time(value("time")),
        provider=scalars.name(value("provider")),
        model=scalars.name(value("model")),
        status=scalars.count(value("status")),
        flags=scalars.flags(value("flags")),
        duration_ms=scalars.count(value("duration_ms")),
        bytes_in=scalars.count(value("bytes_in")),
        bytes_out=scalars.count(value("bytes_out")),
    )


def request_record(line: Line, last_attempt_status: int | None) -> RequestRecord:
    """The published form of a request's line."""
    value, call = line.values.get, line.call
    ending = classify(seen(line, last_attempt_status))
    tenant, client = _known_identity(line, ending.reason)
    return RequestRecord(
        version=1,
        kind="request",
        id=scalars.identifier(value("id")),
        time=scalars.time(value("time")),
        outcome=ending.outcome,
        reason=ending.reason,
        recognised=ending.recognised,
        status=scalars.count(value("status")),
        details=scalars.word(value("details")),
        flags=scalars.flags(value("flags")),
        tenant=scalars.name(call.get("tenant")) or tenant,
        client=scalars.name(call.get("client")) or client,
        user_hash=scalars.name(call.get("user_hash")),
        address=scalars.address(value("client")),
        method=cast("Method | None", scalars.one_of(value("method"), METHODS)),
        protocol=cast("Protocol | None", scalars.one_of(value("protocol"), PROTOCOLS)),
        tls=scalars.name(value("tls")),
        operation=cast("Operation | None", scalars.one_of(call.get("operation"), OPERATIONS)),
        model=scalars.name(call.get("model")),
        stream=scalars.flag(call.get("stream")),
        route=scalars.name(call.get("route")) or scalars.name(value("route")),
        bucket=scalars.count(call.get("bucket")),
        backend=scalars.name(call.get("backend")),
        provider=scalars.name(value("provider")),
        provider_model=scalars.name(value("model")),
        attempts=scalars.count(value("attempts")),
        duration_ms=scalars.count(value("duration_ms")),
        first_byte_ms=scalars.count(value("first_byte_ms")),
        request_ms=scalars.count(value("request_ms")),
        bytes_in=scalars.count(value("bytes_in")),
        bytes_out=scalars.count(value("bytes_out")),
        risk=scalars.score(call.get("risk")),
        addends=scalars.counts(call.get("addends")),
        findings=_findings(call.get("findings")),
        redacted=scalars.counts(call.get("redacted")),
        restored=scalars.count(call.get("restored")),
        decision=_decision(call.get("decision")),
        usage=_usage(call.get("usage")),
        estimated_input_tokens=scalars.count(scalars.mapping(call.get("estimate")).get("input_tokens")),
        cost=_cost(call.get("cost")),
        stages_us=scalars.counts(call.get("stages")),
        processor=line.processor,
        config=scalars.name(call.get("config")) or scalars.name(value("config")),
        policy=scalars.name(call.get("policy")),
    )


def _known_identity(line: Line, reason: Reason) -> tuple[str | None, str | None]:
    """Envoy's identity (tenant, client) once the tenant is known to be one of the config's; until then it is a claim.

    Of a caller who went away, only the call of the processor tells that the tenant had been looked up.
    """
    unknown = reason is Reason.UNKNOWN_TENANT or (reason is Reason.CLIENT_GONE and not line.processor)
    if unknown:
        return None, None
    return scalars.name(line.values.get("tenant")), scalars.name(line.values.get("caller"))


def _findings(value: object) -> tuple[FindingRecord, ...]:
    items = value[:MOST_ITEMS] if isinstance(value, list) else ()
    return tuple(found for item in items if (found := _finding(scalars.mapping(item))) is not None)


def _finding(item: Mapping[str, object]) -> FindingRecord | None:
    kind, type_ = scalars.name(item.get("kind")), scalars.name(item.get("type"))
    if kind is None or type_ is None:
        return None
    return FindingRecord(
        kind=kind,
        type=type_,
        channel=scalars.name(item.get("channel")),
        count=scalars.count(item.get("count")) or 0,
        score=scalars.score(item.get("score")) or 0,
    )


def _decision(value: object) -> DecisionRecord | None:
    if not isinstance(value, dict):
        return None
    return DecisionRecord(
        allow=scalars.flag(value.get("allow")),
        mode=scalars.name(value.get("mode")),
        codes=scalars.names(value.get("codes")),
        warnings=scalars.names(value.get("warnings")),
        labels=scalars.labels(value.get("labels")),
        obligations=scalars.names(value.get("obligations")),
    )


def _usage(value: object) -> UsageRecord | None:
    if not isinstance(value, dict):
        return None
    return UsageRecord(
        input_tokens=scalars.count(value.get("input_tokens")),
        output_tokens=scalars.count(value.get("output_tokens")),
        cached_tokens=scalars.count(value.get("cached_tokens")),
        reasoning_tokens=scalars.count(value.get("reasoning_tokens")),
        cache_write_tokens=scalars.count(value.get("cache_write_tokens")),
        source=scalars.name(value.get("source")),
    )


def _cost(value: object) -> CostRecord | None:
    if not isinstance(value, dict):
        return None
    return CostRecord(usd=scalars.amount(value.get("usd")), source=scalars.name(value.get("source")))
