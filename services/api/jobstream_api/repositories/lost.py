"""Finding what was lost: runs whose lease ran out, and jobs that Kafka no longer owes to anyone."""

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


async def oldest_outbox(connection: Connection, after: UUID) -> datetime | None:
    """When the oldest record that still waits for Kafka was written; it has none at or below ``after``."""
    moment: datetime | None = await connection.fetchval("SELECT min(created_at) FROM outbox WHERE id > $1", after)
    return moment


async def waiting_before(connection: Connection, at: datetime, floor: datetime, limit: int) -> list[UUID]:
    """Jobs that were dispatched before ``at`` and of which nothing was heard since.

    Args:
        floor: rows created before it wait for no first run, so only later dispatches are looked at there.
    """
    rows = await connection.fetch(statement("lost_waiting"), at, floor, limit)
    return [row["id"] for row in rows]


async def advance_floor(connection: Connection, floor: datetime, until: datetime, limit: int) -> datetime:
    """The creation time of the first row from ``floor`` on that waits for its first run.

    Looks at no more than ``limit`` rows, and never beyond ``until``.
    """
    moved: datetime = await connection.fetchval(statement("lost_floor"), floor, until, limit)
    return moved
