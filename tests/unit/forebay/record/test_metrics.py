"""Records become metrics with bounded labels."""

import dataclasses
import json
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from forebay.config.load import load_text
from forebay.record import catalogue
from forebay.record import metrics as module
from forebay.record.attempts import Attempts
from forebay.record.metrics import Metrics
from forebay.record.publish import publish
from forebay.record.tail import Step

CONFIG = """
providers:
  primary: {type: mock}
  spare: {type: mock}
models:
  fast: {backends: [{use: primary/gpt-4o, weight: 100}], fallback: [spare/llama]}
tenants:
  acme: {keys: ["${env:ACME}"]}
"""
RESOLVED = load_text(CONFIG, Path("/etc/forebay.yaml"))
CALL = {
    "verdict": "pass", "reason": "ok", "operation": "chat", "tenant": "acme", "model": "fast", "risk": 41,
    "redacted": {"EMAIL_ADDRESS": 2},
    "findings": [{"kind": "pii", "type": "EMAIL_ADDRESS", "channel": "user", "count": 2, "score": 90}],
    "usage": {"input_tokens": 10, "output_tokens": 5}, "cost": {"usd": 0.25}, "stages": {"guard": 80},
    "decision": {"allow": True, "mode": "enforce"},
}  # fmt: skip
LINE = {
    "kind": "DownstreamEnd", "id": "r", "time": "2026-11-21T10:00:00Z", "status": 200, "details": "via_upstream",
    "duration_ms": 120, "first_byte_ms": 100, "provider": "spare", "model": "llama", "forwarded": json.dumps(CALL),
}  # fmt: skip


def attempt(provider: str, model: str, status: int) -> dict[str, object]:
    return {"kind": "UpstreamEnd", "id": "r", "provider": provider, "model": model, "status": status, "duration_ms": 50}


@pytest.fixture
def metrics() -> Metrics:
    metrics = Metrics()
    metrics.configure(RESOLVED)
    return metrics


def feed(metrics: Metrics, *lines: object, backlog: int = 0, now: float = 0) -> None:
    attempts = Attempts()
    published = [item for line in lines for item in publish(json.dumps(line).encode(), 0, attempts)]
    metrics.step(Step(tuple(published), backlog), now)


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_completed_call_is_counted_everywhere(metrics: Metrics) -> None:
    """One call with a fallback."""
    feed(metrics, attempt("primary", "gpt-4o", 500), attempt("spare", "llama", 200), LINE)
    gen_ai = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "spare", "gen_ai_request_model": "fast"}
    got = {
        "requests": value(
            metrics, "forebay_requests_total", outcome="completed", reason="ok", tenant="acme", model="fast"
        ),
        "failed": value(metrics, "forebay_attempts_total", provider="primary", model="gpt-4o", status_class="5xx"),
        "tried": value(metrics, "forebay_attempts_total", provider="spare", model="llama", status_class="2xx"),
        "fallbacks": value(metrics, "forebay_fallbacks_total", model="fast"),
        "redacted": value(metrics, "forebay_redactions_total", type="EMAIL_ADDRESS"),
        "found": value(metrics, "forebay_findings_total", kind="pii", type="EMAIL_ADDRESS", channel="user"),
        "risk": value(metrics, "forebay_risk_score_sum"),
        "decided": value(metrics, "forebay_decisions_total", code="allow", mode="enforce"),
        "stage": value(metrics, "forebay_stage_seconds_sum", stage="guard"),
        "cost": value(metrics, "forebay_cost_usd_total", tenant="acme", model="fast"),
        "input": value(metrics, "gen_ai_client_token_usage_sum", gen_ai_token_type="input", **gen_ai),
        "output": value(metrics, "gen_ai_client_token_usage_sum", gen_ai_token_type="output", **gen_ai),
        "request": value(metrics, "gen_ai_server_request_duration_seconds_sum", error_type="", **gen_ai),
        "first": value(metrics, "gen_ai_server_time_to_first_token_seconds_sum", **gen_ai),
        "operation": value(metrics, "gen_ai_client_operation_duration_seconds_sum", error_type="", **gen_ai),
    }
    assert got == {
        "requests": 1, "failed": 1, "tried": 1, "fallbacks": 1, "redacted": 2, "found": 2, "risk": 41, "decided": 1,
        "stage": 8e-05, "cost": 0.25, "input": 10, "output": 5, "request": 0.12, "first": 0.1, "operation": 0.05,
    }  # fmt: skip


def test_a_messages_call_is_a_chat_to_the_conventions(metrics: Metrics) -> None:
    """Whatever API it comes in."""
    feed(metrics, {**LINE, "forwarded": json.dumps({**CALL, "operation": "messages"})})
    gen_ai = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "spare", "gen_ai_request_model": "fast"}
    assert value(metrics, "gen_ai_client_token_usage_sum", gen_ai_token_type="input", **gen_ai) == 10


def test_a_failed_call_has_its_error_type_and_no_first_token(metrics: Metrics) -> None:
    """The reason on the request, the status on the attempt."""
    feed(metrics, attempt("primary", "gpt-4o", 401), {**LINE, "provider": "primary", "status": 502, "details": "-"})
    gen_ai = {"gen_ai_operation_name": "chat", "gen_ai_provider_name": "primary", "gen_ai_request_model": "fast"}
    name = "gen_ai_server_request_duration_seconds_count"
    assert value(metrics, name, error_type="provider_credentials", **gen_ai) == 1
    assert value(metrics, "gen_ai_client_operation_duration_seconds_count", error_type="401", **gen_ai) == 1
    assert value(metrics, "gen_ai_server_time_to_first_token_seconds_count", **gen_ai) is None
    assert value(metrics, "forebay_fallbacks_total", model="fast") is None


