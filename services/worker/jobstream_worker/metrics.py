"""The worker's metrics, read from its own counts when somebody asks."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jobstream.kafka.outbound import Outbound
from jobstream_worker.consumer import Consumer
from jobstream_worker.counts import Counts
from jobstream_worker.runner import Runner

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class WorkerMetrics(Collector):
    """Collects from the parts of one worker."""

    def __init__(self, counts: Counts, runner: Runner, consumer: Consumer, outbound: Outbound) -> None:
        self._counts = counts
        self._runner = runner
        self._consumer = consumer
        self._outbound = outbound
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        counts, runner = self._counts, self._runner
        for name, text, value in (
            ("records", "Records taken from job topics", counts.records),
            ("repeats", "Records whose work was here or done already", counts.repeats),
            ("poison", "Records that hold no job", counts.poison),
            ("runs_started", "Handlers started", counts.started),
            ("leases", "RUNNING events posted", counts.announced),
            ("heartbeats", "HEARTBEAT events posted", counts.heartbeats),
            ("commits", "Offset commits that Kafka took", counts.commits),
            ("commits_fenced", "Offset commits refused, since the group had gone on", counts.fenced),
            ("rebalances", "Assignments received", counts.rebalances),
            ("takeovers_read", "Takeovers that had to read the status topic", counts.replays),
            ("status_events_read", "Status events read", counts.replayed),
            ("sends_failed", "Times everything unacknowledged was sent again", self._outbound.rounds_failed),
        ):
            yield CounterMetricFamily(f"jobstream_worker_{name}", text, value=value)
        outcomes = CounterMetricFamily("jobstream_worker_outcomes", "Outcomes acknowledged", labels=["event"])
        for event, count in counts.outcomes.items():
            outcomes.add_metric([event], count)
        yield outcomes
        for name, text, gauge in (
            ("running", "Handlers running", runner.active),
            ("concurrency", "Handlers that may run at once", runner.concurrency),
            ("waiting_for_key", "Jobs that wait for another of their key", runner.lanes.waiting),
            ("unacknowledged_outcomes", "Outcomes Kafka has not acknowledged", runner.unsettled),
            ("unacknowledged_records", "Records Kafka has not acknowledged", self._outbound.waiting),
            ("oldest_unacknowledged_seconds", "Age of the oldest of them", self._outbound.oldest_age()),
            ("partitions", "Partitions assigned", len(self._consumer.slots)),
        ):
            yield GaugeMetricFamily(f"jobstream_worker_{name}", text, value=gauge)
