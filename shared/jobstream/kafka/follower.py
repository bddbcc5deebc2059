"""Reads the tail of a topic outside any group: from offsets it is told, to ends that it reads."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from jobstream.errors import BrokerUnavailable
from jobstream.kafka.clients import make_consumer, start_client
from jobstream.kafka.closing import close_consumer
from jobstream.kafka.pace import FetchPace
from jobstream.settings import Settings

_ANSWER_S = 10.0


class TopicFollower:
    """One topic, all its partitions. Rests, fetching nothing, until ``read`` is called.

    Every method raises BrokerUnavailable where Kafka does not answer in time; the follower is then
    to be stopped, and a new one made.

    Args:
        patient: for a quiet topic of one partition, which then costs next to nothing: an empty fetch is held ten times
            as long as elsewhere. With more partitions, what comes to one waits while the fetch of the others is held.
    """

    def __init__(self, settings: Settings, client_id: str, topic: str, *, patient: bool = False) -> None:
        self.topic = topic
        self._settings = settings
        wait_ms = settings.kafka_fetch_max_wait_ms
        self._hold_ms = held_longer_ms(wait_ms) if patient else wait_ms
        self._client_id = client_id
        self._consumer: AIOKafkaConsumer = None
        self._partitions: list[TopicPartition] = []

    async def start(self) -> None:
        """Connect, and stand at the end of the topic."""
        consumer = make_consumer(self._settings, self._client_id, group_id=None)
        self._consumer = consumer
        try:
            async with asyncio.timeout(_ANSWER_S):
                await start_client(consumer)
                FetchPace(consumer, self._hold_ms, quiet_ms=self._hold_ms).start()
                first = TopicPartition(self.topic, 0)
                consumer.assign([first])
                await consumer.end_offsets([first])  # waits until the topic's partitions are known
        except (KafkaError, TimeoutError, OSError) as error:
            await self.stop()
            raise BrokerUnavailable(f"cannot follow {self.topic}: {error!r}") from error
        ends = await self.ends()
        for partition, end in zip(self._partitions, ends, strict=True):
            consumer.seek(partition, end)

    async def stop(self, deadline_s: float = 5.0) -> None:
        """Close. May be called any number of times."""
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await close_consumer(consumer, deadline_s)

    async def ends(self) -> list[int]:
        """The log end of each partition, in order."""
        await self._take_new_partitions()
        try:
            async with asyncio.timeout(_ANSWER_S):
                found = await self._consumer.end_offsets(self._partitions)
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailable(f"cannot read the ends of {self.topic}: {error!r}") from error
        return [found[partition] for partition in self._partitions]

    def rewind(self, starts: Sequence[int]) -> None:
        """Read again from ``starts``, one per partition; partitions beyond it from their beginning."""
        for partition in self._partitions:
            index = partition.partition
            self._consumer.seek(partition, starts[index] if index < len(starts) else 0)

    async def read(self, timeout_s: float) -> list[Any]:
        """The next records; empty if none came in ``timeout_s``. In order within each partition."""
        self._consumer.resume(*self._partitions)
        try:
            async with asyncio.timeout(timeout_s + _ANSWER_S):
                polled = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000))
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailable(f"cannot read {self.topic}: {error!r}") from error
        return [record for records in polled.values() for record in records]

    def rest(self) -> None:
        """Fetch nothing until the next ``read``."""
        self._consumer.pause(*self._partitions)

    async def reached(self, ends: Sequence[int]) -> bool:
        """True once everything below ``ends`` was read."""
        for partition, end in zip(self._partitions, ends, strict=False):
            try:
                async with asyncio.timeout(_ANSWER_S):
                    position = await self._consumer.position(partition)
            except (KafkaError, TimeoutError) as error:
                raise BrokerUnavailable(f"cannot read {self.topic}: {error!r}") from error
            if position < end:
                return False
        return True

    async def _take_new_partitions(self) -> None:
        count = len(self._consumer.partitions_for_topic(self.topic) or ())
        if count <= len(self._partitions):
            return
        places = [(partition, await self._consumer.position(partition)) for partition in self._partitions]
        known = len(self._partitions)
        self._partitions = [TopicPartition(self.topic, index) for index in range(count)]
        self._consumer.assign(self._partitions)
        for partition, position in places:
            self._consumer.seek(partition, position)
        for partition in self._partitions[known:]:
            self._consumer.seek(partition, 0)
        self.rest()


def held_longer_ms(wait_ms: int) -> int:
    """Ten times the wait, of at most five seconds if it was not longer before."""
    return max(wait_ms, min(10 * wait_ms, 5000))
