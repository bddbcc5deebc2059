"""What cancellations, gates and pauses do to the work that a worker has."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from jobstream.contracts.control import CancelOrder, Gates
from jobstream.ids import new_id
from jobstream.kafka.group import TopicPartition
from tests.unit.jobstream_worker.desk import PLACE, Desk

LOW = TopicPartition("jobs.created.low", 0)


def cancel(desk: Desk, job_id: UUID, dispatch: int = 1, reason: str | None = None) -> None:
    order = CancelOrder(id=job_id, dispatch=dispatch, at=desk.clock.now(), reason=reason)
    desk.control.obey([order], None)


def shut(desk: Desk, version: int = 1, **fields: Any) -> None:
    desk.control.obey([], Gates(version=version, at=desk.clock.now(), **fields))


async def test_a_running_handler_is_told_to_stop_and_its_job_is_reported_as_cancelled(desk):
    job_id = new_id()
    desk.from_api(id=job_id)
    desk.from_api()
    await desk.settle()
    cancel(desk, job_id, reason="wrong customer")
    await desk.settle()
    event = desk.outbound.events()[0]
    assert (event.event, event.id, event.error.message) == ("cancelled", job_id, "wrong customer")
    assert [context.cancelled for context in desk.gate.contexts] == [True, False]
    assert desk.runner.active == 1
    desk.outbound.acknowledge()
    assert desk.slot.tracker.low_water == 1


@pytest.mark.parametrize("key", [None, "k"])
async def test_queued_work_is_cancelled_without_running_and_its_offset_is_done(key):
    desk = Desk(concurrency=1)
    ids = [new_id() for _ in range(4)]
    for n, job_id in enumerate(ids):
        desk.from_api(id=job_id, key=key, payload={"n": n})
    await desk.settle()
    cancel(desk, ids[2])
    cancel(desk, ids[1])
    assert desk.kinds() == ["cancelled", "cancelled"]
    desk.gate.open.set()
    for _ in ids:
        await desk.settle()
        desk.outbound.acknowledge()
    assert desk.gate.started == [0, 3]
    assert desk.slot.tracker.low_water == 4
    assert len(desk.runner.backlog) == 0
    await desk.runner.abandon()


async def test_what_waits_for_its_lease_does_not_begin(desk):
    job_id = new_id()
    desk.from_api(id=job_id, dispatch=2)
    await desk.settle()
    assert desk.kinds() == ["running"]
    cancel(desk, job_id, dispatch=2, reason="no")
    desk.outbound.acknowledge()
    await desk.settle()
    event = desk.outbound.events()[-1]
    assert (event.event, event.error.message) == ("cancelled", "no")
    assert desk.gate.started == []


async def test_a_cancelled_job_that_comes_later_does_not_start_and_its_next_dispatch_does(desk):
    job_id = new_id()
    cancel(desk, job_id, dispatch=2)
    for dispatch in (1, 2, 3):
        desk.from_api(id=job_id, type="instant", dispatch=dispatch, payload={"n": dispatch})
    await desk.settle()
    desk.outbound.acknowledge()
    await desk.settle()
    assert desk.gate.started == [3]
    assert desk.kinds() == ["cancelled", "cancelled", "running", "completed"]
    desk.outbound.acknowledge()
    assert desk.slot.tracker.low_water == 3


async def test_an_order_for_an_earlier_dispatch_leaves_a_run_alone(desk):
    job_id = new_id()
    desk.from_api(id=job_id, dispatch=2)
    await desk.settle()
    desk.outbound.acknowledge()
    await desk.settle()
    cancel(desk, job_id, dispatch=1)
    await desk.settle()
    assert not desk.gate.contexts[0].cancelled


async def test_a_job_of_a_gated_type_without_a_permit_is_handed_back_whole_if_direct(desk):
    shut(desk, types=["instant"])
    desk.direct(type="instant", payload={"n": 1})
    desk.from_api(type="instant", payload={"n": 2})
    desk.from_api(type="instant", payload={"n": 3}, permit=True)
    await desk.settle()
    direct, api, permitted = desk.outbound.events()
    assert [(event.event, event.reason, event.delay_s) for event in (direct, api)] == [("deferred", "gated", 0)] * 2
    assert direct.job.payload == {"n": 1}
    assert api.job is None
    assert permitted.event == "completed"
    assert desk.gate.started == [3]
    desk.outbound.acknowledge()
    assert desk.slot.tracker.low_water == 3


async def test_queued_work_of_a_managed_queue_is_handed_back_when_its_gate_shuts():
    desk = Desk(concurrency=1)
    for n in range(4):
        desk.from_api(payload={"n": n}, queue="slow", key="k" if n > 1 else None, permit=n == 3)
    await desk.settle()
    shut(desk, managed=["slow"])
    assert [(event.event, event.reason) for event in desk.outbound.events()] == [("deferred", "gated")] * 2
    desk.gate.open.set()
    await desk.settle()
    assert desk.gate.started == [0, 3], "what runs goes on, and a permit is a permit"
    await desk.runner.abandon()


async def test_queued_work_of_a_type_that_is_paused_goes_back_though_it_has_a_permit():
    desk = Desk(concurrency=1)
    for n in range(3):
        desk.from_api(permit=True, payload={"n": n})
    await desk.settle()
    shut(desk, types=["gated"], paused_types=["gated"])
    assert [(event.event, event.reason) for event in desk.outbound.events()] == [("deferred", "gated")] * 2
    desk.gate.open.set()
    await desk.settle()
    assert desk.gate.started == [0]
    await desk.runner.abandon()


@pytest.mark.parametrize("again", [{}, {"attempt": 2}])
async def test_work_that_is_too_late_for_its_permit_is_handed_back(desk, again):
    desk.from_api(permit=True, start_by=desk.clock.now() - timedelta(seconds=1), **again)
    desk.from_api(permit=True, start_by=desk.clock.now() + timedelta(seconds=1), payload={"n": 1})
    await desk.settle()
    assert [(event.event, event.reason, event.delay_s) for event in desk.outbound.events()] == [("deferred", "late", 0)]
    assert desk.gate.started == [1]
    desk.outbound.acknowledge()
    assert desk.slot.tracker.low_water == 1
    assert desk.runner.active == 1


async def test_of_a_permit_that_another_worker_had_it_is_not_said_that_it_was_not_used(desk):
    slot = desk.open_slot(suspect=1)
    past = desk.clock.now() - timedelta(seconds=1)
    desk.from_api(slot, offset=0, permit=True, start_by=past)
    desk.from_api(slot, offset=1, permit=True, start_by=past, payload={"n": 1})
    await desk.settle()
    assert sorted(event.reason for event in desk.outbound.events()) == ["late", "stale"]
    assert desk.gate.started == []


async def test_a_permit_that_ends_while_the_lease_is_on_its_way_is_too_late_as_well(desk):
    desk.from_api(permit=True, start_by=desk.clock.now() + timedelta(seconds=1), attempt=2)
    await desk.settle()
    desk.clock.at += 2
    desk.outbound.acknowledge()
    await desk.settle()
    assert [(event.event, event.reason) for event in desk.outbound.events()] == [
        ("running", None),
        ("deferred", "late"),
    ]
    assert desk.gate.started == []


async def test_queued_work_of_a_paused_queue_waits_while_others_start(desk):
    low = desk.open_slot(place=LOW)
    desk.runner.hold(True)
    for n in range(3):
        desk.from_api(low, offset=n, type="instant", queue="low", payload={"n": f"low {n}"})
    shut(desk, paused=["low"])
    desk.runner.hold(False)
    desk.from_api(low, offset=3, type="instant", queue="low", payload={"n": "low 3"})
    desk.from_api(type="instant", payload={"n": 1})
    await desk.settle()
    assert desk.gate.started == [1]
    assert desk.kinds() == ["completed"], "it is not handed back"
    assert desk.control.paused == {LOW.topic}
    shut(desk, version=2)
    await desk.settle()
    assert desk.gate.started == [1, *(f"low {n}" for n in range(4))]
    assert desk.control.paused == frozenset()


async def test_a_paused_queue_that_is_taken_from_us_leaves_nothing_behind(desk):
    low = desk.open_slot(place=LOW)
    shut(desk, paused=["low"])
    for n in range(3):
        desk.from_api(low, offset=n, queue="low", key="k" if n else None)
    desk.runner.withdraw({low})
    shut(desk, version=2)
    await desk.settle()
    assert desk.gate.started == []
    assert (len(desk.runner.backlog), desk.runner.backlog.ready, desk.ledger.active) == (0, 0, {})


async def test_whoever_polls_is_told_of_the_end_of_the_topic_and_of_new_gates_only(desk):
    told = []
    desk.control.changed = lambda: told.append((desk.control.known, desk.control.paused))
    desk.control.caught_up()
    desk.control.caught_up()
    shut(desk, paused=["default"])
    shut(desk, paused=["default"])
    assert told == [(True, frozenset()), (True, {PLACE.topic})]
