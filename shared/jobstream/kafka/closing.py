"""Closing clients in bounded time, with nothing of theirs left running.

aiokafka's own ``stop`` waits for brokers without end: a producer flushes, a consumer looks for its
coordinator. With the brokers gone, what is left is cut off here.
"""

import asyncio
from typing import Any, TypeAlias

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

AnyClient: TypeAlias = AIOKafkaAdminClient | AIOKafkaConsumer | AIOKafkaProducer


async def close_client(client: AnyClient, deadline_s: float) -> None:
    """Close a client of any kind, as below. Never raises."""
    match client:
        case AIOKafkaProducer():
            await close_producer(client, deadline_s)
        case AIOKafkaConsumer():
            await close_consumer(client, deadline_s)
        case _:
            await _stopped(client.close(), deadline_s)


async def close_producer(producer: AIOKafkaProducer, deadline_s: float) -> None:
    """Flush and close; after ``deadline_s`` seconds drop what is unsent. Never raises."""
    if await _stopped(producer.stop(), deadline_s):
        return
    sender = producer._sender.sender_task
    await _cut(sender)
    await _stopped(producer.client.close(), 1.0)


async def close_consumer(consumer: AIOKafkaConsumer, deadline_s: float) -> None:
    """Leave the group and close; after ``deadline_s`` seconds the group finds out by itself. Never raises."""
    if await _stopped(consumer.stop(), deadline_s):
        return
    coordinator, fetcher = consumer._coordinator, consumer._fetcher
    for name in ("_coordination_task", "_heartbeat_task", "_commit_refresh_task", "_reset_committed_task"):
        await _cut(getattr(coordinator, name, None))
    if fetcher is not None:
        await _stopped(fetcher.close(), 1.0)
    await _stopped(consumer._client.close(), 1.0)


async def _stopped(closing: Any, deadline_s: float) -> bool:
    try:
        async with asyncio.timeout(deadline_s):
            await closing
    except TimeoutError:
        return False
    except Exception:  # a client that fails while closing is closed
        return True
    return True


async def _cut(task: asyncio.Task[Any] | None) -> None:
    if task is not None and not task.done():
        task.cancel()
        await asyncio.wait([task], timeout=1.0)
