"""How far each consumer is, kept beside the work it did: next offsets with compare-and-set."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

from jobstream_api.infrastructure.database import Connection, is_unreadable
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


class Change(NamedTuple):
    """A statement that changes rows.

    Attributes:
        rows: so many it has to return; None: it returns none, and none is missed.
    """

    name: str
    arguments: Sequence[Any]
    rows: int | None = None


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
    moved = await connection.fetchval(storing(), *_arguments(consumer, steps))
    if moved != len(steps):
        raise Overtaken(f"{consumer}: {len(steps) - moved} of {len(steps)} partitions moved on without us")


async def store_with(
    connection: Connection, consumer: str, steps: list[Advance], changes: Sequence[Change]
) -> list[Any] | None:
    """Advance, and run other statements, as one: a transaction that takes one round trip.

    Args:
        connection: outside of any transaction.
        changes: one or more; no row may belong to two.

    Returns:
        The rows of the first; None if any would be others, or a partition stood elsewhere: then nothing was changed.
    """
    text = _with_steps(tuple((change.name, len(change.arguments), change.rows is not None) for change in changes))
    arguments = [argument for change in changes for argument in change.arguments]
    rows = [change.rows for change in changes if change.rows is not None]
    try:
        return list(await connection.fetch(text, *arguments, *_arguments(consumer, steps), len(steps), rows))
    except Exception as error:
        if is_unreadable(error):  # or a value is no JSON: who does the same in steps will see
            return None
        raise


@cache
def storing() -> str:
    """The statement that stores steps; returns how many."""
    return "\n".join([statement("progress_steps"), "SELECT count(*) FROM moved"])


@cache
def _with_steps(changes: tuple[tuple[str, int, bool], ...]) -> str:
    """Statements as parts of the one that stores steps, whose own arguments follow.

    Args:
        changes: the name of each, how many arguments it has, and whether its rows are counted.
    """
    parts, arguments = [], 0
    for place, (name, taken, _) in enumerate(changes):
        parts += [f", changed_{place} AS (", _after(statement(name), arguments), ")"]
        arguments += taken
    counted = [place for place, (_, _, is_counted) in enumerate(changes) if is_counted]
    whole = " AND ".join(
        f"(SELECT count(*) FROM changed_{place}) = ($2::bigint[])[{number}]"  # noqa: S608  (names of ours)
        for number, place in enumerate(counted, 1)
    )
    end = f", changed AS (TABLE changed_0), counted AS (SELECT {whole} AS whole)\n{statement('progress_whole')}"
    steps, end = _after(statement("progress_steps"), arguments), _after(end, arguments + 6)
    return "\n".join([steps, *parts, end])


def _after(text: str, arguments: int) -> str:
    """A statement whose arguments come after so many others."""
    return re.sub(r"\$(\d+)", lambda found: f"${int(found[1]) + arguments}", text)


def _arguments(consumer: str, steps: list[Advance]) -> list[Any]:
    return [
        consumer,
        [step.topic for step in steps],
        [step.partition for step in steps],
        [step.expected.after_offset if step.expected else None for step in steps],
        [step.expected.next_offset if step.expected else None for step in steps],
        [step.next_offset for step in steps],
    ]


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
