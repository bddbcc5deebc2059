"""Lists, newest first, a page at a time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from jobstream.contracts.status import JobStatus
from jobstream_api.infrastructure.models import DeadLetterRow, JobRow, WorkerRow

PREVIEW_BYTES = 4096
JOBS_TIMEOUT = "10s"
"""How long a page of jobs may be looked for: no index names every filter."""


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs; None does not restrict."""

    status: JobStatus | None = None
    type: str | None = None
    queue: str | None = None
    key: str | None = None
    tag: str | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None


def conditions(wanted: JobFilter) -> list[ColumnElement[bool]]:
    """What must hold for the jobs that a filter means."""
    needed: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        needed.append(JobRow.status == wanted.status.value)
        # No index names status; these say the same to the partial indexes that there are.
        if wanted.status is JobStatus.RUNNING:
            needed.append(JobRow.lease_expires_at.is_not(None))
        if wanted.status is JobStatus.RETRYING:
            needed.append(JobRow.dispatch_at.is_not(None))
    if wanted.type is not None:
        needed.append(JobRow.type == wanted.type)
    if wanted.queue is not None:
        needed.append(JobRow.queue == wanted.queue)
    if wanted.key is not None:
        needed.append(JobRow.key == wanted.key)
    if wanted.tag is not None:
        needed += [JobRow.tags.contains([wanted.tag]), JobRow.tags != []]
    if wanted.created_after is not None:
        needed.append(JobRow.created_at >= wanted.created_after)
    if wanted.created_before is not None:
        needed.append(JobRow.created_at < wanted.created_before)
    return needed


async def jobs(
    session: AsyncSession, wanted: JobFilter, limit: int, after: tuple[datetime, UUID] | None
) -> list[dict[str, Any]]:
    """Jobs as mappings of their columns."""
    query = select(*JobRow.__table__.c).where(*conditions(wanted))
    if after is not None:
        query = query.where(tuple_(JobRow.created_at, JobRow.id) < tuple_(*after))
    await session.execute(text(f"SET LOCAL statement_timeout TO '{JOBS_TIMEOUT}'"))
    query = query.order_by(JobRow.created_at.desc(), JobRow.id.desc()).limit(limit)
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def workers(session: AsyncSession, *, seen_within_s: float) -> list[dict[str, Any]]:
    """Every worker that is remembered, with ``live``: seen lately, by the database's clock, and not stopped."""
    seen = WorkerRow.last_seen_at > func.now() - timedelta(seconds=seen_within_s)
    live = (seen & WorkerRow.stopped_at.is_(None)).label("live")
    query = select(*WorkerRow.__table__.c, live).order_by(live.desc(), WorkerRow.last_seen_at.desc(), WorkerRow.id)
    return [dict(row) for row in (await session.execute(query)).mappings()]


async def dead_letters(session: AsyncSession, limit: int, after: UUID | None) -> list[dict[str, Any]]:
    """Dead letters with the beginning of their value, and its size."""
    columns = [column for column in DeadLetterRow.__table__.c if column.name != "value"]
    query = select(
        *columns,
        func.substring(DeadLetterRow.value, 1, PREVIEW_BYTES).label("value"),
        func.octet_length(DeadLetterRow.value).label("value_bytes"),
    )
    if after is not None:
        query = query.where(DeadLetterRow.id < after)
    query = query.order_by(DeadLetterRow.id.desc()).limit(limit)
    return [dict(row) for row in (await session.execute(query)).mappings()]
