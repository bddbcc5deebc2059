"""What /metrics shows of runs that ended."""

from datetime import UTC, datetime, timedelta

import pytest

from jobstream.contracts.events import EventKind, StatusEvent
from jobstream.contracts.status import JobStatus
from jobstream.ids import new_id
from jobstream.telemetry import Event, emit
from jobstream_api.services.histograms import Histogram
from jobstream_api.services.ingest import Effects
from jobstream_api.services.metrics import Metrics

AT = datetime(2026, 1, 1, tzinfo=UTC)


def outcome(
    job_type: str, *, started_s: float | None = 0.0, run_s: float | None = 0.002, attempt: int = 1
) -> StatusEvent:
    started = None if started_s is None else AT + timedelta(seconds=started_s)
    return StatusEvent(
        event=EventKind.COMPLETED,
        id=new_id(),
        attempt=attempt,
        run_id=new_id(),
        worker="w",
        at=AT,
        type=job_type,
        started_at=started,
        finished_at=None if started is None or run_s is None else started + timedelta(seconds=run_s),
    )


@pytest.fixture
def metrics():
    metrics = Metrics(lambda job_type: job_type == "email", lambda: {})
    metrics.start()
    yield metrics
    metrics.stop()


def shown(metrics: Metrics) -> dict[str, float]:
    lines = [line for line in metrics.text().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_every_run_counts_with_its_wait_and_its_time(metrics):
    effects = Effects()
    effects.end(outcome("email", started_s=0.004), JobStatus.COMPLETED, AT)
    effects.end(outcome("email", started_s=0.2, run_s=20.0, attempt=3), JobStatus.COMPLETED, AT)
    effects.end(outcome("email", run_s=None), JobStatus.RETRYING, AT)
    emit(Event.EVENTS_APPLIED, count=3, ended=effects.ended)
    figures = shown(metrics)
    assert figures['jobstream_run_outcomes_total{status="COMPLETED",type="email"}'] == 2
    assert figures['jobstream_run_outcomes_total{status="RETRYING",type="email"}'] == 1
    assert figures['jobstream_start_latency_seconds_bucket{le="0.005",type="email"}'] == 2
    assert figures['jobstream_start_latency_seconds_bucket{le="0.25",type="email"}'] == 3
    assert figures['jobstream_start_latency_seconds_count{type="email"}'] == 3
    assert figures['jobstream_start_latency_seconds_sum{type="email"}'] == pytest.approx(0.204)
    assert figures['jobstream_run_seconds_bucket{le="10.0",type="email"}'] == 1
    assert figures['jobstream_run_seconds_bucket{le="+Inf",type="email"}'] == 2
    # An attempt that is followed by another is no end of a job.
    assert figures['jobstream_attempts_count{type="email"}'] == 2
    assert figures['jobstream_attempts_sum{type="email"}'] == 4


def test_a_type_that_nobody_announced_counts_as_unknown(metrics):
    effects = Effects()
    effects.end(outcome("whatever-somebody-sent"), JobStatus.COMPLETED, None)
    emit(Event.EVENTS_APPLIED, count=1, ended=effects.ended)
    figures = shown(metrics)
    assert figures['jobstream_run_outcomes_total{status="COMPLETED",type="unknown"}'] == 1
    assert not any("whatever" in name for name in figures)


def test_a_start_before_its_dispatch_waited_for_nothing_and_no_start_has_no_time():
    effects = Effects()
    effects.end(outcome("email", started_s=-1.0), JobStatus.COMPLETED, AT)
    effects.end(outcome("email", started_s=None), JobStatus.COMPLETED, AT)
    endings = effects.ended["email", "COMPLETED"]
    assert (endings.attempts, endings.waits, len(endings.runs)) == ([1, 1], [0.0], 1)


def test_a_value_on_a_bound_is_within_it():
    histogram = Histogram("h", "text", "type", (1, 2))
    histogram.observe("a", [1, 2, 3])
    [*buckets, count, total] = histogram.family().samples
    assert [(sample.labels["le"], sample.value) for sample in buckets] == [("1.0", 1), ("2.0", 2), ("+Inf", 3)]
    assert (count.value, total.value) == (3, 6)
