"""Cancelling jobs."""

from collections.abc import Sequence
from uuid import UUID

from jobstream_api.domain.transitions import Cause, sources
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import statement

CANCELLED = "cancelled"


async def unstarted(connection: Connection, ids: Sequence[UUID], why: str) -> set[UUID]:
    """Cancel those of ``ids`` that no worker runs, in the caller's transaction; returns those that it was."""
    rows = await connection.fetch(
        statement("cancel_unstarted"), sorted(ids), sources(Cause.CANCEL), CANCELLED, {"why": why}
    )
    return {row["id"] for row in rows}
