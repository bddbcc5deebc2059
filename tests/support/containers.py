"""The suite's cluster in containers: ``JOBSTREAM_TEST_BACKEND=containers``, by testcontainers.

The same settings as the servers of `make up`, so that a test sees the same behaviour from both. Needs a Docker engine
on this machine and the published images of PostgreSQL and Apache Kafka; ports are open on the loopback interface only.
"""

import asyncio
from pathlib import Path

import asyncpg
from testcontainers.core.container import DockerContainer

from jobstream.kafka.probe import brokers_answering
from jobstream.local import kafka, postgres
from jobstream.local.ports import HOST, free_port
from jobstream.local.processes import Family
from jobstream.local.readiness import until
from jobstream.local.state import StateDir
from tests.support.cluster import Cluster

POSTGRES_IMAGE = "postgres:18"
KAFKA_IMAGE = "apache/kafka:4.3.1"
START_S = 120.0
_CLIENT_PORT, _BROKER_PORT, _CONTROLLER_PORT, _POSTGRES_PORT = 9092, 19092, 9093, 5432


class ContainerServers:
    """Starts and stops the containers of a Cluster."""

    def __init__(self, root: Path) -> None:
        self._state = StateDir(root).acquire()
        self._family = Family(self._state.children_file)
        self._root = root
        self._started: list[DockerContainer] = []

    def start(self) -> Cluster:
        """Start both, and wait until they answer.

        Raises:
            docker.errors.DockerException: no engine answers, or an image cannot be had.
            NotReady: a server does not come up.
        """
        password, kafka_port = "for-tests-only", free_port()
        database = self._run(postgres_container(password), _POSTGRES_PORT, None)
        # A broker tells its clients where to find it, so its port must be known before it starts.
        self._run(kafka_container(kafka_port), _CLIENT_PORT, kafka_port)
        user = postgres.USER
        url = f"postgresql://{user}:{password}@{HOST}:{database.get_exposed_port(_POSTGRES_PORT)}/{postgres.DATABASE}"
        bootstrap = f"{HOST}:{kafka_port}"
        asyncio.run(_answering(url, bootstrap))
        return Cluster(
            database_url=url,
            broker="kafka",
            env={"JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS": bootstrap},
            family=self._family,
            root=self._root,
        )

    def stop(self) -> None:
        """Remove the containers with their data, and end what tests left running."""
        try:
            for container in self._started:
                container.stop()
        finally:
            asyncio.run(self._family.close())
            self._state.release()

    def _run(self, container: DockerContainer, inside: int, outside: int | None) -> DockerContainer:
        # with_bind_ports has no way to name the interface, and would open the port to the network.
        container.ports[str(inside)] = (HOST,) if outside is None else (HOST, outside)  # type: ignore[assignment]
        self._started.append(container)
        return container.start()


def postgres_container(password: str) -> DockerContainer:
    """PostgreSQL with the options of the local one."""
    kept = {name: value for name, value in postgres.OPTIONS.items() if not name.startswith(("listen", "unix"))}
    flags = [part for name, value in kept.items() for part in ("-c", f"{name}={value}")]
    container = DockerContainer(POSTGRES_IMAGE).with_command(["postgres", *flags])
    return container.with_envs(
        POSTGRES_USER=postgres.USER,
        POSTGRES_PASSWORD=password,
        POSTGRES_DB=postgres.DATABASE,
        LANG="C.UTF-8",  # the order of texts, as in the local one
    )


def kafka_container(port: int) -> DockerContainer:
    """One broker with the properties of the local one, known to clients of this machine by ``port``."""
    properties = kafka.PROPERTIES | {
        "node.id": "1",
        "controller.quorum.voters": f"1@localhost:{_CONTROLLER_PORT}",
        "listeners": f"CLIENT://:{_CLIENT_PORT},BROKER://:{_BROKER_PORT},CONTROLLER://:{_CONTROLLER_PORT}",
        "advertised.listeners": f"CLIENT://{HOST}:{port},BROKER://localhost:{_BROKER_PORT}",
        "log.dirs": "/var/lib/kafka/data",
        "offsets.topic.replication.factor": "1",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
    }
    # The image takes properties as variables: upper case, dots become underscores.
    variables = {f"KAFKA_{name.upper().replace('.', '_')}": value for name, value in properties.items()}
    return DockerContainer(KAFKA_IMAGE).with_envs(**variables, KAFKA_HEAP_OPTS="-Xms256m -Xmx768m")


async def _answering(url: str, bootstrap: str) -> None:
    async def database() -> bool:
        try:
            connection = await asyncpg.connect(url, timeout=5)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        await connection.close()
        return True

    async def broker() -> bool:
        return await brokers_answering(bootstrap) > 0

    await until(database, f"{POSTGRES_IMAGE} accepts connections", timeout_s=START_S, pause_s=0.2)
    await until(broker, f"{KAFKA_IMAGE} answers at {bootstrap}", timeout_s=START_S, pause_s=0.2)
