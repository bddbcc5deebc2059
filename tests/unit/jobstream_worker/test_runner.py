"""What starts when, what is said of it, and when an offset is done."""

import asyncio
from datetime import timedelta

import pytest

from jobstream.contracts.events import EventKind
from jobstream.kafka.group import TopicPartition
from jobstream.telemetry import Event, subscribe
from jobstream_worker.room import MAX_UNSETTLED, MAX_UNSETTLED_BYTES
from jobstream_worker.runner import TURN_S
from tests.unit.jobstream_worker.desk import PLACE, Desk


async def test_an_offset_is_done_when_the_outcome_is_acknowledged_and_not_before(desk):
    desk.direct(type="instant")
    await desk.settle()
    assert desk.kinds() == ["completed"]
    assert desk.slot.tracker.low_water == 0
    desk.outbound.acknowledge()
    assert desk.slot.tracker.low_water == 1


async def test_an_offset_is_done_when_running_is_acknowledged_though_the_handler_goes_on(desk):
    desk.direct()
    await desk.settle()
    desk.clock.at += 0.11
    desk.leases.sweep()
    assert desk.kinds() == ["running"]
    assert desk.slot.tracker.low_water == 0
    desk.outbound.acknowledge()
    assert desk.slot.tracker.low_water == 1
    assert desk.runner.active == 1


async def test_a_run_that_ends_within_100_ms_is_not_announced(desk):
    desk.direct()
    await desk.settle()
    desk.clock.at += 0.09
    desk.leases.sweep()
    desk.gate.open.set()
    await desk.settle()
    desk.clock.at += 1
    desk.leases.sweep()
    assert desk.kinds() == ["completed"]


async def test_records_that_may_be_a_repeat_start_only_once_running_is_acknowledged(desk):
    slot = desk.open_slot(suspect=2)
    for offset in range(3):
        desk.direct(slot, offset=offset, payload={"n": offset})
    await desk.settle()
    assert desk.kinds() == ["running", "running"]
    assert desk.gate.started == [2]
    desk.outbound.acknowledge()
    await desk.settle()
    assert desk.gate.started == [2, 0, 1]


@pytest.mark.parametrize("again", [{"attempt": 2}, {"dispatch": 2}])
async def test_every_later_attempt_or_dispatch_starts_only_once_running_is_acknowledged(desk, again):
    desk.from_api(**again)
    await desk.settle()
    assert desk.gate.started == []
    assert desk.kinds() == ["running"]
    desk.outbound.acknowledge()
    await desk.settle()
    assert len(desk.gate.started) == 1


async def test_no_more_than_the_concurrency_runs_and_little_more_is_taken():
    desk = Desk(concurrency=3)
    assert desk.runner.room(PLACE.topic) == 7
    for n in range(7):
        desk.direct(payload={"n": n})
    await desk.settle()
    assert desk.gate.started == [0, 1, 2]
    assert desk.runner.room(PLACE.topic) == 0
    desk.gate.open.set()
    await desk.settle()
    assert desk.gate.started == [0, 1, 2, 3, 4, 5, 6]
    await desk.runner.abandon()


async def test_outcomes_that_kafka_does_not_acknowledge_hold_further_records_back():
    desk = Desk(concurrency=1)
    for n in range(MAX_UNSETTLED):
        desk.direct(type="instant", payload={"n": n})
    await desk.settle()
    assert desk.runner.unsettled == MAX_UNSETTLED
    assert desk.runner.room(PLACE.topic) == 0, "so memory stays bounded while Kafka is away"
    desk.outbound.acknowledge()
    assert desk.runner.room(PLACE.topic) > 0


async def test_large_outcomes_that_kafka_does_not_acknowledge_hold_further_records_back_sooner(desk):
    assert desk.runner.room(PLACE.topic) > 0
    desk.outbound.waiting_bytes = MAX_UNSETTLED_BYTES
    assert desk.runner.room(PLACE.topic) == 0


async def test_jobs_of_one_key_run_one_after_another_and_others_go_past(desk):
    for n in range(3):
        desk.direct(key="k", payload={"n": n})
    desk.direct(key="other", payload={"n": 10})
    desk.direct(payload={"n": 11})
    await desk.settle()
    assert desk.gate.started == [0, 10, 11]
    desk.gate.open.set()
    await desk.settle()
    assert desk.gate.started == [0, 10, 11], "the next waits until the outcome before it stands"
    for n in (1, 2):
        desk.outbound.acknowledge()
        await desk.settle()
        assert desk.gate.started == [0, 10, 11, *range(1, n + 1)]


async def test_the_same_key_on_another_topic_is_another_lane(desk):
    desk.direct(key="k")
    desk.direct(desk.open_slot(place=TopicPartition("jobs.created.high", 0)), offset=0, key="k")
    await desk.settle()
    assert len(desk.gate.started) == 2


