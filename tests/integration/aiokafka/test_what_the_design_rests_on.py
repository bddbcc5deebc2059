"""Behaviours of aiokafka 0.14 that settings and code are built around. One that changes is to be thought about."""

import asyncio
import time

import pytest
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor
from aiokafka.protocol.group import JoinGroupRequest

from tests.support.eventually import eventually

pytestmark = pytest.mark.kafka_only


class Listener(ConsumerRebalanceListener):
    """Counts what it is told, and takes its time for it."""

    def __init__(self, slow_s: float = 0.0) -> None:
        self.revoked = 0
        self.assigned = 0
        self.slow_s = slow_s

    async def on_partitions_revoked(self, revoked):
        self.revoked += 1
        await asyncio.sleep(self.slow_s)

    async def on_partitions_assigned(self, assigned):
        self.assigned += 1


async def taken(consumer, number, timeout=15.0):
    """The values of the next ``number`` records."""
    values = []
    until = time.monotonic() + timeout
    while len(values) < number and time.monotonic() < until:
        for records in (await consumer.getmany(timeout_ms=200)).values():
            values += [record.value for record in records]
    return values


async def test_a_raising_deserializer_blocks_its_partition_and_withholds_good_records_before_it(bare):
    topic = await bare.topic()
    await bare.write(topic, b"1", b"poison", b"2")
    consumer = await bare.consumer(topic, value_deserializer=int)
    seen, errors = [], 0
    for _ in range(8):
        try:
            seen += [
                record.value for records in (await consumer.getmany(timeout_ms=500)).values() for record in records
            ]
        except ValueError:
            errors += 1
    assert errors >= 2, "it raises again and again"
    assert seen == [], "the good record before it is lost, the one after it never reached"


async def test_kept_partitions_restart_at_the_committed_offset_after_a_rebalance(bare):
    topic = await bare.topic(partitions=2)
    await bare.write(topic, b"a", b"b", b"c", partition=0)
    await bare.write(topic, b"a", b"b", b"c", partition=1)
    first = await bare.consumer(topic)
    assert len(await taken(first, 6)) == 6
    before = first.assignment()
    for partition in before:
        await first.commit({partition: 1})
    polling = asyncio.create_task(taken(first, 2))
    second = await bare.consumer(topic)
    again = await polling
    assert len(first.assignment()) == len(second.assignment()) == 1
    assert first.assignment() < before, "one of the two it had"
    assert again == [b"b", b"c"], "two records that it had been given before"


async def test_stop_does_not_call_the_revoke_listener(bare):
    topic = await bare.topic()
    listener = Listener()
    consumer = await bare.consumer(topic, listener=listener)
    await eventually(lambda: listener.assigned == 1)
    before = listener.revoked
    await consumer.stop()
    assert listener.revoked == before


async def test_a_cancelled_getmany_disables_the_guard_against_slow_polling_for_good(bare):
    topic = await bare.topic()
    other = await bare.topic()
    quick = {"max_poll_interval_ms": 1500, "heartbeat_interval_ms": 300}
    sound = await bare.consumer(topic, **quick)
    spoilt = await bare.consumer(other, group_id=f"{bare.group}-spoilt", **quick)
    await sound.getmany(timeout_ms=10)
    cancelled = asyncio.create_task(spoilt.getmany(timeout_ms=60_000))
    await eventually(lambda: spoilt._subscription._fetch_count == 1, timeout=5)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled
    await spoilt.getmany(timeout_ms=10)
    # Neither polls any more: the one leaves the group, as it should, the other stays for ever.
    await eventually(lambda: sound._coordinator.generation < 0, timeout=8)
    assert spoilt._coordinator.generation > 0
    assert spoilt._subscription.fetcher_idle_time == 0


async def test_getmany_can_outlast_its_timeout_by_a_whole_rebalance(bare):
    topic = await bare.topic(partitions=2)
    quick = {"heartbeat_interval_ms": 200}
    first = await bare.consumer(topic, listener=Listener(), **quick)
    slow = Listener(slow_s=2.0)
    second = asyncio.create_task(bare.consumer(topic, listener=slow, **quick))
    longest = 0.0
    # The second joins; then the first polls while the second gives its partitions up slowly for a third.
    while not second.done():
        await first.getmany(timeout_ms=100)
    third = asyncio.create_task(bare.consumer(topic, **quick))
    while not third.done():
        began = time.monotonic()
        await first.getmany(timeout_ms=100)
        longest = max(longest, time.monotonic() - began)
    assert longest > 1.0
    await third
    await second


async def test_one_join_group_is_sent_per_listed_assignor(bare):
    topic = await bare.topic()

    async def joins(*assignors):
        group = f"{bare.group}-{len(assignors)}"
        consumer = await bare.consumer(topic, group_id=group, partition_assignment_strategy=assignors)
        sent = []
        send = consumer._client.send

        async def counting(node_id, request, **options):
            if isinstance(request, JoinGroupRequest):
                sent.append(request)
            return await send(node_id, request, **options)

        consumer._client.send = counting
        consumer._coordinator.request_rejoin()
        generation = consumer._coordinator.generation
        await eventually(lambda: consumer._coordinator.generation > generation and consumer.assignment())
        return len(sent)

    assert await joins(StickyPartitionAssignor) == 1
    assert await joins(StickyPartitionAssignor, RoundRobinPartitionAssignor) == 2


async def test_auto_commit_commits_positions_and_not_finished_work(bare):
    topic = await bare.topic()
    await bare.write(topic, b"1", b"2", b"3")
    consumer = await bare.consumer(topic, enable_auto_commit=True, auto_commit_interval_ms=100)
    assert len(await taken(consumer, 3)) == 3
    # Nothing was done with the three records, and yet:
    place = TopicPartition(topic, 0)

    async def committed():
        return await consumer.committed(place) == 3

    await eventually(committed, timeout=5)


async def test_latest_skips_records_that_were_written_to_a_new_partition_before_it_was_seen(bare):
    topic = await bare.topic(partitions=1)

    async def found(reset):
        consumer = await bare.consumer(
            topic, group_id=f"{bare.group}-{reset}", auto_offset_reset=reset, metadata_max_age_ms=500
        )
        await taken(consumer, 1, timeout=1.0)
        return consumer

    latest, earliest = await found("latest"), await found("earliest")
    await bare.grow(topic, 2)
    await bare.write(topic, b"written at once", partition=1)
    assert await taken(earliest, 1) == [b"written at once"]
    await eventually(lambda: len(latest.assignment()) == 2)
    assert await taken(latest, 1, timeout=3.0) == []


async def test_a_consumer_that_leaves_by_itself_forgets_its_generation_and_kafka_would_take_its_commits(bare):
    """In a group that is empty by then; so a commit asks for the generation first."""
    topic = await bare.topic()
    await bare.write(topic, b"1", b"2")
    consumer = await bare.consumer(topic, max_poll_interval_ms=1000, heartbeat_interval_ms=200)
    await taken(consumer, 2)
    await eventually(lambda: consumer._coordinator.generation == -1, timeout=8)
    place = TopicPartition(topic, 0)
    await consumer.commit({place: 1})
    assert await consumer.committed(place) == 1


async def test_the_commit_of_a_note_comes_back_with_the_offset(bare):
    topic = await bare.topic()
    consumer = await bare.consumer(topic)
    place = TopicPartition(topic, 0)
    await consumer.commit({place: (0, "a note")})
    found = await consumer._coordinator.fetch_committed_offsets([place])
    assert (found[place].offset, found[place].metadata) == (0, "a note")
