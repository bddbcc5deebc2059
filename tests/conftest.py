"""Fixtures of the whole suite: one cluster a session, one space a test."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import settings

from tests.support.cluster import Cluster, choose_servers
from tests.support.space import Space

settings.register_profile("any machine", deadline=None)  # how long an example takes depends on what else runs
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """PostgreSQL and a broker, started at the first test that wants them."""
    servers = choose_servers(tmp_path_factory.mktemp("cluster"))
    try:
        yield servers.start()
    finally:
        servers.stop()


@pytest.fixture
async def space(cluster: Cluster, tmp_path: Path) -> AsyncIterator[Space]:
    """Topics and tables of this test alone."""
    made = Space(cluster, tmp_path)
    await made.prepare()
    try:
        yield made
    finally:
        await made.close()


@pytest.fixture(autouse=True)
def _logs_as_if_never_configured() -> Iterator[None]:
    """A command under test sends the process's logs to a stream that is closed after it."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def _needs_kafka(request: pytest.FixtureRequest) -> None:
    """Tests of what only Apache Kafka does are skipped, loudly, on another broker."""
    if request.node.get_closest_marker("kafka_only") is not None:
        cluster = request.getfixturevalue("cluster")
        if cluster.broker != "kafka":
            pytest.skip(f"needs Apache Kafka; the suite's broker is {cluster.broker}")
