from datetime import UTC, datetime, timedelta
from uuid import UUID

from jobstream.contracts.status import JobStatus
from jobstream.ids import id_floor, idempotent_id
from jobstream_api.domain.retention import Retention

NOW = datetime(2026, 10, 1, tzinfo=UTC)


def job_id(age_s: float) -> UUID:
    return UUID(int=id_floor(NOW - timedelta(seconds=age_s)).int | 7 << 76 | 1 << 63)


def test_zero_is_for_ever_and_only_what_has_ended_is_over():
    kept = Retention(completed_s=10)
    assert kept.of_jobs == {"COMPLETED": 10}
    assert kept.of(JobStatus.FAILED) is None
    assert kept.of(JobStatus.RUNNING) is None


def test_the_soonest_is_what_a_walk_looks_for():
    assert Retention().soonest_s is None
    assert Retention(completed_s=10, failed_s=5).soonest_s == 5
    assert Retention(completed_s=10, results_s=2).soonest_s == 2


def test_a_job_may_be_gone_once_it_is_older_than_the_shortest_time():
    kept = Retention(completed_s=10, failed_s=50, results_s=2)
    assert kept.may_be_gone(job_id(11), NOW)
    assert not kept.may_be_gone(job_id(9), NOW)
    assert not kept.may_be_gone(idempotent_id("topic", "key"), NOW)
    assert not Retention(results_s=2).may_be_gone(job_id(1e6), NOW)
