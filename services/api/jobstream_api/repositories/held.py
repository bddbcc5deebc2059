"""Held jobs: rows with `dispatch_at`, released by the dispatcher."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jobstream.contracts.jobs import Job
from jobstream_api.domain.transitions import Cause, sources
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import statement


@dataclass(frozen=True, slots=True)
class Released:
    """A job that was just handed out, and the database's time of that."""

    job: Job
    at: datetime


@dataclass(frozen=True, slots=True)
class Outlook:
    """What the dispatcher has before it.

    Attributes:
        due_s: seconds until the earliest job is due, at most 0 if one is; None if none waits for a time.
        at_gates: jobs wait for a permit.
        version: of the rules for that.
        relane: types whose jobs may lie in wrong lanes.
    """

    due_s: float | None
    at_gates: bool
    version: int
    relane: list[str]


async def outlook(connection: Connection) -> Outlook:
    """Look at all that is held, in one statement."""
    row = await connection.fetchrow(statement("held_outlook"))
    assert row is not None
    return Outlook(row["due_s"], row["at_gates"], row["version"], row["relane"])


async def release(connection: Connection, limit: int) -> tuple[list[Released], list[str]]:
    """Take the jobs that are due, oldest first, to their next dispatch or to their gate, in the caller's transaction.

    Returns:
        Those that have no gate to pass, and the lane of each that went to its gate.
    """
    rows = await connection.fetch(statement("held_release"), limit, sources(Cause.DISPATCH))
    free = [released(row) for row in rows if row["lane"] is None]
    return free, [row["lane"] for row in rows if row["lane"] is not None]


async def republish(connection: Connection, ids: list[UUID]) -> list[Released]:
    """The jobs of ``ids`` that still wait for their first event, at the dispatch they have."""
    rows = await connection.fetch(statement("held_republish"), ids)
    return [released(row) for row in rows]


async def reschedule(
    connection: Connection, job_id: UUID, *, run_at: datetime | None, delay_s: float | None, priority: int | None
) -> Any | None:
    """Move a held job to another time, or another priority; returns its row, or None if it is not held.

    What is None stays as it is.
    """
    return await connection.fetchrow(
        statement("reschedule"), job_id, run_at, delay_s, priority, sources(Cause.DISPATCH)
    )


def released(row: Any, start_by: datetime | None = None) -> Released:
    """A row that was just dispatched.

    Args:
        start_by: until when its permit is good.
    """
    return Released(job_of(row, start_by), row["dispatched_at"])


def job_of(row: Any, start_by: datetime | None = None) -> Job:
    """The job record of a row. One with a lane has a permit: it is handed out in no other way."""
    return Job(
        id=UUID(int=row["id"].int),  # the driver's own class is none that orjson writes
        type=row["type"],
        queue=row["queue"],
        key=row["key"],
        payload=row["payload"],
        attempt=row["attempt"],
        dispatch=row["dispatch"],
        max_retries=row["max_retries"],
        timeout_s=row["timeout_s"],
        tags=row["tags"],
        priority=row["priority"],
        permit=row["lane"] is not None,
        start_by=start_by,
        created_at=row["created_at"],
        start_before=row["start_before"],
    )
