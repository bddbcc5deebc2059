"""Rows of direct jobs: from their record (intake) or from their first status event (applier).

Both write the same row through here, and whichever comes second changes nothing. A job whose first event is that it
is COMPLETED is written once, as that.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from jobstream.contracts.jobs import Job
from jobstream_api.domain.fold import Folded
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories import progress
from jobstream_api.repositories.progress import Advance, Change
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
        column([job.priority or None for job in jobs]),
    ]


async def insert(connection: Connection, jobs: Sequence[Job], lanes: Sequence[str | None]) -> set[UUID]:
    """Insert the jobs whose id is new, in the caller's transaction; returns their ids.

    Args:
        lanes: of each; a job with one waits at its gate, and the worker hands its record back.
    """
    rows = await connection.fetch(
        statement("arrivals_insert"),
        *_arrays(jobs),
        column(lanes),
        column([job.start_before for job in jobs]),
    )
    return {row["id"] for row in rows}


async def insert_completed(connection: Connection, entries: Sequence[Folded]) -> list[tuple[Folded, datetime]]:
    """Insert the jobs whose id is new, each with the outcome of its first dispatch.

    Args:
        entries: of direct jobs, COMPLETED.

    Returns:
        Those that have rows now, each with the time of its dispatch.
    """
    rows = await connection.fetch(statement("arrivals_insert_completed"), *_completed(entries))
    return _inserted(entries, rows)


async def insert_completed_and_advance(
    connection: Connection, entries: Sequence[Folded], consumer: str, steps: list[Advance]
) -> list[tuple[Folded, datetime]] | None:
    """The same with the consumer's steps, as one transaction; None if any id was there: then nothing was done."""
    change = Change("arrivals_insert_completed", _completed(entries), len(entries))
    rows = await progress.store_with(connection, consumer, steps, [change])
    return None if rows is None else _inserted(entries, rows)


def _inserted(entries: Sequence[Folded], rows: Sequence[Any]) -> list[tuple[Folded, datetime]]:
    dispatched = {row["id"]: row["dispatched_at"] for row in rows}
    return [(entry, dispatched[entry.id]) for entry in entries if entry.id in dispatched]


def _completed(entries: Sequence[Folded]) -> list[Any]:
    events = [entry.outcome for entry in entries if entry.outcome]
    return [
        *_arrays([entry.job for entry in entries if entry.job]),
        [event.run_id for event in events],
        [event.worker for event in events],
        [entry.started_at(event) for entry, event in zip(entries, events, strict=True)],
        [event.finished_at for event in events],
        column([event.progress for event in events]),
        column([event.progress_text for event in events]),
        [as_json(event.result) for event in events],
    ]


async def conflicting(connection: Connection, jobs: Sequence[Job]) -> set[int]:
    """Indexes of the jobs whose id belongs to a row with another type or payload."""
    rows = await connection.fetch(
        statement("arrivals_conflicting"),
        [job.id for job in jobs],
        [job.type for job in jobs],
        [as_json(job.payload) for job in jobs],
    )
    return {row["place"] - 1 for row in rows}
