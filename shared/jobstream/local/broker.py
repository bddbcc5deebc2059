"""Which broker the cluster uses: Apache Kafka, the embedded one, or somebody else's."""

from collections.abc import Callable
from typing import Protocol

from jobstream.errors import ConfigurationError
from jobstream.kafka.probe import brokers_answering
from jobstream.local import embedded, jars
from jobstream.local.embedded import Embedded
from jobstream.local.jars import NoKafka
from jobstream.local.kafka import Kafka
from jobstream.local.processes import Family
from jobstream.local.readiness import until
from jobstream.local.state import StateDir

CONVENTIONAL_PORT = 9092


class Broker(Protocol):
    """A broker that the cluster may stop again, or that stays outside of it."""

    kind: str

    @property
    def bootstrap_servers(self) -> str:
        """Where clients start from."""
        ...

    @property
    def env(self) -> dict[str, str]:
        """What jobstream's processes must be told of this broker."""
        ...

    async def start(self) -> None:
        """Start it, and wait until it answers."""
        ...

    async def stop(self) -> None:
        """Stop it cleanly. Safe to call at any time."""
        ...


class External:
    """A broker that runs already, and goes on when we stop."""

    kind = "external"

    def __init__(self, address: str) -> None:
        self.bootstrap_servers = address
        self.env = {"JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS": address}

    async def start(self) -> None:
        """Wait until it answers."""

        async def answers() -> bool:
            return any([await brokers_answering(one) for one in self.bootstrap_servers.split(",")])

        await until(answers, f"a Kafka broker answers at {self.bootstrap_servers}", timeout_s=15.0)

    async def stop(self) -> None:
        """Leave it alone."""


async def choose_broker(
    choice: str | None,
    state: StateDir,
    family: Family,
    *,
    tell: Callable[[str], None],
    wanted_port: int | None = CONVENTIONAL_PORT,
) -> Broker:
    """The broker that was asked for, or the best there is; with all it needs on disk, but not started.

    Args:
        choice: ``kafka``, ``embedded``, an address ``HOST:PORT``, or None for Kafka if it can run here.
        wanted_port: where it should listen if that is free; None takes any port.
        tell: takes one line for people, e.g. why it is not Kafka.

    Raises:
        ConfigurationError: the choice is none of these.
        NoKafka: it was asked for and cannot run here, or nothing can.
    """
    if choice is not None and choice not in ("kafka", "embedded"):
        check_address(choice)
        return External(choice)
    if choice != "embedded":
        try:
            await jars.java(family, state.logs)
            if not jars.is_cached():
                tell("fetching Apache Kafka's jars with Maven (44 MB, once)")
            await jars.fetch(family, state.logs)
            return Kafka(state, family, wanted_port=wanted_port)
        except NoKafka as error:
            if choice == "kafka" or not embedded.is_available():
                raise
            tell(f"no Apache Kafka: {error}. Using the embedded broker instead (--broker kafka insists).")
    return Embedded(state, family, wanted_port=wanted_port)


async def start_broker(
    choice: str | None,
    state: StateDir,
    family: Family,
    *,
    tell: Callable[[str], None],
    wanted_port: int | None = CONVENTIONAL_PORT,
) -> Broker:
    """`choose_broker`, started and answering.

    Raises:
        ConfigurationError, NoKafka: as of `choose_broker`.
        ChildFailed, NotReady: it does not come up.
    """
    broker = await choose_broker(choice, state, family, tell=tell)
    await broker.start()
    return broker


def check_address(choice: str) -> None:
    """Refuse what is neither a kind of broker nor a list of addresses.

    Raises:
        ConfigurationError: says what may stand there.
    """
    for part in choice.split(","):
        host, _, port = part.strip().rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65536:
            raise ConfigurationError(f"the broker {choice!r} is none of kafka, embedded, HOST:PORT")
