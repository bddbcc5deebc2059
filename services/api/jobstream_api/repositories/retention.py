"""What is forgotten by age, in small bites: none of them waits for a lock, or holds many for long."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from jobstream.ids import id_floor
from jobstream_api.domain.retention import Retention
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import ENDED, statement

PAGE = 1_000
_KINDS = ("completed", "failed", "cancelled", "result")


@dataclass(frozen=True, slots=True)
class Page:
    """What became of one page of a table of jobs.

    Attributes:
        last: the highest id of the page; None: there was nothing left.
        removed: rows by kind.
    """

    last: UUID | None
    removed: dict[str, int]


async def page(connection: Connection, table: str, after: UUID, kept: Retention) -> Page:
    """Forget what is expired among the next jobs of ``table``, in a transaction of its own.

    Args:
        table: a partition, as `infrastructure.partitions` names them.
        after: where the page begins.
    """
    of_jobs = kept.of_jobs
    row = await connection.fetchrow(
        statement("retention_page").format(table=table),
        after,
        PAGE,
        list(of_jobs),
        list(of_jobs.values()),
        kept.results_s,
        ENDED,
    )
    assert row is not None
    last = row["last"] if row["seen"] == PAGE else None
    return Page(last, {kind: row[kind] for kind in _KINDS})


async def dead_letters(connection: Connection, now: datetime, kept_s: float) -> int:
    """Forget dead letters by age; returns how many."""
    return len(
        await connection.fetch(
            "DELETE FROM dead_letters WHERE id IN"
            " (SELECT id FROM dead_letters WHERE id < $1 ORDER BY id LIMIT $2 FOR UPDATE SKIP LOCKED) RETURNING id",
            id_floor(now - timedelta(seconds=kept_s)),
            PAGE,
        )
    )


async def outbox(connection: Connection, now: datetime) -> int:
    """Forget records older than a day of jobs that are over; returns how many."""
    day_ago = id_floor(now - timedelta(days=1))
    return len(await connection.fetch(statement("retention_outbox"), day_ago, ENDED, PAGE))


async def idempotency_keys(connection: Connection) -> int:
    """Forget idempotency keys past their expiry; returns how many."""
    return len(
        await connection.fetch(
            "DELETE FROM idempotency_keys WHERE (scope, key) IN"
            " (SELECT scope, key FROM idempotency_keys WHERE expires_at < now() ORDER BY expires_at LIMIT $1"
            " FOR UPDATE SKIP LOCKED) RETURNING 1",
            PAGE,
        )
    )


async def earlier_claims(connection: Connection, after: UUID) -> tuple[UUID | None, int]:
    """Forget, among the next jobs that had a claim before another, those whose window is over, or that are not there.

    Most go with their jobs. But one that was about to be forgotten when it lost its claim was written down after that.

    Returns:
        The last of the page, None if there was nothing left; and how many are forgotten.
    """
    row = await connection.fetchrow(statement("retention_earlier"), after, PAGE)
    assert row is not None
    return row["last"] if row["seen"] == PAGE else None, row["gone"]


async def unique_claims(connection: Connection) -> int:
    """Forget claims whose window is over, and that nobody had before; returns how many."""
    return len(
        await connection.fetch(
            "DELETE FROM unique_claims WHERE hash IN"
            " (SELECT c.hash FROM unique_claims AS c WHERE c.expires_at < now()"
            " AND NOT EXISTS (SELECT 1 FROM unique_earlier AS e WHERE e.hash = c.hash)"
            " ORDER BY c.expires_at LIMIT $1 FOR UPDATE SKIP LOCKED) RETURNING 1",
            PAGE,
        )
    )


async def now(connection: Connection) -> datetime:
    """The database's time."""
    at: datetime = await connection.fetchval("SELECT now()")
    return at
