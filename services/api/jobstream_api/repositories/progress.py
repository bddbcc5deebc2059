"""How far each consumer is, kept beside the work it did: next offsets with compare-and-set."""

from dataclasses import dataclass

from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import statement

Place = tuple[str, int]


class Overtaken(Exception):
    """Another process stored offsets since we read them: it has the partition now."""


@dataclass(frozen=True, slots=True)
class Step:
    """How far a consumer is in a partition.

    Attributes:
        after_offset: where it was before; tells this step from every other.
    """

    after_offset: int
    next_offset: int

    def on(self, next_offset: int) -> "Step":
        """The step that follows."""
        return Step(self.next_offset, next_offset)


BEGINNING = -1
"""What the first step of a partition comes after."""


@dataclass(frozen=True, slots=True)
class Advance:
    """One partition's next step: from the one that we believe is stored (None: none is) to the next offset."""

    topic: str
    partition: int
    expected: Step | None
    next_offset: int


async def load_steps(connection: Connection, consumer: str) -> dict[Place, Step]:
    """The last step in every partition that ``consumer`` ever worked on."""
    rows = await connection.fetch(statement("progress_load"), consumer)
    return {(row["topic"], row["partition"]): Step(row["after_offset"], row["next_offset"]) for row in rows}


async def load(connection: Connection, consumer: str) -> dict[Place, int]:
    """The stored next offset of every partition that ``consumer`` ever worked on."""
    return {place: step.next_offset for place, step in (await load_steps(connection, consumer)).items()}


async def store(connection: Connection, consumer: str, steps: list[Advance]) -> None:
    """Advance in the caller's transaction.

    Raises:
        Overtaken: a partition stood elsewhere than expected; the transaction must not commit.
    """
    if not steps:
        return
    moved = await connection.fetchval(
        statement("progress_store"),
        consumer,
        [step.topic for step in steps],
        [step.partition for step in steps],
        [step.expected.after_offset if step.expected else None for step in steps],
        [step.expected.next_offset if step.expected else None for step in steps],
        [step.next_offset for step in steps],
    )
    if moved != len(steps):
        raise Overtaken(f"{consumer}: {len(steps) - moved} of {len(steps)} partitions moved on without us")


async def keep_copy(connection: Connection, consumer: str, offsets: dict[Place, tuple[int, str]]) -> None:
    """Keep a copy of offsets that live in Kafka; only what changed is written."""
    places = sorted(offsets)
    await connection.execute(
        statement("progress_copy"),
        consumer,
        [topic for topic, _ in places],
        [partition for _, partition in places],
        [offsets[place][0] for place in places],
        [offsets[place][1] for place in places],
    )


async def load_copy(connection: Connection, consumer: str) -> dict[Place, tuple[int, str]]:
    """The copy that ``keep_copy`` wrote."""
    rows = await connection.fetch(
        "SELECT topic, partition, next_offset, metadata FROM consumer_offsets WHERE consumer = $1", consumer
    )
    return {(row["topic"], row["partition"]): (row["next_offset"], row["metadata"] or "") for row in rows}
