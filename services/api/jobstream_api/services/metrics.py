"""The api's metrics, derived from its telemetry events and, when asked, from its parts.

Labels are bounded: a job type counts under its own name only once a worker has announced it.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client import Histogram as OneHistogram
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from jobstream.contracts.status import JobStatus
from jobstream.telemetry import Event, subscribe
from jobstream_api.domain.schedules import FireStatus
from jobstream_api.services.histograms import Histogram
from jobstream_api.services.ingest import Endings
from jobstream_api.services.retention import KINDS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
UNKNOWN = "unknown"

_WAITS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200)
_RUNS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800, 7200)
_ATTEMPTS = (1, 2, 3, 4, 5, 10, 20, 50, 100)

Gauges = Callable[[], Mapping[str, Mapping[str, float]]]
"""Gauge name to values by label; see ``GAUGES``."""

GAUGES: dict[str, tuple[str, str]] = {
    "loop_last_success_age_seconds": ("loop", "Seconds since a loop last did its work"),
    "leader": ("", "1 while this process leads"),
    "waiters": ("", "Requests that wait for a job to end"),
    "relay_held_records": ("", "Records handed to the relay that are not yet published and deleted"),
    "database_connections": ("state", "Connections of the pool"),
    "outbox_records": ("", "Records that wait for Kafka; the leader knows"),
    "outbox_oldest_age_seconds": ("", "Age of the oldest of them; the leader knows"),
    "queue_lag_records": ("queue", "Records that no worker has started; the leader knows"),
    "oldest_waiting_age_seconds": ("", "Age of the oldest job that waits for its first run; the leader knows"),
    "applier_lag_records": ("", "Status events not applied yet; the leader knows"),
    "intake_lag_records": ("", "Job records not taken in yet; the leader knows"),
    "held_jobs": ("", "Jobs that wait for their time; the leader knows"),
}
"""Gauge name to (label, help). No label: one value, under the empty string."""


class Metrics(Collector):
    """Counts what telemetry tells from ``start`` to ``stop``.

    Args:
        known: tells whether a job type was announced.
        gauges: read at every scrape; must not wait.
    """

    def __init__(self, known: Callable[[str], bool], gauges: Gauges) -> None:
        self._known = known
        self._gauges = gauges
        self._end: Callable[[], None] | None = None
        self._registry = registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"jobstream_{name}", text, labels, registry=registry)

        # All from the beginning: a counter that appears with its first event has no rate at that event.
        events = counter("telemetry_events", "Telemetry events", "event")
        self._events = {event: events.labels(event.label) for event in Event}
        jobs = counter("jobs", "Jobs taken, by the door they came through", "door")
        self._taken = {door: jobs.labels(door) for door in ("http", "kafka", "schedule")}
        self._outcomes = counter("run_outcomes", "Runs that ended, by the state of the job after it", "type", "status")
        self._dropped = counter("events_superseded", "Status events that did not fit their rows any more")
        self._applied = counter("events_applied", "Status events that changed a row")
        self._dead = counter("dead_letters", "Records dead-lettered", "reason")
        self._published = counter("outbox_published", "Outbox records that Kafka acknowledged")
        self._dispatched = counter("jobs_dispatched", "Held jobs handed to Kafka")
        self._cancelled = counter("jobs_cancelled", "Jobs cancelled by request, or by the next tick of their schedule")
        self._expired = counter("jobs_expired", "Jobs that were failed since they had not started in time")
        self._rescued = counter("leases_expired", "Runs whose lease ran out")
        self._republished = counter("jobs_republished", "Jobs published again since nobody owed them")
        removed = counter("retention_removed", "What was forgotten since its retention is over", "kind")
        self._forgotten = {kind: removed.labels(kind) for kind in KINDS}
        fires = counter("schedule_fires", "Ticks of schedules, by what became of them", "status")
        self._fires = {status.value: fires.labels(status.value) for status in FireStatus}
        self._late = OneHistogram(
            "jobstream_schedule_lateness_seconds", "From tick to job", buckets=_WAITS, registry=registry
        )
        self._wait = Histogram("jobstream_start_latency_seconds", "From dispatch to start", "type", _WAITS)
        self._run = Histogram("jobstream_run_seconds", "From start to end", "type", _RUNS)
        self._attempts = Histogram("jobstream_attempts", "Attempts of jobs that ended", "type", _ATTEMPTS)
        registry.register(self)

    def start(self) -> None:
        """Begin to count."""
        if self._end is None:
            self._end = subscribe(self._note)

    def stop(self) -> None:
        """Count no more."""
        end, self._end = self._end, None
        if end is not None:
            end()

    def text(self) -> bytes:
        """All metrics in the text format of Prometheus."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Histograms, and the gauges as they are now."""
        for histogram in (self._wait, self._run, self._attempts):
            yield histogram.family()
        values = self._gauges()
        for name, (label, text) in GAUGES.items():
            family = GaugeMetricFamily(f"jobstream_{name}", text, labels=[label] if label else [])
            for value_of, value in values.get(name, {}).items():
                family.add_metric([value_of] if label else [], value)
            yield family

    def _note(self, event: Event, fields: dict[str, Any]) -> None:
        self._events[event].inc()
        match event:
            case Event.JOBS_SUBMITTED:
                self._taken[fields["door"]].inc(fields["count"])
            case Event.JOBS_TAKEN_IN:
                self._taken["kafka"].inc(fields["count"])
            case Event.SCHEDULES_FIRED:
                self._fires[fields["status"]].inc(fields["count"])
                for late_s in fields["late_s"]:
                    self._late.observe(max(late_s, 0.0))
            case Event.EVENTS_APPLIED:
                self._applied.inc(fields["count"])
                for (job_type, status), endings in fields["ended"].items():
                    self._note_ends(job_type, status, endings)
            case Event.EVENT_DROPPED:
                self._dropped.inc(fields["count"])
            case Event.DEAD_LETTERED:
                self._dead.labels(fields["reason"]).inc()
            case Event.OUTBOX_PUBLISHED:
                self._published.inc(fields["count"])
            case Event.JOBS_DISPATCHED:
                self._dispatched.inc(fields["count"])
            case Event.JOBS_CANCELLED:
                self._cancelled.inc(fields["count"])
            case Event.JOBS_EXPIRED:
                self._expired.inc(fields["count"])
            case Event.RUNS_RESCUED:
                self._rescued.inc(fields["count"])
            case Event.RETENTION_SWEPT:
                for kind, count in fields["removed"].items():
                    self._forgotten[kind].inc(count)
            case Event.JOBS_REPUBLISHED:
                self._republished.inc(fields["count"])

    def _note_ends(self, job_type: str, status: JobStatus, endings: Endings) -> None:
        label = job_type if self._known(job_type) else UNKNOWN
        self._outcomes.labels(label, status.value).inc(len(endings.attempts))
        self._wait.observe(label, endings.waits)
        self._run.observe(label, endings.runs)
        if status.terminal:
            self._attempts.observe(label, endings.attempts)
