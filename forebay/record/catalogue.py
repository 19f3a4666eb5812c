"""Every metric: name, type, labels, meaning. The registry and `docs/metrics.md` are both made from this table."""

from dataclasses import dataclass
from typing import Final, Literal

from forebay import semconv
from forebay.semconv import prometheus_name

Type = Literal["counter", "gauge", "histogram"]

_OPERATION: Final = prometheus_name(semconv.OPERATION_NAME)
_PROVIDER: Final = prometheus_name(semconv.PROVIDER_NAME)
_MODEL: Final = prometheus_name(semconv.REQUEST_MODEL)
_ERROR: Final = prometheus_name(semconv.ERROR_TYPE)
_TOKEN: Final = prometheus_name(semconv.TOKEN_TYPE)

STAGE_BUCKETS: Final = (5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 1.0)
RISK_BUCKETS: Final = tuple(float(score) for score in range(10, 101, 10))


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric as Prometheus shows it; a counter's `_total` is part of its name here."""

    name: str
    type: Type
    labels: tuple[str, ...]
    help: str
    buckets: tuple[float, ...] = ()


TOKEN_USAGE: Final = Metric(
    prometheus_name(semconv.CLIENT_TOKEN_USAGE),
    "histogram",
    (_OPERATION, _PROVIDER, _MODEL, _TOKEN),
    "Tokens per call, by token type (input or output).",
    semconv.TOKEN_BUCKETS,
)
OPERATION_DURATION: Final = Metric(
    prometheus_name(semconv.CLIENT_OPERATION_DURATION, "seconds"),
    "histogram",
    (_OPERATION, _PROVIDER, _MODEL, _ERROR),
    "Duration of each attempt at a provider; error_type is its HTTP status, or none if it sent no status.",
    semconv.DURATION_BUCKETS,
)
REQUEST_DURATION: Final = Metric(
    prometheus_name(semconv.SERVER_REQUEST_DURATION, "seconds"),
    "histogram",
    (_OPERATION, _PROVIDER, _MODEL, _ERROR),
    "Duration of each call as its caller saw it, fallbacks included; error_type is the reason.",
    semconv.DURATION_BUCKETS,
)
FIRST_TOKEN: Final = Metric(
    prometheus_name(semconv.SERVER_TIME_TO_FIRST_TOKEN, "seconds"),
    "histogram",
    (_OPERATION, _PROVIDER, _MODEL),
    "Time until the first byte of a completed call's answer.",
    semconv.FIRST_TOKEN_BUCKETS,
)
REQUESTS: Final = Metric(
    "forebay_requests_total", "counter", ("outcome", "reason", "tenant", "model"), "Requests by how they ended and why."
)
ATTEMPTS: Final = Metric(
    "forebay_attempts_total", "counter", ("provider", "model", "status_class"), "Attempts at providers (2xx to none)."
)
FALLBACKS: Final = Metric(
    "forebay_fallbacks_total", "counter", ("model",), "Requests whose last attempt went elsewhere than their first."
)
REDACTIONS: Final = Metric("forebay_redactions_total", "counter", ("type",), "Values replaced in requests.")
FINDINGS: Final = Metric(
    "forebay_findings_total",
    "counter",
    ("kind", "type", "channel"),
    "What the guards found, and who speaks there (output: the answer).",
)
RISK: Final = Metric("forebay_risk_score", "histogram", (), "Risk scores of inspected requests.", RISK_BUCKETS)
DECISIONS: Final = Metric(
    "forebay_decisions_total", "counter", ("code", "mode"), "Policy decisions: allow, or one per code of a denial."
)
STAGES: Final = Metric(
    "forebay_stage_seconds", "histogram", ("stage",), "Time in each stage of the processor.", STAGE_BUCKETS
)
COST: Final = Metric("forebay_cost_usd_total", "counter", ("tenant", "model"), "Cost of answered calls in US dollars.")
UNPRICED: Final = Metric("forebay_unpriced_total", "counter", ("model",), "Calls of models without a known price.")
LAG: Final = Metric("forebay_record_lag_seconds", "gauge", (), "Age of the oldest record not yet published; 0 if none.")
BACKLOG: Final = Metric("forebay_record_backlog_bytes", "gauge", (), "Bytes of Envoy's file not yet published.")
PUBLISHED: Final = Metric("forebay_records_published_total", "counter", ("kind",), "Records published, by kind.")
UNREADABLE: Final = Metric("forebay_records_unreadable_total", "counter", (), "Lines of Envoy's that are no record.")
UNCLASSIFIED: Final = Metric(
    "forebay_records_unclassified_total", "counter", (), "Requests whose ending is in no table of the classification."
)
GAPS: Final = Metric(
    "forebay_record_gaps_total", "counter", (), "Times Envoy's file was rewritten or taken before its end was read."
)
ROTATIONS: Final = Metric("forebay_record_rotations_total", "counter", ("file",), "Rotations of input and output.")
ERRORS: Final = Metric(
    "forebay_recorder_errors_total", "counter", (), "Failures of the recorder, each followed by a new attempt."
)
CONFIG: Final = Metric("forebay_config_info", "gauge", ("digest",), "1 for the config the recorder goes by.")
CONFIG_FAILURES: Final = Metric(
    "forebay_config_failures_total", "counter", (), "Configs the recorder could not read; it kept the last good one."
)

METRICS: Final = (
    *(TOKEN_USAGE, OPERATION_DURATION, REQUEST_DURATION, FIRST_TOKEN),
    *(REQUESTS, ATTEMPTS, FALLBACKS, REDACTIONS, FINDINGS, RISK, DECISIONS, STAGES, COST, UNPRICED),
    *(LAG, BACKLOG, PUBLISHED, UNREADABLE, UNCLASSIFIED, GAPS, ROTATIONS, ERRORS, CONFIG, CONFIG_FAILURES),
)
