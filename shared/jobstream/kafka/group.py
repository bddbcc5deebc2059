"""Membership of a consumer group: polling, committing with a note, and what a rebalance asks of us.

The owner decides what is done and when to commit. Here is what aiokafka needs to be told, and what
of its behaviour must be kept away from the owner; tests/integration/aiokafka pins the latter.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Protocol

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import IllegalGenerationError, KafkaError, RebalanceInProgressError, UnknownMemberIdError
from aiokafka.structs import OffsetAndMetadata

from jobstream.errors import BrokerUnavailable
from jobstream.kafka.clients import SESSION_TIMEOUT_S, make_consumer, start_client
from jobstream.kafka.closing import close_consumer
from jobstream.kafka.pace import FetchPace
from jobstream.settings import Settings

__all__ = ["Committed", "GroupConsumer", "RebalanceOwner", "TopicPartition"]

_ANSWER_S = 10.0
_NOBODY = TopicPartition("", 0)
_FENCED = (IllegalGenerationError, RebalanceInProgressError, UnknownMemberIdError)


@dataclass(frozen=True, slots=True)
class Committed:
    """What a group has committed for a partition; ``offset`` is None if Kafka knows none."""

    offset: int | None
    metadata: str


class RebalanceOwner(Protocol):
    """Who is told of rebalances."""

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """Give the partitions up. The group waits: return well within the rebalance timeout."""
        ...

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """The partitions are ours, and paused until ``resume``. No heartbeat is sent while this runs."""
        ...


class _Listener(ConsumerRebalanceListener):  # type: ignore[misc]
    def __init__(self, consumer: AIOKafkaConsumer, pace: FetchPace, owner: RebalanceOwner) -> None:
        self._consumer = consumer
        self._pace = pace
        self._owner = owner

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        self._pace.stir()
        await self._owner.revoked(frozenset(revoked))

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self._pace.stir()
        self._consumer.pause(*assigned)
        self._owner.assigned(frozenset(assigned))


class GroupConsumer:
    """A member of a consumer group.

    Args:
        group: without the topic prefix.
        owner: is told of rebalances.
        session_timeout_s: if we are silent for so long, others get our partitions.
    """

    def __init__(
        self,
        settings: Settings,
        client_id: str,
        *,
        group: str,
        topics: Iterable[str],
        owner: RebalanceOwner,
        session_timeout_s: float = SESSION_TIMEOUT_S,
    ) -> None:
        self._consumer = make_consumer(settings, client_id, group_id=group, session_timeout_s=session_timeout_s)
        self._pace = FetchPace(self._consumer, settings.kafka_fetch_max_wait_ms)
        self._topics = list(topics)
        self._owner = owner
        self._served: set[TopicPartition] = set()

    async def start(self) -> None:
        """Connect and begin to join; ``RebalanceOwner.assigned`` says when that is done.

        Raises:
            BrokerUnavailable: no broker answers.
        """
        try:
            await start_client(self._consumer)
        except (KafkaError, OSError) as error:
            raise BrokerUnavailable(f"cannot reach Kafka: {error!r}") from error
        self._pace.start()
        self._consumer.subscribe(self._topics, listener=_Listener(self._consumer, self._pace, self._owner))

    async def stop(self, deadline_s: float) -> None:
        """Leave the group. The owner's ``revoked`` is not called."""
        await close_consumer(self._consumer, deadline_s)

    async def poll(
        self, partitions: Collection[TopicPartition], *, max_records: int, timeout_s: float
    ) -> dict[TopicPartition, list[Any]]:
        """The next records of ``partitions``, in order within each, each partition having its turn.

        Can outlast ``timeout_s`` by a whole rebalance. Must not be cancelled while the consumer is
        to be used further.

        Raises:
            BrokerUnavailable: the consumer cannot go on and is to be replaced.
        """
        hungry = [partition for partition in partitions if partition not in self._served]
        if self._served and hungry:
            polled = await self._getmany(hungry, max_records, 0.0)
            if polled:
                self._served |= polled.keys()
                return polled
        polled = await self._getmany(partitions, max_records, timeout_s)
        self._served = set(polled)
        return polled

    async def keep_alive(self) -> None:
        """Show that we are polling, without taking a record."""
        await self._getmany([_NOBODY], 1, 0.0)

    async def _getmany(
        self, partitions: Collection[TopicPartition], max_records: int, timeout_s: float
    ) -> dict[TopicPartition, list[Any]]:
        try:
            polled: dict[TopicPartition, list[Any]] = await self._consumer.getmany(
                *partitions, timeout_ms=int(timeout_s * 1000), max_records=max_records
            )
        except KafkaError as error:
            # An error inside getmany switches its guard against slow polling off for good.
            raise BrokerUnavailable(f"the consumer cannot go on: {error!r}") from error
        if polled:
            self._pace.read()
        return polled

    async def committed(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, Committed]:
        """What the group has committed, with the metadata.

        Raises:
            BrokerUnavailable: no answer in time.
        """
        try:
            async with asyncio.timeout(_ANSWER_S):
                # The public committed() leaves the metadata out.
                found = await self._consumer._coordinator.fetch_committed_offsets(list(partitions))
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailable(f"cannot read committed offsets: {error!r}") from error
        return {
            partition: Committed(found[partition].offset, found[partition].metadata or "")
            if partition in found
            else Committed(None, "")
            for partition in partitions
        }

    async def bounds(self, partitions: Collection[TopicPartition]) -> dict[TopicPartition, tuple[int, int]]:
        """The first and the next offset of each partition's log.

        Raises:
            BrokerUnavailable: no answer in time.
        """
        if not partitions:
            return {}
        try:
            async with asyncio.timeout(_ANSWER_S):
                begin = await self._consumer.beginning_offsets(list(partitions))
                end = await self._consumer.end_offsets(list(partitions))
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailable(f"cannot read log ends: {error!r}") from error
        return {partition: (begin[partition], end[partition]) for partition in partitions}

    async def commit(self, offsets: Mapping[TopicPartition, tuple[int, str]], deadline_s: float) -> bool:
        """Commit next offsets with their metadata, in one try. False if the group has gone on without us.

        Raises:
            BrokerUnavailable: no answer in time; it may or may not have been committed.
        """
        coordinator = self._consumer._coordinator
        if coordinator.generation <= 0:
            # Expelled. In a group that is empty by now Kafka would take the commit, and go back.
            return False
        # The public commit() tries again by itself, and then might say after a rebalance what held before it.
        attempt = asyncio.create_task(
            coordinator._do_commit_offsets(
                None, {partition: OffsetAndMetadata(*entry) for partition, entry in offsets.items()}
            )
        )
        await asyncio.wait([attempt], timeout=deadline_s)
        if not attempt.done():
            attempt.add_done_callback(_ignore_failure)
            raise BrokerUnavailable(f"no answer to a commit within {deadline_s:g} s")
        error = attempt.exception()
        if isinstance(error, _FENCED):
            return False
        if error is not None:
            raise BrokerUnavailable(f"cannot commit: {error!r}") from error
        return True

    async def still_member(self) -> bool:
        """Ask the group whether we still belong to it. If not, we are about to join it anew.

        Raises:
            BrokerUnavailable: no answer in time.
        """
        coordinator = self._consumer._coordinator
        try:
            async with asyncio.timeout(_ANSWER_S):
                answered: bool = await coordinator._do_heartbeat()
        except (KafkaError, TimeoutError) as error:
            raise BrokerUnavailable(f"cannot ask the group: {error!r}") from error
        if not answered and coordinator.generation > 0:
            raise BrokerUnavailable("the group's coordinator does not answer")
        return answered

    def resume(self, partition: TopicPartition, offset: int) -> None:
        """Begin to take records of an assigned partition, from ``offset`` on."""
        self._pace.stir()
        if partition in self._consumer.assignment():
            self._consumer.seek(partition, offset)
            self._consumer.resume(partition)

    async def positions(self, partitions: Iterable[TopicPartition]) -> dict[TopicPartition, int]:
        """The offset after the last record that ``poll`` returned of each, past gaps that follow it.

        Those are missing that are not ours or not known now.
        """
        known: dict[TopicPartition, int] = {}
        with suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                for partition in partitions:
                    with suppress(KafkaError):
                        known[partition] = await self._consumer.position(partition)
        return known


def _ignore_failure(attempt: "asyncio.Task[None]") -> None:
    if not attempt.cancelled():
        attempt.exception()
