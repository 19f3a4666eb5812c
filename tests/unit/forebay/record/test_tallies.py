"""Tallies show what prometheus_client's own counters would show."""

import math
from typing import Final

from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from forebay.record.catalogue import Metric
from forebay.record.tallies import Tallies

CALLS: Final = Metric("calls_total", "counter", ("tenant",), "Calls.")
GAPS: Final = Metric("gaps_total", "counter", (), "Gaps.")
INFO: Final = Metric("config_info", "gauge", ("digest",), "The config.")
TIMES: Final = Metric("seconds", "histogram", ("stage",), "Times.", (0.1, 1.0, 2.5e6))
METRICS: Final = (CALLS, GAPS, INFO, TIMES)
TENANTS: Final = st.sampled_from(["acme", 'with "quotes"', "line\nfeed", ""])
VALUES: Final = st.sampled_from([0.0, 0.1, 0.5, 1.0, 2.5e6, 3e6]) | st.floats(0, 1e9)


def registry(tallies: Tallies) -> CollectorRegistry:
    found = CollectorRegistry()
    found.register(tallies)
    return found


@given(st.lists(st.tuples(TENANTS, st.integers(0, 9))), st.lists(st.tuples(TENANTS, VALUES)))
def test_the_page_is_the_librarys_own(counted: list[tuple[str, int]], measured: list[tuple[str, float]]) -> None:
    """Same names, labels, escapes, bounds that belong to their bucket, sums, and zeros of what has no labels."""
    tallies, theirs = Tallies(METRICS), CollectorRegistry()
    calls = Counter(CALLS.name, CALLS.help, CALLS.labels, registry=theirs)
    Counter(GAPS.name, GAPS.help, registry=theirs)
    info = Gauge(INFO.name, INFO.help, INFO.labels, registry=theirs)
    times = Histogram(TIMES.name, TIMES.help, TIMES.labels, registry=theirs, buckets=TIMES.buckets)
    for tenant, by in counted:
        tallies.count(CALLS, (tenant,), by)
        calls.labels(tenant).inc(by)
    for stage, value in measured:
        tallies.measure(TIMES, (stage,), value)
        times.labels(stage).observe(value)
    tallies.show(INFO, ("ab",), 1)
    info.labels("ab").set(1)
    dated = b"_created"  # when each began to be counted, which nothing reads
    expected = [line for line in generate_latest(theirs).splitlines() if dated not in line]
    assert generate_latest(registry(tallies)).splitlines() == expected


def test_a_gauge_that_moves_on_leaves_nothing_behind() -> None:
    """One config is in force."""
    tallies = Tallies(METRICS)
    tallies.show(INFO, ("old",), 1)
    tallies.show(INFO, ("new",), 1)
    found = registry(tallies)
    assert found.get_sample_value(INFO.name, {"digest": "new"}) == 1
    assert found.get_sample_value(INFO.name, {"digest": "old"}) is None


def test_the_page_is_openmetrics_too() -> None:
    """Prometheus asks for it first."""
    tallies = Tallies(METRICS)
    tallies.measure(TIMES, ("parse",), 0.5)
    tallies.count(CALLS, ("acme",))
    families = {
        each.name: each for each in text_string_to_metric_families(generate_openmetrics(registry(tallies)).decode())
    }
    buckets = {sample.labels["le"]: sample.value for sample in families["seconds"].samples if "le" in sample.labels}
    assert {float(bound): value for bound, value in buckets.items()} == {0.1: 0, 1.0: 1, 2.5e6: 1, math.inf: 1}
    assert [sample.value for sample in families["calls"].samples] == [1]
