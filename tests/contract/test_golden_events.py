"""Events as they stand on topics today. What was written must be read for ever.

A golden file is never changed: a new shape gets a new file beside it.
"""

from pathlib import Path
from types import SimpleNamespace

import orjson
import pytest

from jobstream.contracts import limits
from jobstream.contracts.events import StatusEvent, TypeAnnouncement, WorkerEvent, read_status
from jobstream.contracts.headers import ORIGIN_HEADER
from jobstream.contracts.jobs import Job, read_job
from jobstream.contracts.topics import Topics

GOLDEN = Path(__file__).parent / "golden"


def read(name: str) -> object:
    return limits.parse_json((GOLDEN / name).read_bytes())


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("job.*.v1*.json")), ids=lambda path: path.stem)
def test_status_events_read_and_write_the_same(path):
    document = read(path.name)
    event = read_status(document)
    assert isinstance(event, StatusEvent)
    assert orjson.loads(event.to_json()) == document
    assert dict(event.headers())["ce_type"] == f"job.{event.event.value}.v1".encode()


@pytest.mark.parametrize("path", sorted(GOLDEN.glob("worker.*.v1.json")), ids=lambda path: path.stem)
def test_worker_events_read_and_write_the_same(path):
    document = read(path.name)
    event = read_status(document)
    assert isinstance(event, WorkerEvent)
    assert orjson.loads(event.to_json()) == document


def test_type_announcement_reads_and_writes_the_same():
    document = read("type-announcement.v1.json")
    assert orjson.loads(TypeAnnouncement.read(document).to_json()) == document


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
    job = read_job(record, Topics(""))
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
    job = read_job(record, Topics(""))
    again = read_job(record, Topics(""))
    assert job == again
    assert (job.type, job.queue, job.direct, job.attempt, job.dispatch) == ("example", "default", True, 1, 1)
    # The id of the least record is derived from its place: this one, on every reading, for ever.
    if name == "direct-least.json":
        assert str(job.id) == (GOLDEN / "direct-least.id").read_text().strip()
