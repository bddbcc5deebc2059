"""Reads the status topic for the worker: what a predecessor left, and who holds a key elsewhere.

Mostly it rests. Every few seconds it asks for the topic's ends, which shows at once that Kafka
answers, and from where on a successor would have to read.
"""

import asyncio
import time
from collections.abc import Collection, Sequence
from typing import Any

import orjson

from jobstream.backoff import Backoff
from jobstream.contracts.events import StatusEvent
from jobstream.errors import BrokerUnavailable, InvalidInput
from jobstream.kafka.follower import TopicFollower
from jobstream.kafka.group import TopicPartition
from jobstream.settings import Settings
from jobstream.telemetry import Event, emit
from jobstream.wakeful import WakefulLoop
from jobstream_worker.blocks import Blocks
from jobstream_worker.counts import Counts
from jobstream_worker.publisher import Publisher

ASK_EVERY_S = 5.0
READ_S = 0.25
SILENCE_S = 15.0
RETRY = Backoff(base_s=0.5, cap_s=5.0)


class StatusWatch(WakefulLoop):
    """The worker's reader of the status topic.

    Attributes:
        answered_at: monotonic time at which Kafka last answered it.
    """

    name = "status-watch"

    def __init__(
        self, settings: Settings, client_id: str, topic: str, publisher: Publisher, blocks: Blocks, counts: Counts
    ) -> None:
        super().__init__()
        self._settings = settings
        self._client_id = client_id
        self._topic = topic
        self._publisher = publisher
        self._blocks = blocks
        self._counts = counts
        self._follower: TopicFollower | None = None
        self._connected = asyncio.Event()
        self._lock = asyncio.Lock()
        self._ours: frozenset[TopicPartition] = frozenset()
        self._asked_at = 0.0
        self.answered_at = 0.0

    async def replay(self, starts: Sequence[int], partitions: Collection[TopicPartition]) -> list[StatusEvent]:
        """Events about jobs of ``partitions``, from ``starts`` to where the status topic ends now.

        Raises:
            BrokerUnavailable: no answer in time.
        """
        try:
            async with asyncio.timeout(SILENCE_S):
                await self._connected.wait()
        except TimeoutError:
            raise BrokerUnavailable("the status topic cannot be read") from None
        async with self._lock:
            follower = self._follower
            if follower is None:
                raise BrokerUnavailable("the status topic cannot be read any more")
            ends = await follower.ends()
            follower.rewind(starts)
            events = await self._catch_up(follower, ends)
            self._counts.replays += 1
        self.wake()
        wanted = frozenset(partitions)
        return [
            event
            for event in events
            if event.origin is not None and (event.origin.topic, event.origin.partition) in wanted
        ]

    def only(self, partitions: Collection[TopicPartition]) -> None:
        """These are our partitions now; the keys of others are no business of ours."""
        self._blocks.forget(self._ours - frozenset(partitions))
        self._ours = frozenset(partitions)

    async def run(self) -> None:
        tries = 0
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                await self._watch()
            except BrokerUnavailable as error:
                emit(Event.KAFKA_TROUBLE, what="watching the status topic", error=str(error))
                await self._close()
                tries = 1 if self.answered_at > began else tries + 1
                await self.pause(RETRY.ceiling(tries))

    async def teardown(self) -> None:
        await self._close()

    async def _watch(self) -> None:
        follower = TopicFollower(self._settings, self._client_id, self._topic)
        try:
            await follower.start()
        except BaseException:
            await follower.stop(1.0)
            raise
        self._follower = follower
        self._connected.set()
        while not self.stopping.is_set():
            async with self._lock:
                await self._turn(follower)
            if not self._blocks:
                await self.idle(ASK_EVERY_S)

    async def _turn(self, follower: TopicFollower) -> None:
        now = time.monotonic()
        if now - self._asked_at >= ASK_EVERY_S:
            sequence = self._publisher.sequence
            self._publisher.ends_read(await follower.ends(), sequence)
            self._asked_at = self.answered_at = time.monotonic()
        if not self._blocks:
            follower.rest()
            return
        self._observe(await follower.read(READ_S))
        if self._blocks.expired(now):
            await self._catch_up(follower, await follower.ends())
            self._blocks.expire(now)

    async def _catch_up(self, follower: TopicFollower, ends: Sequence[int]) -> list[StatusEvent]:
        """Read until ``ends``; returns what was about our partitions."""
        events: list[StatusEvent] = []
        while not await follower.reached(ends):
            records = await follower.read(READ_S)
            if records:
                self.answered_at = time.monotonic()
            elif time.monotonic() - self.answered_at > SILENCE_S:
                raise BrokerUnavailable(f"the status topic has more, but nothing came for {SILENCE_S:g} s")
            events += self._observe(records)
        return events

    def _observe(self, records: list[Any]) -> list[StatusEvent]:
        events = []
        for record in records:
            self._counts.replayed += 1
            event = _read_event(record.value, self._ours)
            if event is not None:
                self._blocks.observe(event, (record.partition, record.offset))
                events.append(event)
        return events

    async def _close(self) -> None:
        self._connected.clear()
        follower, self._follower = self._follower, None
        if follower is not None:
            await follower.stop(1.0)


def _read_event(value: bytes | None, partitions: frozenset[TopicPartition]) -> StatusEvent | None:
    """The event in a record, if it is about a job that was read from one of ``partitions``.

    Most records are about others, so they are looked at before they are checked.
    """
    try:
        document = orjson.loads(value or b"")
        origin = document["origin"]
        if (origin["topic"], origin["partition"]) not in partitions:
            return None
        return StatusEvent.read(document)
    except (ValueError, LookupError, TypeError, InvalidInput):
        return None
