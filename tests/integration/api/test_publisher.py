"""Whole batches to Kafka: what stands where, and who is told of a failure."""

import asyncio
import secrets
from datetime import UTC, datetime

import pytest

from jobstream.contracts.headers import cloud_event
from jobstream.errors import BrokerUnavailable, RecordRefused
from jobstream.kafka.batches import Outgoing, partition_of
from jobstream.kafka.publisher import Publisher, failure
from tests.integration.api.doors import read_all

pytestmark = pytest.mark.integration


@pytest.fixture
async def publisher(space):
    publisher = Publisher(space.settings(), "test-publisher")
    yield publisher
    await publisher.stop()


def _keyed(number: int, key: bytes | None = None) -> Outgoing:
    return Outgoing(key or b"key-%d" % (number % 7), b"%d" % number, [])


async def _places(batches):
    """Partition and offset of every record, by its place among those given."""
    told = {}
    for batch in batches:
        acknowledged = await asyncio.wait_for(batch.acknowledgement, 20)
        assert acknowledged.partition == batch.partition
        for index, place in enumerate(batch.places):
            told[place] = (batch.partition, acknowledged.offset + index)
    return told


async def _failures(batches):
    """What became of each record: None where it stands."""
    told = {}
    for batch in batches:
        await asyncio.wait([batch.acknowledgement], timeout=40)
        error = batch.acknowledgement.exception()
        told |= dict.fromkeys(batch.places, None if error is None else failure(error))
    return told


async def test_every_record_stands_where_its_acknowledgement_says(space, publisher):
    topic = space.topics.jobs()
    head = cloud_event("job.created.v1", "an-id", "/jobstream/api", datetime.now(UTC), "a-subject")
    records = [Outgoing(b"key-%d" % (n % 50), b"%d" % n, head, n % 50 > 25) for n in range(2_000)]
    told = await _places(await publisher.send_many(topic, records))
    assert sorted(told) == list(range(2_000))
    stored = {(record.partition, record.offset): record for record in await read_all(space, topic, at_least=2_000)}
    assert len(stored) == 2_000
    for place, where in told.items():
        record = stored[where]
        assert (record.key, record.value) == records[place][:2]
        assert list(record.headers) == head
        assert where[0] == partition_of(records[place], 4)


async def test_order_holds_per_key_over_batches_calls_and_single_records(space, publisher):
    topic = space.topics.jobs()
    padding = secrets.token_hex(2_000).encode()  # several batches a call, since a batch takes 256 KiB
    number, waiting = 0, []
    for _ in range(4):
        calls = [Outgoing(b"one", b"%d %s" % (number + n, padding), []) for n in range(200)]
        batches = await publisher.send_many(topic, calls)
        assert len(batches) > 2
        waiting += [batch.acknowledgement for batch in batches]
        (alone,) = await publisher.send_many(topic, [Outgoing(b"one", b"%d " % (number + 200), [])])
        waiting.append(alone.acknowledgement)
        number += 201
    await asyncio.wait_for(asyncio.gather(*waiting), 30)
    records = await read_all(space, topic, at_least=number)
    assert [int(record.value.split()[0]) for record in records] == list(range(number))


async def test_a_record_larger_than_a_batch_is_a_batch_of_its_own(space, publisher):
    topic = space.topics.jobs()
    large = secrets.token_bytes(600_000)
    records = [_keyed(0, b"k"), Outgoing(b"k", large, []), _keyed(2, b"k")]
    told = await _places(await publisher.send_many(topic, records))
    assert [offset for _, offset in (told[0], told[1], told[2])] == [0, 1, 2]
    assert [record.value for record in await read_all(space, topic, at_least=3)] == [b"0", large, b"2"]


@pytest.mark.kafka_only
async def test_what_can_never_be_sent_fails_and_its_neighbours_go_on(space, publisher):
    topic = space.topics.jobs()
    records = [_keyed(0), Outgoing(None, None, []), Outgoing(b"k", bytes(5_000_000), []), _keyed(3)]
    told = await _failures(await publisher.send_many(topic, records))
    assert [told[0], told[3]] == [None, None]
    assert isinstance(told[1], RecordRefused)
    assert isinstance(told[2], RecordRefused)
    nowhere = await _failures(await publisher.send_many(space.topics.jobs("nowhere"), records[:1]))
    assert isinstance(nowhere[0], RecordRefused)


@pytest.mark.kafka_only
async def test_of_records_sent_apart_only_the_refused_one_fails_for_good(space, publisher):
    topic = space.topics.jobs()
    poison = Outgoing(b"k", secrets.token_bytes(3_000_000), [])  # the broker takes 1 MiB
    records = [_keyed(0, b"k"), poison, _keyed(2, b"k")]
    told = await _failures(await publisher.send_many(topic, records, apart=True))
    assert told[0] is None
    assert isinstance(told[1], RecordRefused)
    # Behind the gap that it left the producer is of no more use, and is replaced.
    assert told[2] is None or isinstance(told[2], BrokerUnavailable)
    assert await _failures(await publisher.send_many(topic, records[2:])) == {0: None}


async def test_without_a_broker_all_fail_and_none_is_refused(space):
    publisher = Publisher(space.settings(kafka_bootstrap_servers="127.0.0.1:1"), "test-publisher")
    told = await _failures(await publisher.send_many(space.topics.jobs(), [_keyed(0), _keyed(1)]))
    assert [type(told[0]), type(told[1])] == [BrokerUnavailable, BrokerUnavailable]
    await publisher.stop()
