"""A reader of whole topics: every partition from its beginning, outside any group.

For topics that every process reads for itself, like the compacted one of job types.
"""

import asyncio
from typing import Any

from aiokafka import AIOKafkaConsumer

from jobstream.errors import BrokerUnavailable
from jobstream.kafka.clients import make_consumer
from jobstream.settings import Settings

_START_TIMEOUT_S = 20.0
_STOP_TIMEOUT_S = 5.0


class Follower:
    """Reads a topic from the beginning and then on. Sees partitions that are added later."""

    def __init__(self, settings: Settings, client_id: str, topic: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._topic = topic
        self._consumer: AIOKafkaConsumer | None = None

    async def start(self) -> None:
        """Begin at the beginning.

        Raises:
            BrokerUnavailable: no broker answers, or the topic does not exist.
        """
        await self.stop()
        consumer = make_consumer(self._settings, self._client_id, group_id=None)
        self._consumer = consumer
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                consumer.subscribe([self._topic])
                await consumer.start()
        except Exception as error:
            await self.stop()
            raise BrokerUnavailable(f"cannot follow {self._topic}: {error!r}") from error

    async def stop(self) -> None:
        """Close the connections; may be called at any time."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            stop = asyncio.create_task(consumer.stop(), name=f"stop following {self._topic}")
            await asyncio.wait([stop], timeout=_STOP_TIMEOUT_S)
            if not stop.done():
                stop.cancel()
                await asyncio.wait([stop], timeout=1.0)
            elif not stop.cancelled():
                stop.exception()

    async def poll(self, max_records: int, timeout_s: float) -> list[Any]:
        """The next records, at most ``max_records``; empty after ``timeout_s``.

        Raises:
            BrokerUnavailable: the reader cannot go on; start it anew.
        """
        assert self._consumer is not None, "Follower.start() comes first"
        try:
            polled = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        except Exception as error:
            raise BrokerUnavailable(f"following {self._topic}: {error!r}") from error
        return [record for records in polled.values() for record in records]
