"""Apache Kafka in KRaft mode, one broker or several, as children of ours."""

import asyncio
import base64
import os
import uuid
from pathlib import Path

from jobstream.kafka.probe import brokers_answering
from jobstream.local import jars
from jobstream.local.ports import HOST
from jobstream.local.processes import ChildFailed, Command, Family, Process
from jobstream.local.readiness import until
from jobstream.local.state import StateDir

JVM = (
    "-Xms256m",
    "-Xmx768m",
    "-XX:TieredStopAtLevel=1",  # the second compiler would take a core for minutes: half of what the broker costs
    "-XX:+UseSerialGC",  # a second less to start than G1, and no threads of its own on two cores
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
)

PROPERTIES = {
    "process.roles": "broker,controller",
    "controller.listener.names": "CONTROLLER",
    "inter.broker.listener.name": "BROKER",
    "listener.security.protocol.map": "CLIENT:PLAINTEXT,BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "auto.create.topics.enable": "false",  # a typo must not become a topic with the wrong settings
    "offsets.topic.num.partitions": "8",  # 50 by default, each with files and a cleaner's turn
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.num.partitions": "4",
    "group.initial.rebalance.delay.ms": "0",  # 3 s of waiting for members that come later anyway
    "num.network.threads": "2",
    "num.io.threads": "4",
    "log.segment.bytes": "134217728",  # retention works on whole segments; 1 GB would never roll here
    "log.cleaner.dedupe.buffer.size": "16777216",  # 128 MB of a small heap by default
    "log.retention.check.interval.ms": "60000",
    "controlled.shutdown.enable": "true",
}

TAKEN = "Address already in use"
START_TRIES = 3


