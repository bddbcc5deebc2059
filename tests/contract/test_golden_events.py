"""Events as they stand on topics today. What was written must be read for ever.

A golden file is never changed: a new shape gets a new file beside it.
"""

from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest

from jobstream.contracts import limits
from jobstream.contracts.events import EventKind, StatusEvent, TypeAnnouncement, WorkerEvent, read_status
from jobstream.contracts.headers import ORIGIN_HEADER
from jobstream.contracts.jobs import Job, read_job
from jobstream.contracts.topics import Topics
from jobstream.handlers.declare import spec_of
from jobstream.handlers.outcomes import Cancelled, Completed, Failed, Released, Snoozed
from jobstream.kafka.group import TopicPartition
from jobstream_worker.examples import example as examples
from jobstream_worker.reports import Report, Reports
from jobstream_worker.run import Run
from jobstream_worker.slots import Slot
from jobstream_worker.work import Work

GOLDEN = Path(__file__).parent / "golden"
WRITTEN = [
    "job.running.v1.json",
    "job.heartbeat.v1.json",
    "job.completed.v1.json",
    "job.completed.v1.direct.json",
    "job.failed.v1.json",
    "job.snoozed.v1.json",
    "job.deferred.v1.reason.json",
    "job.cancelled.v1.reason.json",
    "job.released.v1.finished.json",
]
"""What workers write today, by kind; the others are older shapes."""


def read(name: str) -> object:
    return limits.parse_json((GOLDEN / name).read_bytes())


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("job.*.v1*.json")), ids=lambda path: path.stem)
def test_all_of_a_status_event_is_read(path):
    document = read(path.name)
    event = read_status(document)
    assert isinstance(event, StatusEvent)
    assert orjson.loads(event.model_dump_json(exclude_unset=True).replace('Z"', '+00:00"')) == document


@pytest.mark.parametrize("name", WRITTEN)
def test_workers_write_status_events_as_they_stand(name):
    document = read(name)
    report = written(read_status(document))
    assert report.record.value is not None
    assert orjson.loads(report.record.value) == document
    assert report.record.key == document["id"].encode()
    headers = dict(report.record.headers)
    assert headers["ce_type"] == f"job.{document['event']}.v1".encode()
    assert headers["ce_source"] == b"/jobstream/worker/host-1-abc"
    assert headers["ce_subject"] == report.record.key
    assert datetime.fromisoformat(headers["ce_time"].decode()) == datetime.fromisoformat(document["at"])
    assert headers["ce_id"].startswith(f"{document['run_id']}:{document['event']}:".encode())


def written(event: StatusEvent) -> Report:
    """What a worker writes of work that this event speaks of."""
    assert event.origin is not None
    job = event.job or Job(
        id=event.id, type=event.type, queue="default", key=event.key, payload={}, created_at=event.at
    )
    slot = Slot(TopicPartition(event.origin.topic, event.origin.partition), lambda: None)
    work = Work(job, None, slot, event.origin.offset, size=0, announce_first=False)
    work.run_id = str(event.run_id)
    work.started_at = event.started_at
    if event.progress is not None:
        spec = spec_of(examples.example)
        assert spec is not None
        work.run = Run(job, spec, work.run_id, event.at, 0.0)
        work.run.progressed(event.progress, event.progress_text)
    reports = Reports(event.worker, 30.0, SimpleNamespace(now=lambda: event.at, monotonic=lambda: 0.0))
    match event.event:
        case EventKind.RUNNING:
            return reports.running(work)
        case EventKind.HEARTBEAT:
            return reports.heartbeat(work)
        case EventKind.DEFERRED:
            assert event.delay_s is not None
            assert event.reason is not None
            return reports.deferred(work, event.reason, event.at + timedelta(seconds=event.delay_s))
        case EventKind.COMPLETED:
            return reports.outcome(work, Completed(orjson.dumps(event.result)))
        case EventKind.FAILED:
            assert event.error is not None
            return reports.outcome(work, Failed(event.error, event.retryable, event.delay_s))
        case EventKind.SNOOZED:
            assert event.delay_s is not None
            return reports.outcome(work, Snoozed(event.delay_s))
        case EventKind.CANCELLED:
            assert event.error is not None
            return reports.outcome(work, Cancelled(event.error.message))
        case EventKind.RELEASED:
            return reports.outcome(work, Released())


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("worker.*.v1.json")), ids=lambda path: path.stem)
def test_worker_events_read_and_write_the_same(path):
    document = read(path.name)
    event = read_status(document)
    assert isinstance(event, WorkerEvent)
    assert orjson.loads(event.to_json()) == document


def test_type_announcement_reads_and_writes_the_same():
    document = read("type-announcement.v1.limits.json")
    assert orjson.loads(TypeAnnouncement.read(document).to_json()) == document


def test_an_announcement_from_before_limits_declares_none():
    document = read("type-announcement.v1.json")
    assert orjson.loads(TypeAnnouncement.read(document).to_json()) == document | {"limits": [], "strict_order": False}


def test_job_record_reads_and_writes_the_same():
    raw = (GOLDEN / "created.v1.json").read_bytes()
    record = SimpleNamespace(
        topic="jobs.created.high",
        partition=3,
        offset=9,
        timestamp=0,
        key=b"customer-7",
        value=raw,
        headers=[(ORIGIN_HEADER, b"api")],
    )
    job = read_job(record, Topics(""), 1_790_000_000_000)
    assert isinstance(job, Job)
    assert not job.direct
    assert orjson.loads(job.to_json()) == orjson.loads(raw)


@pytest.mark.parametrize("name", ["direct-least.json", "direct-full.json"])
def test_direct_records_are_jobs(name):
    record = SimpleNamespace(
        topic="jobs.created",
        partition=1,
        offset=42,
        timestamp=1_790_000_000_000,
        key=None,
        value=(GOLDEN / name).read_bytes(),
        headers=[],
    )
    job = read_job(record, Topics(""), 1_790_000_000_000)
    again = read_job(record, Topics(""), 1_790_000_000_000)
    assert job == again
    assert (job.type, job.queue, job.direct, job.attempt, job.dispatch) == ("example", "default", True, 1, 1)
    # The id of the least record is derived from its place: this one, on every reading, for ever.
    if name == "direct-least.json":
        assert str(job.id) == (GOLDEN / "direct-least.id").read_text().strip()
