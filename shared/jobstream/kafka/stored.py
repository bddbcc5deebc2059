"""A group member whose true offsets live outside Kafka, with what it does.

Kafka only spreads the partitions. On assignment the reader seeks to the offsets that its owner
stored in the same transaction as the work, so work and progress are one fact.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import KafkaError

from jobstream.kafka.clients import SESSION_TIMEOUT_S, make_consumer, start_client
from jobstream.kafka.pace import FetchPace
from jobstream.settings import Settings
from jobstream.telemetry import Event, emit

Place = tuple[str, int]
"""A (topic, partition)."""
LoadOffsets = Callable[[list[Place]], Awaitable[dict[Place, int]]]

_SHOW_EVERY_S = 1.0
_LEAVE_S = 3.0


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, reader: "StoredReader") -> None:
        self._reader = reader

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._reader.unseeked.clear()
        self._reader.pace.stir()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._reader.unseeked = set(assigned)
        self._reader.pace.stir()


class StoredReader:
    """Reads topics as a member of a group, from offsets that the caller stores.

    Args:
        group: without the topic prefix.
        session_timeout_s: if we are silent for so long, others get our partitions.
        load: gives the stored next offsets of partitions; those it does not know start at the beginning.
    """

    def __init__(
        self,
        settings: Settings,
        client_id: str,
        *,
        group: str,
        topics: Iterable[str],
        load: LoadOffsets,
        session_timeout_s: float = SESSION_TIMEOUT_S,
    ) -> None:
        self._consumer = make_consumer(settings, client_id, group_id=group, session_timeout_s=session_timeout_s)
        self.pace = FetchPace(self._consumer, settings.kafka_fetch_max_wait_ms)
        self._topics = list(topics)
        self._load = load
        self.unseeked: set[TopicPartition] = set()
        self._showing: asyncio.Task[None] | None = None
        self._to_show: dict[Place, int] = {}
        self._shown_at = 0.0

    async def start(self) -> None:
        """Join the group. Raises KafkaError if no broker answers."""
        self._consumer.subscribe(self._topics, listener=_Listener(self))
        await start_client(self._consumer)
        self.pace.start()

    async def stop(self) -> None:
        """Leave the group, within a few seconds also in the middle of a rebalance."""
        try:
            if self._showing is not None and not self._showing.done():
                await asyncio.wait([self._showing], timeout=1.0)
                self._showing.cancel()
            if self._to_show:
                await self._show(1.0)
        finally:
            async with asyncio.timeout(_LEAVE_S):
                await self._consumer.stop()

    async def poll(self, max_records: int, timeout_s: float) -> list[Any]:
        """The next records in order within each partition, at most ``max_records``; empty after ``timeout_s``.

        Raises what ``load`` raises; then call again.
        """
        await self._seek()
        self._show_soon()
        polled = await self._consumer.getmany(timeout_ms=int(timeout_s * 1000), max_records=max_records)
        if polled:
            self.pace.read()
        # A rebalance inside getmany may have handed out records from where Kafka thinks we were.
        return [record for place, records in polled.items() if place not in self.unseeked for record in records]

    async def keep_alive(self) -> None:
        """Stay in the group without taking records, while the owner cannot work."""
        assigned = self._consumer.assignment()
        self._consumer.pause(*assigned)
        try:
            await self._consumer.getmany(timeout_ms=0)
        finally:
            self._consumer.resume(*self._consumer.assignment())

    @property
    def astray(self) -> bool:
        """The next poll looks up stored offsets first."""
        return bool(self.unseeked)

    def rewind(self) -> None:
        """Seek to the stored offsets before the next poll: our memory of them was wrong."""
        self.unseeked = set(self._consumer.assignment())

    def stored(self, offsets: dict[Place, int]) -> None:
        """Tell which next offsets were stored; Kafka is told too, for the eyes of lag tools."""
        self._to_show |= offsets

    async def _seek(self) -> None:
        while self.unseeked:
            self.pace.stir()
            waiting = set(self.unseeked)
            stored = await self._load([(place.topic, place.partition) for place in waiting])
            assigned = waiting & set(self._consumer.assignment())
            unknown = {place for place in assigned if (place.topic, place.partition) not in stored}
            for place in assigned - unknown:
                self._consumer.seek(place, stored[place.topic, place.partition])
            if unknown:
                # All in one call: each waits for the fetch that is under way, half a second or more when all is quiet.
                await self._consumer.seek_to_beginning(*unknown)
            self.unseeked -= waiting

    def _show_soon(self) -> None:
        """Show offsets now and then, beside the polling: whoever waits for records need not wait for this."""
        now = asyncio.get_running_loop().time()
        if self._to_show and now - self._shown_at >= _SHOW_EVERY_S and (self._showing is None or self._showing.done()):
            self._shown_at = now
            self._showing = asyncio.create_task(self._show(5.0), name="showing offsets")

    async def _show(self, timeout_s: float) -> None:
        assigned = self._consumer.assignment()
        offsets = {TopicPartition(*place): offset for place, offset in self._to_show.items()}
        self._to_show = {}
        try:
            async with asyncio.timeout(timeout_s):
                await self._consumer.commit({place: offset for place, offset in offsets.items() if place in assigned})
        except (KafkaError, TimeoutError) as error:
            emit(Event.KAFKA_TROUBLE, what="showing offsets", error=repr(error))
