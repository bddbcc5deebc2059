"""Partitions of the jobs table: one a week, made ahead.

A week's rows go to the default partition if its partition is missing; making it later would then
fail, so they are made well ahead, at every upgrade and by the leader.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from jobstream.ids import id_floor

WEEKS_AHEAD = 5
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
# Most of a job's columns are filled by its outcome, an update: with room on its page it touches no index.
_FILLFACTOR = 45
_WEEK = timedelta(weeks=1)


def week_of(at: datetime) -> datetime:
    """The Monday, 00:00 UTC, that begins the week of ``at``."""
    return _EPOCH + _WEEK * ((at - _EPOCH) // _WEEK)


def partition_name(week: datetime) -> str:
    """The table of a week's jobs."""
    return f"jobs_{week:%Y%m%d}"


async def ensure_partitions(connection: Any, now: datetime | None = None) -> list[str]:
    """Make the partitions of this and the coming weeks that are missing.

    Args:
        connection: an asyncpg connection whose search_path leads to our tables.
        now: default: the database's time.

    Returns:
        The names of those made.
    """
    at = now or await connection.fetchval("SELECT now()")
    made = []
    for ahead in range(WEEKS_AHEAD + 1):
        week = week_of(at) + _WEEK * ahead
        name = partition_name(week)
        if await connection.fetchval("SELECT to_regclass($1) IS NOT NULL", name):
            continue
        await connection.execute(
            f"CREATE TABLE IF NOT EXISTS {name} PARTITION OF jobs "
            f"FOR VALUES FROM ('{id_floor(week)}') TO ('{id_floor(week + _WEEK)}') WITH (fillfactor = {_FILLFACTOR})"
        )
        made.append(name)
    return made
