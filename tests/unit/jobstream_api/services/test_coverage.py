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
