"""What waits for a limit, by key: in all lanes of both, at the gate and held for a time."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from zlib import crc32

from jobstream_api.domain.gates import Bucket
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import statement

_LOCKS = 0x6A6F6273  # "jobs"
_MOST_LOCKS = 256
"""Limits and keys share so many locks: one for each of a large batch would be more than PostgreSQL has room for."""
_PAGE = 1_000


class Place(NamedTuple):
    """A lane as a limit and key have it."""

    name: str
    key: str
    lane: str


class Backlog(NamedTuple):
    """What was found of a limit and key.

    Attributes:
        waiting: jobs, as far as was counted.
        lanes: that are listed, with jobs in them or not.
    """

    waiting: int
    lanes: int


async def lock(connection: Connection, buckets: Iterable[Bucket], patience_s: float) -> None:
    """Let nobody else count and fill these until the transaction ends. All that are needed, at once: in one order.

    Raises:
        asyncpg.LockNotAvailableError: it took longer than ``patience_s`` seconds.
    """
    numbers = sorted({crc32(f"{name}\0{key}".encode()) % _MOST_LOCKS for name, key in buckets})
    await connection.execute(
        "SELECT pg_advisory_xact_lock($1, number) FROM (SELECT set_config('lock_timeout', $3, true)) AS patience "
        "CROSS JOIN unnest($2::int[]) AS number",
        _LOCKS,
        numbers,
        f"{patience_s * 1000:.0f}ms",
    )


async def count(connection: Connection, most: Mapping[Bucket, int]) -> dict[Bucket, Backlog]:
    """What waits, now that it is locked.

    Args:
        most: how far to count.
    """
    buckets = list(most)
    rows = await connection.fetch(
        statement("backlogs_count"),
        [name for name, _ in buckets],
        [key for _, key in buckets],
        [most[bucket] for bucket in buckets],
    )
    return {buckets[row["place"] - 1]: Backlog(row["waiting"], row["lanes"]) for row in rows}


async def register(connection: Connection, places: Collection[Place]) -> None:
    """List lanes to which jobs are about to come. Nobody takes them out before the transaction ends."""
    if places:
        await connection.execute(statement("backlogs_register"), *_columns(places))


async def add(connection: Connection, places: Collection[Place]) -> None:
    """List lanes in which jobs wait; those that are listed are not touched, nor waited for."""
    if places:
        await connection.execute(statement("backlogs_add"), *_columns(places))


def _columns(places: Collection[Place]) -> tuple[list[str], list[str], list[str]]:
    ordered = sorted(places)
    return [place.name for place in ordered], [place.key for place in ordered], [place.lane for place in ordered]


async def tidy(connection: Connection, buckets: Collection[Bucket]) -> None:
    """Take lanes without jobs out, in the caller's transaction."""
    rows = await connection.fetch(
        "SELECT b.name, b.key, b.digest FROM backlog_lanes AS b "
        "JOIN unnest($1::text[], $2::text[]) AS u (name, key) USING (name, key) FOR UPDATE OF b SKIP LOCKED",
        [name for name, _ in buckets],
        [key for _, key in buckets],
    )
    await _take_out(connection, rows)


async def tidy_all(connection: Connection) -> None:
    """Take lanes without jobs out, a page in a transaction."""
    after = ("", "", None)
    while True:
        async with connection.transaction():
            rows = await connection.fetch(statement("backlogs_page"), *after, _PAGE)
            await _take_out(connection, rows)
        if not rows:
            return
        after = (rows[-1]["name"], rows[-1]["key"], rows[-1]["digest"])


async def _take_out(connection: Connection, rows: Sequence[Any]) -> None:
    """Of lanes that are locked. A statement of its own: it sees what whoever listed them has stored since."""
    if rows:
        await connection.execute(
            statement("backlogs_take_out"),
            [row["name"] for row in rows],
            [row["key"] for row in rows],
            [row["digest"] for row in rows],
        )
