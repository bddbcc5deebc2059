"""The Kafka parts under the worker: following a topic, sending until acknowledged, leaving nothing behind."""

import asyncio
from pathlib import Path

import pytest
from aiokafka.admin import NewPartitions

from jobstream.kafka.batches import Outgoing
from jobstream.kafka.clients import make_admin
from jobstream.kafka.follower import TopicFollower
from jobstream.kafka.outbound import Outbound
from jobstream_worker.app import build
from jobstream_worker.settings import WorkerSettings
from tests.support.eventually import eventually
from tests.support.space import HANDLERS


@pytest.fixture
async def stage(make_stage):
    return await make_stage(partitions=2)


async def read_to(follower, ends):
    values = []
    while not await follower.reached(ends):
        values += [record.value for record in await follower.read(0.2)]
    return values


async def test_a_follower_starts_at_the_end_and_reads_again_from_where_it_is_told(stage):
    topic = stage.topics.jobs()
    await stage.produce([b"1", b"2"], topic=topic, partition=0)
    await stage.produce([b"3"], topic=topic, partition=1)
    follower = TopicFollower(stage.worker_settings, "follower", topic)
    await follower.start()
    assert await follower.ends() == [2, 1]
    assert await follower.reached([2, 1])
    follower.rewind([1])
    assert sorted(await read_to(follower, [2, 1])) == [b"2", b"3"], "partitions it was not told of, from the beginning"
    await stage.produce([b"4"], topic=topic, partition=0)
    assert await read_to(follower, await follower.ends()) == [b"4"]
    follower.rest()
    await stage.produce([b"5"], topic=topic, partition=0)
    assert await read_to(follower, await follower.ends()) == [b"5"]
    await follower.stop()
    await follower.stop()


@pytest.mark.kafka_only
async def test_a_follower_reads_new_partitions_from_their_beginning(stage):
    topic = stage.topics.jobs()
    await stage.produce([b"old"], topic=topic, partition=0)
    follower = TopicFollower(stage.worker_settings, "follower", topic)
    await follower.start()
    admin = await make_admin(stage.worker_settings, "admin")
    await admin.create_partitions({topic: NewPartitions(3)})
    await admin.close()
    follower._consumer._client.force_metadata_update()

    async def seen():
        return len(await follower.ends()) == 3

    await eventually(seen)
    await eventually(lambda: stage.produce([b"new"], topic=topic, partition=2))
    assert await read_to(follower, [1, 0, 1]) == [b"new"]
    await follower.stop()


async def test_records_are_acknowledged_with_their_place_in_order_of_posting(stage):
    outbound = Outbound(stage.worker_settings, "outbound")
    acknowledged = []
    for n in range(300):
        outbound.post(
            stage.topics.jobs(),
            Outgoing(b"one key", b"%d" % n, []),
            lambda partition, offset, n=n: acknowledged.append((n, partition, offset)),
        )
    assert not await outbound.flush(0.1), "it is not running yet"
    await outbound.start()
    assert await outbound.flush(20)
    assert outbound.waiting == outbound.oldest_age() == 0
    assert [n for n, _, _ in acknowledged] == list(range(300))
    assert [offset for _, _, offset in acknowledged] == list(range(300))
    assert len({partition for _, partition, _ in acknowledged}) == 1
    await outbound.stop(5)


@pytest.mark.parametrize("servers", [None, "127.0.0.1:9"], ids=["with Kafka", "without Kafka"])
async def test_workers_that_stopped_leave_nothing_behind(stage, servers):
    """Tasks and open files are as many as after the first one; the stage has some of its own."""

    async def work_and_stop():
        settings = stage.settings(WorkerSettings, handlers=(HANDLERS,))
        worker = build(
            settings if servers is None else settings.model_copy(update={"kafka_bootstrap_servers": servers})
        )
        await worker.start()
        if servers is None:
            await eventually(lambda: worker.consumer.joined)
            done = len(stage.outcomes())
            for n in range(20):
                await stage.put("keyed", n=n)
            await stage.all_ended(done + 20)
        else:
            await eventually(lambda: worker.outbound.rounds_failed)
        await worker.stop(5.0)

    def kept():
        return len(asyncio.all_tasks()), len(list(Path("/proc/self/fd").iterdir()))

    await work_and_stop()
    before = kept()
    for _ in range(3):
        await work_and_stop()
    await eventually(
        lambda: all(now <= then for now, then in zip(kept(), before, strict=True)),
        timeout=5,
        what=f"{kept()} like {before}",
    )
