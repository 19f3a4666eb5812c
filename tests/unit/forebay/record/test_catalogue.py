"""The table of metrics."""

import re

from forebay.record.catalogue import METRICS


def test_names_follow_the_conventions() -> None:
    """Counters end in _total, histograms have buckets, everything is ours or OpenTelemetry's."""
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert re.fullmatch(r"(forebay|gen_ai)_[a-z_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.type == "counter")
        assert bool(metric.buckets) == (metric.type == "histogram")
        assert metric.help.endswith(".")


def test_no_label_names_a_person_or_an_address() -> None:
    """Labels live for ever in the metrics' store."""
    labels = {label for metric in METRICS for label in metric.labels}
    assert not labels & {"user", "client", "address", "id", "user_hash"}
