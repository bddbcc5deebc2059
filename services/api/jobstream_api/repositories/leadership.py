"""The leader's lease: one row, taken over when it ran out."""

from datetime import datetime, timedelta

from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import statement

NAME = "api"


async def claim(connection: Connection, holder: str, ttl_s: float) -> int | None:
    """Take or renew the lease. Returns the term that is ours, or None if another holds it."""
    term: int | None = await connection.fetchval(statement("leadership_claim"), NAME, holder, timedelta(seconds=ttl_s))
    return term


async def resign(connection: Connection, holder: str) -> None:
    """Let the lease run out now, so that another need not wait for it."""
    await connection.execute("UPDATE leader SET expires_at = now() WHERE name = $1 AND holder = $2", NAME, holder)


async def floor(connection: Connection) -> datetime | None:
    """The reaper's mark, kept across leaders."""
    moment: datetime | None = await connection.fetchval("SELECT pending_floor FROM leader WHERE name = $1", NAME)
    return moment


async def set_floor(connection: Connection, at: datetime, holder: str) -> None:
    """Move the reaper's mark."""
    await connection.execute("UPDATE leader SET pending_floor = $2 WHERE name = $1 AND holder = $3", NAME, at, holder)
