"""Keys that other workers hold."""

from typing import Any

from jobstream.contracts.events import EventKind, Origin, StatusEvent
from jobstream.ids import new_id
from tests.unit.jobstream_worker.desk import PLACE, Desk


def event(desk: Desk, kind: EventKind, run_id: Any, **fields: Any) -> StatusEvent:
    made = {
        "event": kind,
        "id": new_id(),
        "run_id": run_id,
        "worker": "other",
        "at": desk.clock.now(),
        "type": "gated",
        "key": "k",
        "lease_s": 10.0 if kind.rank == 1 else None,
        "origin": Origin(topic=PLACE.topic, partition=PLACE.partition, offset=0),
    }
    return StatusEvent(**(made | fields))


async def test_a_key_waits_for_the_outcome_of_its_run_elsewhere(desk):
    run = new_id()
    desk.blocks.observe(event(desk, EventKind.RUNNING, run), (3, 50))
    assert desk.blocks.places(PLACE) == [(3, 50)]
    desk.direct(key="k", payload={"n": 1})
    desk.direct(key="k", payload={"n": 2})
    desk.direct(key="free", payload={"n": 3})
    await desk.settle()
    assert desk.gate.started == [3]
    desk.blocks.observe(event(desk, EventKind.HEARTBEAT, run), (3, 60))
    assert desk.blocks.places(PLACE) == [(3, 60)]
    desk.blocks.observe(event(desk, EventKind.COMPLETED, run), (3, 61))
    await desk.settle()
    assert desk.gate.started == [3, 1]
    assert desk.blocks.places(PLACE) == []


async def test_a_heartbeat_alone_shows_that_a_key_is_held(desk):
    """The successor's reading may begin after RUNNING."""
    desk.blocks.observe(event(desk, EventKind.HEARTBEAT, new_id()), (0, 1))
    desk.direct(key="k")
    await desk.settle()
    assert desk.gate.started == []


async def test_a_lease_that_passes_without_a_heartbeat_frees_the_key(desk):
    run = new_id()
    desk.blocks.observe(event(desk, EventKind.RUNNING, run), (0, 1))
    desk.direct(key="k")
    desk.clock.at += 9
    desk.blocks.observe(event(desk, EventKind.HEARTBEAT, run), (0, 2))
    desk.clock.at += 9
    assert not desk.blocks.expired(desk.clock.at)
    desk.clock.at += 1
    assert desk.blocks.expired(desk.clock.at)
    desk.blocks.expire(desk.clock.at)
    await desk.settle()
    assert len(desk.gate.started) == 1
    assert len(desk.blocks) == 0


async def test_our_own_runs_and_jobs_without_a_key_block_nothing(desk):
    desk.blocks.observe(event(desk, EventKind.RUNNING, new_id(), worker="me"), (0, 1))
    desk.blocks.observe(event(desk, EventKind.RUNNING, new_id(), key=None), (0, 2))
    assert len(desk.blocks) == 0


async def test_two_holders_must_both_end(desk):
    runs = [new_id(), new_id()]
    for run in runs:
        desk.blocks.observe(event(desk, EventKind.RUNNING, run), (0, 1))
    desk.direct(key="k")
    desk.blocks.observe(event(desk, EventKind.RELEASED, runs[0]), (0, 2))
    await desk.settle()
    assert desk.gate.started == []
    desk.blocks.observe(event(desk, EventKind.FAILED, runs[1]), (0, 3))
    await desk.settle()
    assert len(desk.gate.started) == 1


async def test_partitions_that_are_gone_take_their_blocks_along(desk):
    desk.blocks.observe(event(desk, EventKind.RUNNING, new_id()), (0, 1))
    desk.blocks.forget({PLACE})
    assert len(desk.blocks) == 0
    assert desk.runner.backlog.waiting == 0
