"""What a consumer does when partitions are taken from it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable

import pytest

from jobstream.contracts.control import Gates
from jobstream.contracts.topics import Topics
from jobstream.kafka.group import TopicPartition
from jobstream_worker.committer import Committer
from jobstream_worker.consumer import POLL_S, Consumer
from jobstream_worker.settings import WorkerSettings
from jobstream_worker.status_watch import StatusWatch
from jobstream_worker.takeover import Takeover
from tests.support.eventually import eventually
from tests.unit.jobstream_worker.desk import PLACE, Desk, Record


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


class StandIn:
    """A group that has records, as far as polling goes."""

    def __init__(self, consumer: Consumer, records: dict[TopicPartition, list[Record]]) -> None:
        self._consumer = consumer
        self.records = records
        self.polls: list[tuple[set[str], float]] = []
        self.rested = asyncio.Event()

    async def start(self) -> None: ...

    async def keep_alive(self) -> None:
        self.rested.set()

    async def poll(self, partitions: list[TopicPartition], *, max_records: int, timeout_s: float) -> dict:
        self.polls.append(({place.topic for place in partitions}, timeout_s))
        await asyncio.sleep(0)
        found = {}
        for place in partitions:
            if max_records and self.records.get(place):
                found[place] = self.records[place][:max_records]
                self.records[place] = self.records[place][max_records:]
                max_records -= len(found[place])
        if not found:
            await asyncio.sleep(min(timeout_s, 0.01))
        return found

    async def bounds(self, partitions: set[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        return dict.fromkeys(partitions, (0, 10000))

    async def positions(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)


LOW = TopicPartition("jobs.created.low", 0)


@pytest.fixture
async def polling(desk: Desk, consumer: Consumer) -> AsyncIterator[StandIn]:
    """Polls of `default` and `low`; `low` has a backlog of jobs that do not end."""
    consumer.slots[LOW] = desk.open_slot(place=LOW)
    consumer._topics.append(LOW.topic)
    value = b'{"type": "gated", "payload": {}}'
    group = StandIn(consumer, {LOW: [Record(value, offset, LOW.topic) for offset in range(500)], PLACE: []})
    consumer._group = group  # type: ignore[assignment]
    desk.runner.room_made = consumer.wake
    task = asyncio.create_task(consumer._poll(group))  # type: ignore[arg-type]
    yield group
    consumer.stopping.set()
    consumer.wake()
    await task


async def test_no_record_is_taken_before_the_control_topic_was_read(desk, consumer, polling):
    async with asyncio.timeout(2):
        await polling.rested.wait()
    assert polling.polls == []
    desk.control.caught_up()
    consumer.wake()
    await eventually(lambda: len(desk.gate.started) == 10)


async def test_a_queue_that_is_full_leaves_the_others_their_room(desk, consumer, polling):
    desk.control.caught_up()
    consumer.wake()
    await eventually(lambda: len(desk.gate.started) == 10)
    await eventually(lambda: polling.polls[-1] == ({PLACE.topic}, 0.0), timeout=2)
    polling.records[PLACE].append(Record(b'{"type": "instant", "payload": {"n": 1}}', 0))
    began = time.monotonic()
    await eventually(lambda: desk.runner.backlog.line(PLACE.topic).ready, timeout=2, every=0.01)
    assert time.monotonic() - began < 0.5
    desk.gate.open.set()
    await desk.settle()
    assert 1 in desk.gate.started


async def test_a_full_queue_is_not_asked_for_more_all_the_time(desk, consumer, polling):
    desk.control.caught_up()
    consumer.wake()
    await eventually(lambda: polling.polls and polling.polls[-1] == ({PLACE.topic}, 0.0))
    before = len(polling.polls)
    for _ in range(200):
        consumer.wake()
        await asyncio.sleep(0)
    assert len(polling.polls) - before <= 2, "an idle queue costs a look now and then"


async def test_a_paused_queue_is_not_polled_and_not_taken_for_a_stuck_consumer(desk, consumer, polling):
    desk.control.obey([], Gates(version=1, at=desk.clock.now(), paused=["low"]))
    desk.control.caught_up()
    consumer.wake()
    await eventually(lambda: len(polling.polls) > 3)
    assert {(frozenset(topics), timeout) for topics, timeout in polling.polls} == {(frozenset({PLACE.topic}), POLL_S)}
    consumer.slots.pop(PLACE)
    assert not await consumer.behind()
    desk.control.obey([], Gates(version=2, at=desk.clock.now()))
    assert await consumer.behind()
