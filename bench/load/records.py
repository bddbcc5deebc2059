"""Direct records, written to the job topic in batches of the client's own making: a microsecond or two each."""

import asyncio

from bench.load import EXAMPLE, Load
from jobstream.contracts.topics import Topics
from jobstream.kafka.clients import make_producer
from jobstream.settings import Settings

BATCH = 500
_ROOM_S = 300.0


async def write_records(settings: Settings, jobs: int, value: bytes = EXAMPLE) -> Load:
    """Write ``jobs`` records, spread over all partitions; returns once Kafka has them on all in-sync replicas."""
    topic = Topics(settings.topic_prefix).jobs()
    producer = make_producer(settings, "bench")
    load = Load(by="aiokafka")
    async with asyncio.timeout(_ROOM_S):
        await producer.start()
        try:
            partitions = sorted(await producer.partitions_for(topic))
            acknowledged = []
            for number, start in enumerate(range(0, jobs, BATCH)):
                batch = producer.create_batch()
                for _ in range(min(BATCH, jobs - start)):
                    batch.append(key=None, value=value, timestamp=None)
                batch.close()
                partition = partitions[number % len(partitions)]
                acknowledged.append(await producer.send_batch(batch, topic, partition=partition))
            await asyncio.gather(*acknowledged)
        finally:
            await producer.stop()
    return load
