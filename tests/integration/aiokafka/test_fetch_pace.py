"""A consumer whose fetches are held for long is woken by the first record all the same."""

import asyncio
import time

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from jobstream.kafka.pace import FetchPace
from tests.support.eventually import eventually

pytestmark = pytest.mark.kafka_only

HELD_S = 8.0
SOON_S = 2.0


@pytest.fixture
async def producer(bare):
    producer = AIOKafkaProducer(bootstrap_servers=bare.servers)
    await producer.start()
    yield producer
    await producer.stop()


@pytest.fixture
async def topic(bare):
    return await bare.topic(partitions=3)


@pytest.fixture
async def paced(bare, topic):
    """A consumer, and its pace: every fetch may be held for long that is not made short."""
    consumer = await bare.consumer(topic)
    pace = FetchPace(consumer, int(HELD_S * 1000), quiet_ms=int(HELD_S * 1000))
    pace.start()
    return consumer, pace


async def take(paced, *places):
    """The values of the next records, and the seconds that they took."""
    consumer, pace = paced
    began = time.monotonic()
    polled = await consumer.getmany(*places, timeout_ms=int(HELD_S * 2000))
    pace.read()
    return [record.value for records in polled.values() for record in records], time.monotonic() - began


async def under_way(paced):
    """Wait until the next fetch is under way."""
    consumer, _ = paced
    fetches = consumer._fetcher._pending_tasks
    await eventually(lambda: any(not fetch.done() for fetch in fetches), every=0.01)


async def test_records_that_are_taken_at_once_come_at_once(paced, producer, topic):
    await producer.send_and_wait(topic, b"first", partition=0)
    await take(paced)  # joins the group
    for number in range(9):
        value = str(number).encode()
        taking = asyncio.create_task(take(paced))
        if number % 3 == 0:  # the others at once
            await under_way(paced)
        await producer.send_and_wait(topic, value, partition=number % 3)
        values, seconds = await taking
        assert values == [value]
        assert seconds < SOON_S


async def test_what_follows_records_that_were_taken_late_does_not_wait_for_the_fetch_of_the_others(
    paced, producer, topic
):
    late, other = TopicPartition(topic, 0), TopicPartition(topic, 1)
    await producer.send_and_wait(topic, b"late", partition=0)
    await producer.send_and_wait(topic, b"other", partition=1)
    assert (await take(paced, other))[0] == [b"other"]
    await under_way(paced)  # without the partition whose record waits
    assert (await take(paced, late))[0] == [b"late"]
    await producer.send_and_wait(topic, b"next", partition=0)
    values, seconds = await take(paced)
    assert values == [b"next"]
    assert seconds < SOON_S