def test_names_that_the_config_does_not_know_are_other(metrics: Metrics) -> None:
    """A thousand invented tenants are one series."""
    for number in range(1000):
        call = {**CALL, "tenant": f"t{number}", "model": f"m{number}"}
        feed(
            metrics,
            {**LINE, "provider": f"p{number}", "forwarded": json.dumps(call)},
            attempt(f"p{number}", f"m{number}", 200),
        )
    labels = {"outcome": "completed", "reason": "ok", "tenant": "other", "model": "other"}
    assert value(metrics, "forebay_requests_total", **labels) == 1000
    assert value(metrics, "forebay_attempts_total", provider="other", model="other", status_class="2xx") == 1000


def test_values_of_rules_are_bounded(metrics: Metrics) -> None:
    """A policy that invents codes fills no store."""
    for number in range(3 * module.MOST_VALUES):
        decision = {"allow": False, "mode": "enforce", "codes": [f"C{number}"]}
        feed(metrics, {**LINE, "forwarded": json.dumps({**CALL, "decision": decision})})
    body, _ = metrics.render("")
    codes = [line for line in body.decode().splitlines() if line.startswith("forebay_decisions_total{")]
    assert len(codes) <= module.MOST_VALUES + 1
    assert any('code="other"' in line for line in codes)


def test_a_request_without_anything_is_counted(metrics: Metrics) -> None:
    """A 401 has no tenant, no model and no call."""
    feed(metrics, {"kind": "DownstreamEnd", "status": 401, "details": "missing_api_key"})
    labels = {"outcome": "refused", "reason": "unauthenticated", "tenant": "", "model": ""}
    assert value(metrics, "forebay_requests_total", **labels) == 1


def test_probes_are_no_gen_ai_calls(metrics: Metrics) -> None:
    """They would drown the latency of real ones."""
    call = {"verdict": "refuse", "reason": "probe", "operation": "probe", "tenant": "forebay-probe"}
    feed(
        metrics,
        {
            "kind": "DownstreamEnd",
            "status": 200,
            "details": "forebay_probe",
            "duration_ms": 1,
            "forwarded": json.dumps(call),
        },
    )
    labels = {"outcome": "answered", "reason": "probe", "tenant": "forebay-probe", "model": ""}
    assert value(metrics, "forebay_requests_total", **labels) == 1
    assert b"gen_ai_server_request_duration_seconds_count" not in metrics.render("")[0]


def test_an_unpriced_call_is_never_free(metrics: Metrics) -> None:
    """It is counted apart."""
    feed(metrics, {**LINE, "forwarded": json.dumps({**CALL, "cost": {"usd": None, "source": "unpriced"}})})
    assert value(metrics, "forebay_unpriced_total", model="fast") == 1
    assert value(metrics, "forebay_cost_usd_total", tenant="acme", model="fast") is None


def test_unreadable_and_unrecognised_lines_are_counted(metrics: Metrics) -> None:
    """So that somebody looks."""
    feed(metrics, ["no record"], {"kind": "DownstreamEnd", "status": 418, "details": "brand_new"})
    assert value(metrics, "forebay_records_unreadable_total") == 1
    assert value(metrics, "forebay_records_unclassified_total") == 1
    assert value(metrics, "forebay_records_published_total", kind="unreadable") == 1


def test_the_lag_is_the_age_of_what_is_not_published(metrics: Metrics) -> None:
    """Nothing unread: no lag, however old the last record is."""
    ended = 1_795_255_200.12  # of LINE
    feed(metrics, LINE, backlog=10, now=ended + 5)
    assert value(metrics, "forebay_record_lag_seconds") == pytest.approx(5)
    feed(metrics, {**LINE, "time": "2026-02-30T10:00:00Z"}, backlog=10, now=ended)
    assert value(metrics, "forebay_record_lag_seconds") == 0
    feed(metrics, LINE, now=ended + 3600)
    assert value(metrics, "forebay_record_lag_seconds") == 0


def test_the_recorders_own_numbers_are_counted(metrics: Metrics) -> None:
    """Failures, gaps, rotations, configs."""
    metrics.failed()
    metrics.config_failed()
    metrics.step(Step(rotated=("input", "output"), gaps=2), 0)
    assert value(metrics, "forebay_recorder_errors_total") == 1
    assert value(metrics, "forebay_config_failures_total") == 1
    assert value(metrics, "forebay_record_gaps_total") == 2
    assert value(metrics, "forebay_record_rotations_total", file="output") == 1


def test_only_the_current_config_is_shown(metrics: Metrics) -> None:
    """A dashboard that joins on it would otherwise count twice."""
    metrics.configure(dataclasses.replace(RESOLVED, digest="ffff"))
    assert value(metrics, "forebay_config_info", digest="ffff") == 1
    assert value(metrics, "forebay_config_info", digest=RESOLVED.digest) is None


def test_both_formats_are_spoken(metrics: Metrics) -> None:
    """By the Accept header, as Prometheus sends it."""
    body, content_type = metrics.render("application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")
    body, content_type = metrics.render("*/*")
    assert content_type.startswith("text/plain")
    assert b"# EOF" not in body


def test_nothing_is_exported_that_the_catalogue_does_not_name(metrics: Metrics) -> None:
    """And everything is that it names, with the same type."""
    exported = {
        family.name + ("_total" if family.type == "counter" else ""): family.type
        for family in text_string_to_metric_families(metrics.render("")[0].decode())
        if not family.name.endswith("_created")
    }
    assert exported == {metric.name: metric.type for metric in catalogue.METRICS}