class KafkaNode:
    """One broker, which is also a controller.

    Clients come in by a listener of their own, so a test can put a proxy before them (``advertised``)
    without touching what the brokers say to each other.
    """

    def __init__(self, cluster: "Kafka", number: int, advertised: int | None = None) -> None:
        self.number = number
        self.folder = cluster.state.root / "kafka" / str(number)
        self.process: Process | None = None
        self._cluster = cluster
        self._advertised = advertised
        self.choose_ports()

    def choose_ports(self) -> None:
        """Take ports that are free now, and none that were taken before."""
        ports = self._cluster.state.ports
        self.port = ports.choose(f"kafka-{self.number}", self._cluster.wanted_port if self.number == 1 else None)
        self.broker_port = ports.choose(f"kafka-{self.number}-brokers")
        self.controller_port = ports.choose(f"kafka-{self.number}-controllers")
        self.advertised = self._advertised or self.port

    async def start(self) -> None:
        """Format the folder once, then start the broker. Does not wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "server.properties"
        config.write_text("".join(f"{name}={value}\n" for name, value in self._properties().items()))
        if not (self.folder / "data" / "meta.properties").exists():
            await self._format(config)
        self.process = self._cluster.family.spawn(
            Command(
                f"kafka-{self.number}",
                [*self._cluster.java_argv(), "kafka.Kafka", str(config)],
                env=_environment(),
                log=self._cluster.state.logs / f"kafka-{self.number}.log",
                grace_s=30.0,
                stage=1,
                cwd=self.folder,
            )
        )

    async def stop(self) -> None:
        """Stop it cleanly. Safe to call at any time."""
        if self.process is not None:
            await self.process.stop()

    def _properties(self) -> dict[str, str]:
        size = len(self._cluster.nodes)
        copies = str(min(3, size))
        voters = ",".join(f"{node.number}@{HOST}:{node.controller_port}" for node in self._cluster.nodes)
        return PROPERTIES | {
            "node.id": str(self.number),
            "log.dirs": str(self.folder / "data"),
            "controller.quorum.voters": voters,
            "listeners": f"CLIENT://{HOST}:{self.port},BROKER://{HOST}:{self.broker_port},"
            f"CONTROLLER://{HOST}:{self.controller_port}",
            "advertised.listeners": f"CLIENT://{HOST}:{self.advertised},BROKER://{HOST}:{self.broker_port}",
            "offsets.topic.replication.factor": copies,
            "transaction.state.log.replication.factor": copies,
            "transaction.state.log.min.isr": str(min(2, size)),
            "share.coordinator.state.topic.replication.factor": copies,
            "share.coordinator.state.topic.min.isr": str(min(2, size)),
        }

    async def _format(self, config: Path) -> None:
        argv = [*self._cluster.java_argv(), "kafka.tools.StorageTool", "format", "--ignore-formatted"]
        argv += ["--cluster-id", self._cluster.cluster_id, "--config", str(config)]
        log = self._cluster.state.logs / f"kafka-{self.number}-format.log"
        await self._cluster.family.run(
            Command(f"formatting the storage of kafka-{self.number}", argv, env=_environment(), log=log),
            timeout_s=120.0,
        )


class Kafka:
    """Apache Kafka on the loopback interface; data under ``STATE/kafka``.

    Args:
        size: how many brokers. Tests use 3; a folder keeps the size it was made with.
        wanted_port: where the first broker should listen if that is free.
        advertised: client ports to advertise instead of the real ones, by broker number, for proxies.
        jvm: further options, later ones win.
    """

    kind = "kafka"

    def __init__(
        self,
        state: StateDir,
        family: Family,
        *,
        size: int = 1,
        wanted_port: int | None = None,
        advertised: dict[int, int] | None = None,
        jvm: tuple[str, ...] = (),
    ) -> None:
        self.state = state
        self.family = family
        self.wanted_port = wanted_port
        self.cluster_id = ""
        self._jvm = (*JVM, *jvm)
        self._java = ""
        self._jars = Path()
        self.nodes = [KafkaNode(self, number, (advertised or {}).get(number)) for number in range(1, size + 1)]

    @property
    def bootstrap_servers(self) -> str:
        """Where clients start from."""
        return ",".join(f"{HOST}:{node.advertised}" for node in self.nodes)

    @property
    def env(self) -> dict[str, str]:
        """What jobstream's processes must be told of this broker."""
        return {"JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS": self.bootstrap_servers}

    async def start(self) -> None:
        """Start every broker and wait until all of them answer.

        Raises:
            NoKafka: no Java, no Maven, or no jars.
            ChildFailed: a broker ended; the message has its last words.
        """
        self._java = await jars.java(self.family, self.state.logs)
        self._jars = await jars.fetch(self.family, self.state.logs)
        self.cluster_id = self._read_cluster_id()
        for tries_left in reversed(range(START_TRIES)):
            await asyncio.gather(*(node.start() for node in self.nodes))
            try:
                await self.wait_ready()
                return
            except ChildFailed as error:
                if not tries_left or TAKEN not in str(error):
                    raise
            # Somebody took a port between our look and the broker's start, some seconds later.
            await self.stop()
            for node in self.nodes:
                node.choose_ports()

    async def wait_ready(self, timeout_s: float = 60.0) -> None:
        """Wait until every broker is in the cluster and answers clients."""

        async def all_in() -> bool:
            for node in self.nodes:
                assert node.process is not None
                if node.process.poll() is not None:
                    raise ChildFailed(f"{node.process.name} ended before it was ready\n{node.process.last_words()}")
                # By its id: another cluster may have taken the port between our look and our start.
                found = await brokers_answering(f"{HOST}:{node.port}", cluster_id=self.cluster_id)
                if found != len(self.nodes):
                    return False
            return True

        await until(all_in, "Apache Kafka answers", timeout_s=timeout_s, process=self.nodes[0].process)

    async def stop(self) -> None:
        """Stop every broker cleanly."""
        await asyncio.gather(*(node.stop() for node in self.nodes))

    def java_argv(self) -> list[str]:
        """A JVM with Kafka's jars, the main class to follow."""
        return [self._java, *self._jvm, "-cp", str(self._jars / "*")]

    def _read_cluster_id(self) -> str:
        file = self.state.root / "kafka" / "cluster-id"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            # Kafka writes its ids as URL-safe base64 of a UUID, and takes no leading dash on its command line.
            file.write_text(base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "A") + "\n")
        return file.read_text().strip()


def _environment() -> dict[str, str]:
    """Ours without options that are meant for other Java programs."""
    return {name: value for name, value in os.environ.items() if name not in ("JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS")}
