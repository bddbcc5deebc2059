"""Cancelling jobs, and the permits that cancelled jobs still hold."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import or_, select, text

from jobstream.ids import id_floor
from jobstream_api.domain.transitions import Cause, sources
from jobstream_api.infrastructure.database import Connection, Session
from jobstream_api.infrastructure.models import JobRow
from jobstream_api.repositories.listings import JobFilter, conditions
from jobstream_api.repositories.statements import ENDED, statement

CANCELLED = "cancelled"
UNHEARD_S = 30.0
"""How long a job that was cancelled in the queue keeps its permit, unless its worker reports sooner."""
MATCHING_TIMEOUT = "25s"
"""How long the jobs of a filter may be looked for."""
_APART = timedelta(seconds=10)
"""An outbox id is made by the clock of its process, a dispatch has the database's time: they differ by less."""


class Ended(NamedTuple):
    """A job that was just cancelled.

    Attributes:
        dispatched_at: when its record was written, or None.
        sent: a record of its current dispatch may be with a worker, or get there.
        at: the database's time.
    """

    id: UUID
    dispatch: int
    dispatched_at: datetime | None
    sent: bool
    at: datetime


async def cancel(connection: Connection, ids: Sequence[UUID], reason: str | None) -> list[Ended]:
    """Cancel those of ``ids`` that are under way, in the caller's transaction."""
    rows = await connection.fetch(statement("cancel"), sorted(ids), sources(Cause.CANCEL), CANCELLED, reason, UNHEARD_S)
    return [Ended(UUID(int=row["id"].int), *row[1:]) for row in rows]


async def forget_records(connection: Connection, ended: Sequence[Ended]) -> None:
    """Delete job records of cancelled jobs that Kafka has not got yet.

    Some may be in a relay's hands all the same; who reads them gets the order too.
    """
    times = [entry.dispatched_at for entry in ended if entry.dispatched_at is not None]
    if times:
        await connection.execute(
            # No index names job_id, so the ids' times narrow it down; only job records have no headers.
            "DELETE FROM outbox WHERE id BETWEEN $1 AND $2 AND job_id = ANY($3::uuid[]) AND headers IS NULL",
            id_floor(min(times) - _APART),
            id_floor(max(times) + _APART),
            [entry.id for entry in ended],
        )


async def matching(
    session: Session, wanted: JobFilter, statuses: Sequence[str], floor: datetime | None, limit: int
) -> list[UUID]:
    """Jobs under way that a filter means, at most ``limit``, sorted by id.

    Args:
        wanted: its status is not looked at.
        floor: the reaper's mark: older jobs are under way only if they are held, leased or watched.
    """
    query = select(JobRow.id).where(*conditions(wanted), JobRow.status.in_(statuses))
    if floor is not None:
        query = query.where(
            or_(
                JobRow.created_at >= floor,
                JobRow.dispatch_at.is_not(None),
                JobRow.lease_expires_at.is_not(None),
                JobRow.watch_at.is_not(None),
            )
        )
    await session.execute(text(f"SET LOCAL statement_timeout TO '{MATCHING_TIMEOUT}'"))
    return sorted((await session.execute(query.limit(limit))).scalars())


async def give_back_permits(connection: Connection, runs: Sequence[tuple[UUID, int, int]]) -> int:
    """Free the permits of jobs that are over, now that their run is too; returns how many.

    Args:
        runs: (job, attempt, dispatch) of runs that have ended.
    """
    rows = await connection.fetch(
        statement("permits_give_back"),
        [run[0] for run in runs],
        [run[1] for run in runs],
        [run[2] for run in runs],
        ENDED,
    )
    return len(rows)


async def expire_permits(connection: Connection) -> int:
    """Free the permits of jobs that are over, and whose lease ran out; returns how many."""
    return len(await connection.fetch(statement("permits_expire"), ENDED))
