"""Finding what was lost: runs whose lease ran out, and jobs that Kafka no longer owes to anyone."""

from datetime import datetime
from uuid import UUID

from jobstream_api.domain.decisions import Standing
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.runs import standing
from jobstream_api.repositories.statements import statement


async def now(connection: Connection) -> datetime:
    """The database's time."""
    moment: datetime = await connection.fetchval("SELECT clock_timestamp()")
    return moment


async def any_lease_before(connection: Connection, at: datetime) -> bool:
    """True if some lease had run out at ``at``."""
    found: bool = await connection.fetchval("SELECT EXISTS (SELECT FROM jobs WHERE lease_expires_at < $1)", at)
    return found


async def lock_leases_before(connection: Connection, at: datetime, limit: int) -> list[Standing]:
    """Lock rows whose lease had run out at ``at``."""
    return [standing(row) for row in await connection.fetch(statement("lost_leases"), at, limit)]


async def oldest_outbox(connection: Connection) -> datetime | None:
    """When the oldest record that still waits for Kafka was written."""
    moment: datetime | None = await connection.fetchval("SELECT min(created_at) FROM outbox")
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
