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


async def next_due_s(connection: Connection) -> float | None:
    """Seconds until the earliest held job is due, at most 0 if one is; None if none is held."""
    seconds = await connection.fetchval(
        "SELECT extract(epoch FROM min(dispatch_at) - now())::float8 FROM jobs WHERE dispatch_at IS NOT NULL"
    )
    return None if seconds is None else float(seconds)


async def release(connection: Connection, limit: int) -> list[Released]:
    """Take the jobs that are due, oldest first, to their next dispatch, in the caller's transaction."""
    rows = await connection.fetch(statement("held_release"), limit, sources(Cause.DISPATCH))
    return [Released(job_of(row), row["dispatched_at"]) for row in rows]


async def republish(connection: Connection, ids: list[UUID]) -> list[Released]:
    """The jobs of ``ids`` that still wait for their first event, at the dispatch they have."""
    rows = await connection.fetch(statement("held_republish"), ids)
    return [Released(job_of(row), row["dispatched_at"]) for row in rows]


def job_of(row: Any) -> Job:
    """The job record of a row."""
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
        created_at=row["created_at"],
    )
