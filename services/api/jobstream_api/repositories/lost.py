"""Finding what was lost: runs whose lease ran out, and jobs that Kafka no longer owes to anyone."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from jobstream_api.domain.decisions import Standing
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.runs import standing
from jobstream_api.repositories.statements import statement


@dataclass(frozen=True, slots=True)
class Overdue:
    """What may have to be recovered.

    Attributes:
        at: so much before the database's time as was asked for.
        leases: some lease had run out then.
        starts: some job should have started by now.
    """

    at: datetime
    leases: bool
    starts: bool


async def now(connection: Connection) -> datetime:
    """The database's time."""
    moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment


async def overdue(connection: Connection, grace: timedelta) -> Overdue:
    """Look for leases that ran out ``grace`` ago, and for jobs that are late to start."""
    row = await connection.fetchrow(
        # By the least of each, not by EXISTS: that may choose to go through the whole table.
        "SELECT clock_timestamp() - $1::interval AS at,"
        " coalesce((SELECT min(lease_expires_at) FROM jobs) < now() - $1, false) AS leases,"
        " coalesce((SELECT min(start_before) FROM jobs WHERE status = 'PENDING') < now(), false) AS starts",
        grace,
    )
    assert row is not None  # a SELECT without FROM has one row
    return Overdue(row["at"], row["leases"], row["starts"])


async def fail_late(connection: Connection, queued_before: datetime | None, limit: int) -> list[UUID]:
    """Fail jobs that have not started in time: those that are held, and those in Kafka.

    Args:
        queued_before: of those in Kafka, with a deadline before this only; None leaves them alone.
    """
    rows = await connection.fetch(statement("late_fail"), queued_before, limit)
    return [row["id"] for row in rows]


async def lock_leases_before(connection: Connection, at: datetime, limit: int) -> list[Standing]:
    """Lock rows whose lease had run out at ``at``."""
    return [standing(row) for row in await connection.fetch(statement("lost_leases"), at, limit)]


async def oldest_outbox(connection: Connection, after: UUID) -> dict[str, datetime]:
    """When the oldest record that still waits for Kafka was written, by topic; none waits at or below ``after``."""
    rows = await connection.fetch(
        "SELECT topic, min(created_at) AS since FROM outbox WHERE id > $1 GROUP BY topic", after
    )
    return {row["topic"]: row["since"] for row in rows}


async def waiting_before(
    connection: Connection,
    before: Mapping[str, datetime],
    *,
    created_from: datetime,
    watched_from: datetime,
    rows: int,
    limit: int,
) -> tuple[list[UUID], datetime]:
    """Jobs of some queues that were dispatched before a moment, and of which nothing was heard since.

    Args:
        before: the moment, by queue; at least one.
        created_from: where to begin among first dispatches, by when their jobs were created.
        watched_from: where to begin among later dispatches, by when they were made.
        rows: looks at no more first dispatches than so many.

    Returns:
        At most ``limit`` jobs, and up to where first dispatches were looked at: the latest moment if all were.
    """
    row = await connection.fetchrow(
        statement("lost_waiting"),
        list(before),
        list(before.values()),
        watched_from,
        created_from,
        max(before.values()),
        rows,
        limit,
    )
    assert row is not None  # a SELECT without FROM has one row
    return row["ids"], row["reached"]


async def advance_floor(connection: Connection, floor: datetime, until: datetime, limit: int) -> datetime:
    """The creation time of the first row from ``floor`` on that waits for its first run.

    Looks at no more than ``limit`` rows, and never beyond ``until``.
    """
    moved: datetime = await connection.fetchval(statement("lost_floor"), floor, until, limit)
    return moved