async def test_a_redelivered_record_joins_the_run_that_goes_on(desk):
    desk.from_api(id="01890000-0000-7000-8000-000000000001")
    await desk.settle()
    again = desk.open_slot()
    desk.from_api(again, offset=0, id="01890000-0000-7000-8000-000000000001")
    await desk.settle()
    assert len(desk.gate.started) == 1
    assert again.tracker.low_water == 0
    desk.clock.at += 0.2
    desk.leases.sweep()
    desk.outbound.acknowledge()
    assert again.tracker.low_water == 1
    later = desk.open_slot()
    desk.from_api(later, offset=0, id="01890000-0000-7000-8000-000000000001")
    assert later.tracker.low_water == 1, "its lease stands already"


async def test_a_record_whose_work_is_finished_is_done_at_once(desk):
    for _ in range(2):
        desk.from_api(type="instant", id="01890000-0000-7000-8000-000000000001")
        await desk.settle()
        desk.outbound.acknowledge()
    assert len(desk.gate.started) == 1
    assert desk.slot.tracker.low_water == 2
    assert desk.counts.repeats == 1


async def test_withdrawing_drops_what_is_queued_and_leaves_what_runs():
    desk = Desk(concurrency=1)
    for n in range(4):
        desk.direct(key="k" if n else None, payload={"n": n})
    await desk.settle()
    assert desk.gate.started == [0]
    assert [work.job.payload["n"] for work in desk.runner.without_fact({desk.slot})] == [0]
    desk.runner.withdraw({desk.slot})
    assert len(desk.ledger.active) == 1
    assert len(desk.runner.backlog) == desk.runner.backlog.waiting_bytes == 0
    desk.gate.open.set()
    await desk.settle()
    desk.outbound.acknowledge()
    await desk.settle()
    assert desk.gate.started == [0]
    again = desk.open_slot()
    for n in range(4):
        desk.direct(again, offset=n, key="k" if n else None, payload={"n": n})
    await desk.settle()
    assert desk.gate.started == [0, 1], "they come again, in order"
    await desk.runner.abandon()


async def test_a_revoked_partition_is_not_marked_any_more(desk):
    desk.direct()
    await desk.settle()
    desk.slot.live = False
    desk.gate.open.set()
    await desk.settle()
    assert desk.kinds() == ["completed"]
    desk.outbound.acknowledge()
    assert desk.slot.tracker.low_water == 0


async def test_released_work_is_handed_back_whether_it_had_begun_or_not():
    desk = Desk(concurrency=5)
    desk.direct(payload={"n": 0})
    desk.from_api(payload={"n": 1}, attempt=2)
    await desk.settle()
    desk.runner.close()
    assert desk.runner.room(PLACE.topic) == 0
    desk.runner.release()
    desk.outbound.acknowledge()
    await desk.settle()
    assert desk.gate.started == [0], "what waited for its lease does not begin any more"
    assert desk.kinds() == ["running", "released", "released"]
    await desk.runner.finished()


async def test_the_first_event_of_a_direct_job_carries_it_whole_and_every_event_its_origin(desk):
    desk.direct(payload={"n": 1}, tags=["a"])
    desk.from_api(payload={"n": 2})
    await desk.settle()
    desk.clock.at += 0.2
    desk.leases.sweep()
    desk.gate.open.set()
    await desk.settle()
    direct, api, direct_end, api_end = desk.outbound.events()
    assert direct.job.payload == {"n": 1}
    assert direct.job.tags == ["a"]
    assert direct.job.direct
    assert (direct_end.job, api.job, api_end.job) == (None, None, None)
    assert [event.origin.offset for event in (direct, api, direct_end, api_end)] == [0, 1, 0, 1]
    assert direct_end.result == {"n": 1}


async def test_a_broken_report_ends_the_run_all_the_same(desk, monkeypatch):
    """A run without an outcome would hold its partition up for ever."""
    outcome = desk.reports.outcome
    broken = iter([True])

    def once_broken(work, result):
        if next(broken, False):
            raise ValueError("cannot be said")
        return outcome(work, result)

    monkeypatch.setattr(desk.reports, "outcome", once_broken)
    desk.direct(type="instant")
    await desk.settle()
    assert desk.kinds() == ["failed"]
    desk.outbound.acknowledge()
    assert desk.slot.tracker.low_water == 1


async def test_one_task_runs_what_ends_at_once_and_what_waits_keeps_a_task_to_itself(desk):
    for n in range(5):
        desk.direct(type="tells_task", payload={"n": n})
    await desk.settle()
    assert len(set(map(id, desk.gate.tasks))) == 1
    for n in range(3):
        desk.direct(payload={"n": n})
    desk.direct(type="tells_task")
    await desk.settle()
    assert len({*map(id, desk.gate.waiting), id(desk.gate.tasks[-1])}) == 4
    await desk.runner.abandon()


