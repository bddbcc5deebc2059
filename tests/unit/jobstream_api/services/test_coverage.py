"""What the intake tells the applier of the rows it has made."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from jobstream.contracts.events import Origin
from jobstream.contracts.jobs import Job
from jobstream.ids import record_id
from jobstream_api.services.coverage import Coverage
from jobstream_api.services.ingest import Effects
from tests.unit.jobstream_api.services.intakes import lone_intake

TOPIC = "jobs.created"
AT = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = (TOPIC, 3)


def job_at(offset: int, **fields: object) -> tuple[Job, Origin]:
    made = {"id": record_id(TOPIC, 3, offset, int(AT.timestamp() * 1000)), "type": "example", "queue": "default"}
    job = Job.read(made | {"payload": {}, "created_at": AT, "direct": True} | fields)
    return job, Origin(topic=TOPIC, partition=3, offset=offset)


@pytest.fixture
def coverage() -> Coverage:
    return Coverage()


def test_what_was_never_read_is_not_known(coverage: Coverage):
    assert not coverage.has(*job_at(5))


def test_stretches_that_follow_each_other_are_one(coverage: Coverage):
    coverage.extend(PLACE, range(5, 10))
    coverage.extend(PLACE, range(10, 12))
    assert [offset for offset in range(20) if coverage.has(*job_at(offset))] == list(range(5, 12))


@pytest.mark.parametrize("then", [range(13, 20), range(2, 7)], ids=["a gap", "read again"])
def test_a_stretch_that_does_not_follow_begins_anew(coverage: Coverage, then: range):
    """What lies in a gap was read by nobody here."""
    coverage.extend(PLACE, range(5, 10))
    coverage.extend(PLACE, then)
    assert [offset for offset in range(30) if coverage.has(*job_at(offset))] == list(then)


def test_an_id_that_the_sender_chose_is_always_looked_up(coverage: Coverage):
    """It may be another job's, and then its events are not that job's."""
    coverage.extend(PLACE, range(0, 10))
    assert not coverage.has(*job_at(5, id=uuid4()))
    assert not coverage.has(job_at(6)[0], job_at(5)[1])


def test_nothing_is_known_of_another_partition(coverage: Coverage):
    coverage.extend((TOPIC, 4), range(0, 10))
    assert not coverage.has(*job_at(5))


def test_what_was_completed_ahead_of_the_intake_is_known_once(coverage: Coverage):
    coverage.take_completed(PLACE, 4)
    for offset in (7, 5):
        coverage.complete(*job_at(offset))
    assert [offset for offset in range(5, 9) if coverage.take_completed(PLACE, offset)] == [5, 7]
    assert not coverage.take_completed(PLACE, 5)  # read again: it is looked up


def test_what_nobody_will_ask_for_is_not_kept(coverage: Coverage):
    coverage.complete(*job_at(5))  # nobody reads this partition here
    coverage.take_completed(PLACE, 6)
    coverage.complete(*job_at(6))  # it was read just now
    coverage.complete(*job_at(7, id=uuid4()))
    coverage.complete(job_at(8)[0], job_at(9)[1])
    coverage.complete(*job_at(10))
    coverage.clear()
    assert not any(coverage.take_completed(PLACE, offset) for offset in range(20))


def test_a_partition_that_the_intake_has_left_does_not_fill_the_memory(
    coverage: Coverage, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("jobstream_api.services.coverage._MOST", 10)
    coverage.take_completed(PLACE, 0)
    for offset in range(1, 30):
        coverage.complete(*job_at(offset))
    assert not any(coverage.take_completed(PLACE, offset) for offset in range(1, 30))


def test_it_is_busy_for_a_moment_after_many_direct_jobs_ended(coverage: Coverage):
    coverage.applied(99, now=10.0)
    assert not coverage.busy(10.0)
    coverage.applied(100, now=10.0)
    assert [coverage.busy(now) for now in (10.0, 10.2, 10.3)] == [True, True, False]


async def test_the_intake_tells_of_a_batch_only_if_every_record_of_it_has_a_row(coverage: Coverage):
    intake = lone_intake(coverage=coverage)
    intake.committed(Effects({PLACE: range(0, 5)}))
    assert coverage.has(*job_at(4))
    buried = Effects({PLACE: range(5, 8)})
    buried.count("buried")
    intake.committed(buried)
    assert not any(coverage.has(*job_at(offset)) for offset in range(10))
    intake.committed(Effects({PLACE: range(8, 9)}))
    assert [offset for offset in range(10) if coverage.has(*job_at(offset))] == [8]
