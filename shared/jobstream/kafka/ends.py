"""How far topics and groups are: log ends and committed offsets, from outside any group."""

import asyncio
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import (
    GroupCoordinatorNotAvailableError,
    GroupLoadInProgressError,
    NotCoordinatorForGroupError,
)
from aiokafka.structs import OffsetAndMetadata

from jobstream.errors import BrokerUnavailable
from jobstream.kafka.clients import make_admin, make_consumer, start_client
from jobstream.kafka.closing import close_client
from jobstream.settings import Settings

Place = tuple[str, int]
_TIMEOUT_S = 10.0
_CLOSE_S = 5.0


class Ends:
    """Reads log ends and group offsets. One consumer and one admin client, made at the first use."""

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._consumer: Any = None
        self._admin: Any = None

    async def close(self) -> None:
        """Close both clients; a later call makes them anew."""
        consumer, self._consumer = self._consumer, None
        admin, self._admin = self._admin, None
        for client in (consumer, admin):
            if client is not None:
                await close_client(client, _CLOSE_S)

    async def ends(self, topics: list[str]) -> dict[Place, int]:
        """The log end of every partition of ``topics``.

        Raises:
            BrokerUnavailable: no answer in time.
        """
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                places = await self._places(topics)
                found = await self._consumer.end_offsets(places)
        except Exception as error:
            await self.close()
            raise BrokerUnavailable(f"could not read log ends: {error!r}") from error
        return {(place.topic, place.partition): offset for place, offset in found.items()}

    async def committed(self, group: str) -> dict[Place, tuple[int, str]]:
        """The committed (next offset, metadata) of a group, given without prefix.

        Raises:
            BrokerUnavailable: no answer in time.
        """
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                found = await self._group_offsets(self._settings.topic_prefix + group)
        except Exception as error:
            await self.close()
            raise BrokerUnavailable(f"could not read the offsets of {group}: {error!r}") from error
        return {
            (place.topic, place.partition): (entry.offset, entry.metadata or "")
            for place, entry in found.items()
            if entry.offset >= 0
        }

    async def restore(self, group: str, offsets: dict[Place, tuple[int, str]]) -> None:
        """Commit ``offsets`` for a group that has no members and that Kafka has forgotten.

        Raises:
            BrokerUnavailable: no answer, or the group has members after all.
        """
        consumer = make_consumer(self._settings, self._client_id, group_id=group)
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                consumer.assign([TopicPartition(*place) for place in offsets])
                await start_client(consumer)
                await consumer.commit(
                    {TopicPartition(*place): OffsetAndMetadata(*entry) for place, entry in offsets.items()}
                )
        except Exception as error:
            raise BrokerUnavailable(f"could not restore the offsets of {group}: {error!r}") from error
        finally:
            await close_client(consumer, _CLOSE_S)

    async def _group_offsets(self, group: str) -> dict[TopicPartition, OffsetAndMetadata]:
        admin = await self._admin_client()
        while True:
            try:
                found: dict[TopicPartition, OffsetAndMetadata] = await admin.list_consumer_group_offsets(group)
                return found
            except (GroupCoordinatorNotAvailableError, GroupLoadInProgressError, NotCoordinatorForGroupError):
                # A new cluster makes its offsets topic at the first question, an old one moves it about.
                await asyncio.sleep(0.3)

    async def _places(self, topics: list[str]) -> list[TopicPartition]:
        admin = await self._admin_client()
        if self._consumer is None:
            consumer = make_consumer(self._settings, self._client_id, group_id=None)
            await start_client(consumer)
            self._consumer = consumer
        return [
            TopicPartition(described["topic"], partition["partition"])
            for described in await admin.describe_topics(topics)
            for partition in described["partitions"]
        ]

    async def _admin_client(self) -> Any:
        if self._admin is None:
            self._admin = await make_admin(self._settings, self._client_id)
        return self._admin
