"""Partitions of the jobs table: one a week, made ahead.

A week's rows go to the default partition if its partition is missing; making it later would then
fail, so they are made well ahead, at every upgrade and by the leader.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import asyncpg

from jobstream.ids import id_floor

WEEKS_AHEAD = 5
DEFAULT = "jobs_default"
"""Takes ids that are no UUIDv7 of a week that has a partition."""
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)  # a Monday
# Most of a job's columns are filled by its outcome, an update: with room on its page it touches no index.
_FILLFACTOR = 45
_WEEK = timedelta(weeks=1)
_WEEK_MS = _WEEK // timedelta(milliseconds=1)
_EPOCH_MS = int(_EPOCH.timestamp() * 1000)
_MAX_ID = (1 << 128) - 1
_NAME = re.compile(r"jobs_(\d{8})")
_LOCK_TIMEOUT = "100ms"
_STATEMENT_TIMEOUT = "1s"


def week_of(at: datetime) -> datetime:
    """The Monday, 00:00 UTC, that begins the week of ``at``."""
    return _EPOCH + _WEEK * ((at - _EPOCH) // _WEEK)


def partition_name(week: datetime) -> str:
    """The table of a week's jobs."""
    return f"jobs_{week:%Y%m%d}"


def end_of(week: datetime) -> datetime:
    """When the week is over."""
    return week + _WEEK


def bounds_of(first: UUID, last: UUID) -> tuple[UUID, UUID]:
    """The lowest and the highest id of the weeks that ``first`` to ``last`` are of, whether they are UUIDv7 or not."""
    weeks_since = [((id_.int >> 80) - _EPOCH_MS) // _WEEK_MS for id_ in (first, last)]
    low, high = (_EPOCH_MS + week * _WEEK_MS << 80 for week in (weeks_since[0], weeks_since[1] + 1))
    return UUID(int=max(low, 0)), UUID(int=min(high - 1, _MAX_ID))


async def weeks(connection: Any) -> list[datetime]:
    """The weeks that have a partition, oldest first."""
    rows = await connection.fetch(
        "SELECT c.relname FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid"
        " WHERE i.inhparent = 'jobs'::regclass ORDER BY c.relname"
    )
    found = [match for row in rows if (match := _NAME.fullmatch(row["relname"]))]
    return [datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC) for match in found]


async def drop_if_empty(connection: Any, name: str) -> bool:
    """Drop a partition that has no rows; False if it has some, or if the locks cannot be had at once.

    A partition cannot be detached CONCURRENTLY beside a default partition, so it takes the strongest lock on
    all jobs for some milliseconds, and whoever comes waits for that; it is not waited for longer than that
    either, but tried again another time.
    """
    occupied = f"SELECT EXISTS (SELECT 1 FROM {name})"  # noqa: S608  (a name of ours)
    if await connection.fetchval(occupied):
        return False
    try:
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout TO '{_LOCK_TIMEOUT}'")
            await connection.execute(f"SET LOCAL statement_timeout TO '{_STATEMENT_TIMEOUT}'")
            await connection.execute(f"ALTER TABLE jobs DETACH PARTITION {name}")
            if await connection.fetchval(occupied):  # a job came meanwhile
                raise _Occupied
            await connection.execute(f"DROP TABLE {name}")
    except (_Occupied, asyncpg.LockNotAvailableError, asyncpg.QueryCanceledError):
        return False
    return True


class _Occupied(Exception):
    """Rolls the detaching back."""


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
