"""What operators do to jobs."""

from typing import Any
from uuid import UUID

from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import statement

RETRIED = "retried"


async def lock(connection: Connection, job_id: UUID) -> Any | None:
    """A job's row, locked until the caller's transaction ends, or None."""
    return await connection.fetchrow("SELECT * FROM jobs WHERE id = $1 FOR UPDATE", job_id)


async def granted_before(connection: Connection, job_id: UUID) -> int | None:
    """How many retries the last operator's retry granted, or None if there was none."""
    granted: int | None = await connection.fetchval(
        "SELECT (detail->>'allowance')::int FROM job_events WHERE job_id = $1 AND kind = $2 ORDER BY id DESC LIMIT 1",
        job_id,
        RETRIED,
    )
    return granted


async def reopen(connection: Connection, row: Any, *, allowance: int, lane: str | None) -> Any:
    """Take a locked job to its next attempt and dispatch; returns the row as it is then.

    Args:
        allowance: retries it gets from here on.
        lane: where it waits for a permit; None: it is dispatched now.
    """
    changed = await connection.fetchrow(statement("reopen"), row["id"], row["attempt"] + allowance, lane)
    await connection.execute(
        "INSERT INTO job_events (job_id, kind, attempt, detail) VALUES ($1, $2, $3, $4)",
        row["id"],
        RETRIED,
        row["attempt"] + 1,
        {"allowance": allowance, "from": row["status"]},
    )
    return changed
