"""Records that are no jobs, or no jobs for now."""

from datetime import UTC, datetime, timedelta

from jobstream.contracts.events import EventKind
from tests.support.eventually import eventually
from tests.support.poison import POISON


async def test_poison_of_every_kind_does_not_hold_up_the_next_good_record(make_stage):
    stage = await make_stage(partitions=1)
    worker = await stage.start_worker()
    for n, poison in enumerate(POISON):
        await stage.produce([poison.body], key=b"k")
        await stage.put("keyed", n=n)
    await stage.all_ended(len(POISON), 10)
    await stage.lag_is_zero(5)
    assert worker.exit_code is None
    assert {event.event for event in stage.events} == {EventKind.COMPLETED}, "poison is intake's to report"


async def test_a_type_without_a_handler_fails_at_once_and_for_good(make_stage):
    stage = await make_stage()
    await stage.start_worker()
    await stage.put("nobody.has.this")
    event = (await eventually(lambda: stage.of_kind(EventKind.FAILED)))[0]
    assert event.error.code == "unknown_type"
    assert event.retryable is False
    assert event.job is not None
    assert "keyed" in event.error.message
    await stage.lag_is_zero()


async def test_a_direct_job_ahead_of_its_time_is_handed_back(make_stage):
    stage = await make_stage()
    await stage.start_worker()
    at = datetime.now(UTC) + timedelta(hours=1)
    await stage.produce([{"type": "instant", "payload": {}, "run_at": at.isoformat()}])
    event = (await eventually(lambda: stage.of_kind(EventKind.DEFERRED)))[0]
    assert 3500 < event.delay_s < 3600
    assert event.job is not None
    await stage.lag_is_zero()
    assert stage.starts() == []


async def test_a_record_delivered_ten_times_runs_once(make_stage):
    stage = await make_stage(partitions=1)
    await stage.start_worker()
    record = {"type": "keyed", "payload": {"n": 1, "seconds": 0.5}, "id": "00000000-0000-7000-8000-000000000001"}
    await stage.produce([record] * 5)
    await stage.all_ended(1)
    await stage.produce([record] * 5)
    await stage.lag_is_zero()
    assert len(stage.starts()) == 1
    await stage.all_ended(1)


async def test_a_failed_attempt_says_why_and_when_to_try_again(make_stage):
    stage = await make_stage()
    await stage.start_worker()
    await stage.put("asks_again", after=7)
    event = (await eventually(lambda: stage.of_kind(EventKind.FAILED)))[0]
    assert event.retryable
    assert event.delay_s == 7
    assert event.error.message == "later, please"
