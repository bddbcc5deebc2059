"""Servers of the fault suite's own, which it may kill."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.cluster import Cluster, Servers


class Breakable(Servers):
    """Servers that can be killed and started again."""

    async def kill_broker(self) -> None:
        """kill -9 of every broker."""
        for node in self._broker.nodes:  # type: ignore[union-attr]
            node.process.kill()
            await node.process.wait(5.0)

    async def start_broker(self) -> None:
        """Start the brokers again, and wait until they answer."""
        for node in self._broker.nodes:  # type: ignore[union-attr]
            await node.start()
        await self._broker.wait_ready()  # type: ignore[union-attr]

    async def crash_postgres(self) -> None:
        """End PostgreSQL without a word to its clients, and start it again: it recovers from its log."""
        assert self._postgres.process is not None
        self._postgres.process.kill()
        await self._postgres.process.wait(10.0)
        await self._postgres.start()


@pytest.fixture
def breakable(tmp_path: Path) -> Iterator[Breakable]:
    """Servers for one test."""
    servers = Breakable(tmp_path / "servers")
    try:
        yield servers
    finally:
        servers.stop()


@pytest.fixture
def cluster(breakable: Breakable) -> Cluster:
    """In place of the suite's cluster: one that may be broken."""
    cluster = breakable.start()
    if cluster.broker != "kafka":
        pytest.skip(f"the fault suite needs Apache Kafka; this broker is {cluster.broker}")
    return cluster
