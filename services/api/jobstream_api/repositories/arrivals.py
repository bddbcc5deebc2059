"""Rows of direct jobs: from their record (intake) or from their first status event (applier).

Both write the same row through here, and whichever comes second changes nothing.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from jobstream.contracts.jobs import Job
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import as_json, column, statement


def _arrays(jobs: Sequence[Job]) -> list[Sequence[Any]]:
    return [
        [job.id for job in jobs],
        [job.type for job in jobs],
        [job.queue for job in jobs],
        column([job.key for job in jobs]),
        [as_json(job.payload) for job in jobs],
        column([as_json(job.tags) if job.tags else None for job in jobs]),
        column([job.max_retries for job in jobs]),
        column([job.timeout_s for job in jobs]),
        column([job.run_at for job in jobs]),
        [job.created_at for job in jobs],
    ]


async def insert(connection: Connection, jobs: Sequence[Job], lanes: Sequence[str | None]) -> set[UUID]:
    """Insert the jobs whose id is new, in the caller's transaction; returns their ids.

    Args:
        lanes: of each; a job with one waits at its gate, and the worker hands its record back.
    """
    rows = await connection.fetch(
        statement("arrivals_insert"),
        *_arrays(jobs),
        column([job.priority or None for job in jobs]),
        column(lanes),
        column([job.start_before for job in jobs]),
    )
    return {row["id"] for row in rows}


async def conflicting(connection: Connection, jobs: Sequence[Job]) -> set[int]:
    """Indexes of the jobs whose id belongs to a row with another type or payload."""
    rows = await connection.fetch(
        statement("arrivals_conflicting"),
        [job.id for job in jobs],
        [job.type for job in jobs],
        [as_json(job.payload) for job in jobs],
    )
    return {row["place"] - 1 for row in rows}
