"""Bare aiokafka clients on the suite's broker, and topics for them."""

import secrets
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic

from tests.support.cluster import Cluster


class Bare:
    """Makes clients with aiokafka's own defaults where a test does not say otherwise."""

    def __init__(self, servers: str) -> None:
        self.servers = servers
        self.group = f"g{secrets.token_hex(4)}"
        self._clients: list[Any] = []

    async def topic(self, partitions: int = 1) -> str:
        name = f"bare{secrets.token_hex(4)}"
        admin = await self._admin()
        await admin.create_topics([NewTopic(name, partitions, 1)])
        return name

    async def grow(self, topic: str, partitions: int) -> None:
        admin = await self._admin()
        await admin.create_partitions({topic: NewPartitions(partitions)})

    async def write(self, topic: str, *values: bytes, partition: int = 0) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self.servers)
        await producer.start()
        for value in values:
            await producer.send_and_wait(topic, value, partition=partition)
        await producer.stop()

    async def consumer(self, *topics: str, listener: Any = None, **options: Any) -> AIOKafkaConsumer:
        """A started consumer of the test's group that reads from the earliest offset."""
        made = AIOKafkaConsumer(
            bootstrap_servers=self.servers,
            **{"group_id": self.group, "auto_offset_reset": "earliest", "enable_auto_commit": False} | options,
        )
        made.subscribe(topics, listener=listener)
        self._clients.append(made)
        await made.start()
        return made

    async def close(self) -> None:
        for client in self._clients:
            await (client.close() if isinstance(client, AIOKafkaAdminClient) else client.stop())

    async def _admin(self) -> AIOKafkaAdminClient:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.servers)
        await admin.start()
        self._clients.append(admin)
        return admin


@pytest.fixture
async def bare(cluster: Cluster) -> AsyncIterator[Bare]:
    made = Bare(cluster.env["JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS"])
    yield made
    await made.close()