async def test_a_context_variable_set_by_one_run_is_unseen_by_the_next(desk):
    for n in range(3):
        desk.direct(type="sets_variable", payload={"n": n})
    await desk.settle()
    assert desk.gate.started == [None, None, None]
    desk.outbound.acknowledge()
    assert desk.counts.outcomes == {"completed": 3}


async def test_a_run_keeps_its_context_over_its_waits(desk):
    for n in range(2):
        desk.direct(type="keeps_variable", payload={"n": n})
    await desk.settle()
    desk.gate.open.set()
    await desk.settle()
    assert [event.result for event in desk.outbound.events()] == [0, 1]


async def test_a_flood_of_small_jobs_leaves_the_loop_its_turns():
    """Heartbeats, polls and acknowledges go on however much work there is."""
    desk = Desk(concurrency=10_000)
    count = 3_000
    for _ in range(count):
        desk.direct(type="takes_time", payload={"clock": TURN_S / 10})
    turns = 0
    while len(desk.gate.started) < count:
        before = len(desk.gate.started)
        await asyncio.sleep(0)
        assert len(desk.gate.started) - before <= 11
        turns += 1
    assert turns >= count / 11


async def test_a_job_that_cancels_its_own_task_and_ends_takes_no_other_with_it(desk):
    desk.direct(type="cancels_itself")
    for n in range(3):
        desk.direct(type="instant", payload={"n": n})
    await desk.settle()
    assert desk.gate.started == [0, 1, 2]
    assert desk.kinds() == ["completed"] * 4


async def test_a_timer_that_a_small_job_left_behind_costs_the_next_one_in_its_task_a_try_at_most(desk):
    desk.direct(type="leaves_a_timer")
    desk.direct(payload={"n": 1})
    await desk.settle()
    assert desk.kinds() == ["completed"]
    assert desk.gate.started == [1]
    desk.gate.timers[0].cancel()
    desk.gate.tasks[0].cancel()
    await desk.settle()
    event = desk.outbound.events()[-1]
    assert (event.event.value, event.retryable, event.error.type) == (
        "failed",
        True,
        "asyncio.exceptions.CancelledError",
    )
    assert desk.runner.active == 0


async def test_what_is_held_before_its_task_has_begun_does_not_start(desk):
    """What is queued may not be ours any more."""
    desk.direct(type="instant", payload={"n": 1})
    desk.runner.hold(True)
    await desk.settle()
    assert desk.gate.started == []
    desk.runner.hold(False)
    await desk.settle()
    assert desk.gate.started == [1]


async def test_a_freeze_ends_the_turn_and_nothing_starts_before_it_is_looked_into(desk):
    frozen_at = desk.clock.at + 30
    desk.runner.stood_still = lambda now: now > frozen_at
    desk.direct(type="takes_time", payload={"clock": 60.0})
    desk.direct(type="instant", payload={"n": 1})
    await desk.settle()
    assert len(desk.gate.started) == 1
    desk.runner.stood_still = lambda _now: False
    desk.runner.hold(False)
    await desk.settle()
    assert len(desk.gate.started) == 2


async def test_a_failed_attempt_is_told_of_and_a_completed_one_only_to_who_asks(desk):
    told = []
    quiet = frozenset({Event.JOB_STARTED, Event.JOB_FINISHED})
    end = subscribe(lambda event, fields: told.append((event, fields.get("code"))), deaf_to=quiet)
    try:
        desk.direct(type="instant")
        desk.direct(type="nobody")
        await desk.settle()
        desk.outbound.acknowledge()
        assert told == [(Event.JOB_FAILED, "unknown_type")]
    finally:
        end()


async def test_a_job_that_is_late_to_start_is_failed_and_not_begun(desk):
    now = desk.clock.now()
    desk.from_api(type="instant", payload={"n": "late"}, start_before=now - timedelta(seconds=1))
    desk.from_api(type="instant", payload={"n": "in time"}, start_before=now + timedelta(seconds=1))
    await desk.settle()
    assert desk.gate.started == ["in time"]
    late = desk.outbound.events()[0]
    assert (late.event, late.retryable, late.started_at) == (EventKind.FAILED, False, None)
    assert late.error is not None
    assert (late.error.code, late.error.message) == (
        "deadline_exceeded",
        f"it had not started by {now - timedelta(seconds=1):%Y-%m-%dT%H:%M:%SZ}",
    )
    desk.outbound.acknowledge()
    assert desk.slot.tracker.low_water == 2
