"""Numbers by metric and labels, counted by one thread and shown to Prometheus by its own library.

That library's counters are made for any thread at any time: a lock, a look-up and a walk over the buckets for each of
the dozen numbers of a call, which was half of what its record costs. The recorder counts a whole step at a time.
"""

import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from forebay.record.catalogue import Metric

Labels = tuple[str, ...]  # the values, in the order of the metric's label names

_TOTAL: Final = "_total"


@dataclass(slots=True)
class Spread:
    """How measured values spread over the buckets; the last is everything above them."""

    buckets: tuple[float, ...]
    counts: list[int] = field(init=False)
    sum: float = 0.0

    def __post_init__(self) -> None:
        self.counts = [0] * (len(self.buckets) + 1)

    def add(self, value: float) -> None:
        """One value; a bucket's bound belongs to it."""
        self.counts[bisect_left(self.buckets, value)] += 1
        self.sum += value


class Tallies(Collector):
    """The numbers of all `metrics`. Those without labels are there from the start, as 0.

    One thread may change them, and holds `lock` while it does; any thread may collect.
    """

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.lock = threading.Lock()
        self._metrics = tuple(metrics)
        self._numbers: dict[str, dict[Labels, float]] = {}
        self._spreads: dict[str, dict[Labels, Spread]] = {}
        for metric in self._metrics:
            if metric.type == "histogram":
                self._spreads[metric.name] = {} if metric.labels else {(): Spread(metric.buckets)}
            else:
                self._numbers[metric.name] = {} if metric.labels else {(): 0.0}

    def count(self, metric: Metric, labels: Labels, by: float = 1) -> None:
        """Add to a counter."""
        numbers = self._numbers[metric.name]
        numbers[labels] = numbers.get(labels, 0.0) + by

    def measure(self, metric: Metric, labels: Labels, value: float) -> None:
        """Add a value to a histogram."""
        spreads = self._spreads[metric.name]
        spread = spreads.get(labels)
        if spread is None:
            spread = spreads[labels] = Spread(metric.buckets)
        spread.add(value)

    def show(self, metric: Metric, labels: Labels, value: float) -> None:
        """Set a gauge; what it showed for other labels is gone."""
        self._numbers[metric.name] = {labels: value}

    def collect(self) -> Iterator[Family]:
        """Everything as it stands now, for a registry."""
        with self.lock:
            families = [self._family(metric) for metric in self._metrics]
        yield from families

    def _family(self, metric: Metric) -> Family:
        if metric.type == "histogram":
            return self._histogram(metric)
        numbers = self._numbers[metric.name].items()
        if metric.type == "gauge":
            gauge = GaugeMetricFamily(metric.name, metric.help, labels=metric.labels)
            for labels, number in numbers:
                gauge.add_metric(labels, number)
            return gauge
        counter = CounterMetricFamily(metric.name.removesuffix(_TOTAL), metric.help, labels=metric.labels)
        for labels, number in numbers:
            counter.add_metric(labels, number)
        return counter

    def _histogram(self, metric: Metric) -> Family:
        family = HistogramMetricFamily(metric.name, metric.help, labels=metric.labels)
        bounds = [*map(_written, metric.buckets), "+Inf"]
        for labels, spread in self._spreads[metric.name].items():
            family.add_metric(labels, [*zip(bounds, _running(spread.counts), strict=True)], spread.sum)
        return family


def _written(bound: float) -> str:
    text: str = floatToGoString(bound)  # type: ignore[no-untyped-call]
    return text


def _running(counts: Iterable[int]) -> Iterator[float]:
    """Prometheus's buckets hold what is in them and in all below."""
    total = 0
    for count in counts:
        total += count
        yield float(total)
