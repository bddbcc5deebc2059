"""Histograms that take a whole batch of values: one by one, as prometheus_client does, costs 1.5 us each."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence

from prometheus_client.metrics_core import HistogramMetricFamily


class Histogram:
    """Counts values per label and bucket.

    Args:
        bounds: upper bounds of the buckets, ascending; one without a bound is added.
    """

    def __init__(self, name: str, text: str, label: str, bounds: Sequence[float]) -> None:
        self._name = name
        self._text = text
        self._label = label
        self._bounds = tuple(bounds)
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}

    def observe(self, label: str, values: Iterable[float]) -> None:
        """Count ``values`` under ``label``."""
        counts = self._counts.get(label)
        if counts is None:
            counts = self._counts[label] = [0] * (len(self._bounds) + 1)
            self._sums[label] = 0.0
        bounds = self._bounds
        total = 0.0
        for value in values:
            counts[bisect_left(bounds, value)] += 1
            total += value
        self._sums[label] += total

    def family(self) -> HistogramMetricFamily:
        """The figures as Prometheus takes them."""
        family = HistogramMetricFamily(self._name, self._text, labels=[self._label])
        names = [*(str(float(bound)) for bound in self._bounds), "+Inf"]
        for label, counts in self._counts.items():
            running, buckets = 0, []
            for name, count in zip(names, counts, strict=True):
                running += count
                buckets.append((name, float(running)))
            family.add_metric([label], buckets, self._sums[label])
        return family
