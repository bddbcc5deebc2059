"""Firing schedules: locks, marks, and one row per tick. All in the caller's transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jobstream_api.domain.schedules import FireStatus, Origin
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import ENDED, statement

KEPT_DAYS = 30
"""How long it is known what became of a tick."""


Tick = tuple[UUID, datetime]
"""A schedule's id, and the time of the tick."""


@dataclass(frozen=True, slots=True)
class Fire:
    """What became of one tick.

    Attributes:
        reason: why there is no job: ``overlap``, ``replaced``, ``queue_full``, or why it was refused.
    """

    schedule_id: UUID
    tick: datetime
    origin: Origin
    status: FireStatus
    reason: str | None = None
    job_id: UUID | None = None


async def outlook(connection: Connection) -> tuple[float | None, bool]:
    """Seconds until the next tick of any schedule (at most 0: it is due; None: none comes), and if ticks wait.

    Those of paused schedules rest, and are not waited for.
    """
    row = await connection.fetchrow(
        "SELECT (SELECT extract(epoch FROM min(next_at) - clock_timestamp())::float8 FROM schedules"
        " WHERE next_at IS NOT NULL) AS due_s,"
        " EXISTS (SELECT 1 FROM schedule_fires AS f JOIN schedules AS s ON s.id = f.schedule_id"
        " WHERE f.status = 'waiting' AND NOT s.paused) AS waiting"
    )
    assert row is not None  # a SELECT without FROM has one row
    return row["due_s"], row["waiting"]


async def due(connection: Connection, limit: int) -> list[Any]:
    """Schedules with a tick that is due, longest due first, locked; each with the database's time as ``now``.

    Those that another transaction holds are left out: it changes or fires them.
    """
    return await connection.fetch(
        "SELECT *, now() AS now FROM schedules WHERE next_at <= now() ORDER BY next_at LIMIT $1"
        " FOR NO KEY UPDATE SKIP LOCKED",
        limit,
    )


async def startable(connection: Connection, limit: int) -> list[Any]:
    """Schedules with a tick that waits and, so it seems, no job under way, locked."""
    return await connection.fetch(statement("fires_startable"), limit, ENDED)


async def lock(connection: Connection, name: str, schedule_id: UUID | None) -> Any | None:
    """A schedule by its id, else by its name, locked; with the database's time as ``now``."""
    return await connection.fetchrow(
        "SELECT *, now() AS now FROM schedules WHERE CASE WHEN $2::uuid IS NULL THEN name = $1 ELSE id = $2 END"
        " FOR NO KEY UPDATE",
        name,
        schedule_id,
    )


async def advance(connection: Connection, marks: Sequence[tuple[UUID, datetime | None]]) -> None:
    """Set the next tick of schedules that are locked."""
    await connection.execute(
        "UPDATE schedules AS s SET next_at = m.next_at FROM unnest($1::uuid[], $2::timestamptz[]) AS m (id, next_at)"
        " WHERE s.id = m.id",
        [schedule_id for schedule_id, _ in marks],
        [next_at for _, next_at in marks],
    )


async def known(connection: Connection, asked: Sequence[Tick]) -> dict[Tick, Fire]:
    """What became of those of the ticks that were looked at before."""
    rows = await connection.fetch(
        "SELECT f.* FROM unnest($1::uuid[], $2::timestamptz[]) AS a (schedule_id, tick)"
        " JOIN schedule_fires AS f USING (schedule_id, tick)",
        [schedule_id for schedule_id, _ in asked],
        [tick for _, tick in asked],
    )
    return {(row["schedule_id"], row["tick"]): fire_of(row) for row in rows}


async def record(connection: Connection, fires: Sequence[Fire]) -> None:
    """Write what became of ticks that were never looked at; fails if one of them was."""
    await connection.execute(
        statement("fires_record"),
        [fire.schedule_id for fire in fires],
        [fire.tick for fire in fires],
        [fire.origin.value for fire in fires],
        [fire.status.value for fire in fires],
        [fire.reason for fire in fires],
        [fire.job_id for fire in fires],
    )


async def unrecord(connection: Connection, schedule_id: UUID, ticks: Sequence[datetime]) -> None:
    """Forget ticks that made no job, so that they may."""
    await connection.execute(
        "DELETE FROM schedule_fires WHERE schedule_id = $1 AND tick = ANY($2::timestamptz[]) AND job_id IS NULL",
        schedule_id,
        ticks,
    )


async def under_way(connection: Connection, schedule_id: UUID) -> list[UUID]:
    """Its jobs that have not ended."""
    rows = await connection.fetch(statement("fires_under_way"), schedule_id, ENDED)
    return [row["job_id"] for row in rows]


async def waiting(connection: Connection, schedule_id: UUID) -> int:
    """How many of its ticks wait for their turn."""
    count: int = await connection.fetchval(
        "SELECT count(*) FROM schedule_fires WHERE schedule_id = $1 AND status = 'waiting'", schedule_id
    )
    return count


async def next_waiting(connection: Connection, schedule_id: UUID) -> Fire | None:
    """The earliest of its ticks that wait."""
    row = await connection.fetchrow(
        "SELECT * FROM schedule_fires WHERE schedule_id = $1 AND status = 'waiting' ORDER BY tick LIMIT 1", schedule_id
    )
    return None if row is None else fire_of(row)


async def replace_waiting(connection: Connection, schedule_id: UUID) -> int:
    """Skip those of its ticks that wait, since a later one replaces them; returns how many there were."""
    rows = await connection.fetch(
        "UPDATE schedule_fires SET status = 'skipped', reason = 'replaced', at = now()"
        " WHERE schedule_id = $1 AND status = 'waiting' RETURNING tick",
        schedule_id,
    )
    return len(rows)


async def tidy(connection: Connection) -> None:
    """Note which jobs have ended, and forget what became of ticks long ago."""
    await connection.execute(statement("fires_close"), ENDED)
    await connection.execute(
        "DELETE FROM schedule_fires WHERE at < now() - make_interval(days => $1) AND status <> 'waiting' AND NOT open",
        KEPT_DAYS,
    )


def fire_of(row: Any) -> Fire:
    """A row of schedule_fires, by column name."""
    return Fire(
        schedule_id=row["schedule_id"],
        tick=row["tick"],
        origin=Origin(row["origin"]),
        status=FireStatus(row["status"]),
        reason=row["reason"],
        job_id=row["job_id"],
    )
