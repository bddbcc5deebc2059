"""Hot reads of jobs."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import ENDED


async def terminal(connection: Connection, ids: Sequence[UUID]) -> list[UUID]:
    """Those of ``ids`` whose job is over."""
    rows = await connection.fetch(
        "SELECT id FROM jobs WHERE id = ANY($1::uuid[]) AND status = ANY($2::text[])", ids, ENDED
    )
    return [row["id"] for row in rows]


async def one(connection: Connection, job_id: UUID) -> Any | None:
    """A job's row, and ``read_at``, the database's time; or None."""
    return await connection.fetchrow("SELECT *, now() AS read_at FROM jobs WHERE id = $1", job_id)


async def many(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, Any]:
    """The rows of ``ids`` that exist, by id."""
    rows = await connection.fetch("SELECT * FROM jobs WHERE id = ANY($1::uuid[])", ids)
    return {row["id"]: row for row in rows}
