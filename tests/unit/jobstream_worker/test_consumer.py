"""What a consumer does when partitions are taken from it."""

import asyncio

import pytest

from jobstream.contracts.topics import Topics
from jobstream_worker.committer import Committer
from jobstream_worker.consumer import Consumer
from jobstream_worker.settings import WorkerSettings
from jobstream_worker.status_watch import StatusWatch
from jobstream_worker.takeover import Takeover
from tests.unit.jobstream_worker.desk import PLACE, Desk


@pytest.fixture
async def consumer(desk: Desk) -> Consumer:
    """A consumer that has ``desk.slot``, and no connection."""
    settings = WorkerSettings(_env_file=None)
    watch = StatusWatch(settings, "me", Topics("").status, desk.publisher, desk.blocks, desk.counts)
    slots = {PLACE: desk.slot}
    return Consumer(
        settings,
        "me",
        [PLACE.topic],
        slots,
        admission=desk.admission,
        runner=desk.runner,
        control=desk.control,
        committer=Committer(slots, desk.publisher, desk.ledger, desk.blocks, desk.counts, desk.clock),
        takeover=Takeover(watch, desk.ledger),
        watch=watch,
        counts=desk.counts,
    )


async def test_a_partition_is_given_up_only_once_every_run_of_it_has_a_durable_fact(desk, consumer):
    desk.direct(payload={"n": 0})
    desk.direct(type="instant", payload={"n": 1})
    await desk.settle()
    giving_up = asyncio.create_task(consumer.revoked([PLACE]))
    await desk.settle()
    assert desk.kinds() == ["completed", "running"]
    assert not giving_up.done()
    assert desk.slot.live
    desk.outbound.acknowledge()
    await desk.settle()
    assert giving_up.done()
    assert not desk.slot.live
    assert desk.slot.tracker.low_water == 2
    assert consumer.slots == {}
    assert desk.runner.active == 1, "the handler goes on"


async def test_a_broker_that_does_not_acknowledge_holds_a_rebalance_up_for_a_while_only(desk, consumer):
    consumer.revoke_budget_s = 0.05
    desk.direct()
    await desk.settle()
    async with asyncio.timeout(2):
        await consumer.revoked([PLACE])
    assert desk.slot.tracker.low_water == 0
    assert consumer.slots == {}


async def test_with_nothing_running_a_partition_is_given_up_at_once(desk, consumer):
    desk.direct(type="instant")
    await desk.settle()
    desk.outbound.acknowledge()
    async with asyncio.timeout(0.5):
        await consumer.revoked([PLACE])
    assert desk.kinds() == ["completed"]
