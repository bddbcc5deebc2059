"""The worker's metrics, read from its own counts when somebody asks."""

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jobstream.kafka.outbound import Outbound
from jobstream.telemetry import Event, subscribe
from jobstream_worker.consumer import Consumer
from jobstream_worker.counts import Counts
from jobstream_worker.runner import Runner

_COUNTED = frozenset({Event.JOB_STARTED, Event.JOB_FINISHED})
"""Told with every job: nobody gathers their facts unless a log wants them, and the worker counts them anyway."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class WorkerMetrics(Collector):
    """Collects from the parts of one worker, and counts its telemetry events from ``start`` to ``stop``.

    Args:
        ages: seconds since each loop's last good turn, by name.
    """

    def __init__(
        self,
        counts: Counts,
        runner: Runner,
        consumer: Consumer,
        outbound: Outbound,
        ages: Callable[[], dict[str, float]],
    ) -> None:
        self._counts = counts
        self._runner = runner
        self._consumer = consumer
        self._outbound = outbound
        self._ages = ages
        self._end: Callable[[], None] | None = None
        self._registry = CollectorRegistry()
        # All from the beginning: a counter that appears with its first event has no rate at that event.
        self._events = dict.fromkeys(Event, 0)
        self._registry.register(self)

    def start(self) -> None:
        """Begin to count."""
        if self._end is None:
            self._end = subscribe(self._note, deaf_to=_COUNTED)

    def stop(self) -> None:
        """Count no more."""
        end, self._end = self._end, None
        if end is not None:
            end()

    def _note(self, event: Event, _fields: dict[str, Any]) -> None:
        self._events[event] += 1

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
            ("orders_read", "Cancellations read from the control topic", counts.orders),
            ("control_ignored", "Records of the control topic that could not be read", counts.control_ignored),
            ("sends_failed", "Times everything unacknowledged was sent again", self._outbound.rounds_failed),
        ):
            yield CounterMetricFamily(f"jobstream_worker_{name}", text, value=value)
        outcomes = CounterMetricFamily("jobstream_worker_outcomes", "Outcomes acknowledged", labels=["event"])
        for event, count in counts.outcomes.items():
            outcomes.add_metric([event], count)
        yield outcomes
        finished = sum(counts.outcomes.values())
        events = CounterMetricFamily("jobstream_telemetry_events", "Telemetry events", labels=["event"])
        for told, count in {**self._events, Event.JOB_STARTED: counts.started, Event.JOB_FINISHED: finished}.items():
            events.add_metric([told.label], count)
        yield events
        for name, text, gauge in (
            ("running", "Handlers running", runner.active),
            ("concurrency", "Handlers that may run at once", runner.concurrency),
            ("waiting_for_key", "Jobs that wait for another of their key", runner.backlog.waiting_for_key),
            ("unacknowledged_outcomes", "Outcomes Kafka has not acknowledged", runner.unsettled),
            ("unacknowledged_records", "Records Kafka has not acknowledged", self._outbound.waiting),
            ("oldest_unacknowledged_seconds", "Age of the oldest of them", self._outbound.oldest_age()),
            ("partitions", "Partitions assigned", len(self._consumer.slots)),
        ):
            yield GaugeMetricFamily(f"jobstream_worker_{name}", text, value=gauge)
        loops = GaugeMetricFamily(
            "jobstream_loop_last_success_age_seconds", "Seconds since a loop last did its work", labels=["loop"]
        )
        for loop, age in self._ages().items():
            loops.add_metric([loop], age)
        yield loops
