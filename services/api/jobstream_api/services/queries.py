"""Reads: one job, waiting for one, and lists."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from jobstream.contracts.status import JobStatus
from jobstream_api.domain.errors import JobNotFound, ListTooSlow
from jobstream_api.infrastructure.database import Database, is_statement_timeout
from jobstream_api.repositories import jobs_read, listings
from jobstream_api.repositories.listings import JobFilter
from jobstream_api.services import cursors
from jobstream_api.services.explaining import explain
from jobstream_api.services.flow import Flow
from jobstream_api.services.trouble import store_errors
from jobstream_api.services.waiters import Waiters

WORKER_SEEN_WITHIN_S = 30.0

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list; ``next_cursor`` is None at its end."""

    items: Sequence[Row]
    next_cursor: str | None


class Queries:
    """Answers questions about jobs, workers and dead letters."""

    def __init__(self, database: Database, waiters: Waiters, flow: Flow) -> None:
        self._database = database
        self._waiters = waiters
        self._flow = flow

    async def job(self, job_id: UUID, *, wait_s: float = 0.0) -> Row:
        """A job's row; with ``wait_s`` once it is terminal, or when that time is over.

        Raises:
            JobNotFound, StoreUnavailable.
        """
        if wait_s <= 0:
            return await self._read(job_id)
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        with self._waiters.watch(job_id) as watch:
            while True:
                row = await self._read(job_id)
                left = until - loop.time()
                if left <= 0 or JobStatus(row["status"]).terminal or self._waiters.stopping.is_set():
                    return row
                await watch.woken(left)

    async def _read(self, job_id: UUID) -> Row:
        async with store_errors("read"), self._database.connection() as connection:
            row = await jobs_read.one(connection, job_id)
            if row is None:
                raise JobNotFound(job_id)
            return dict(row) | {"waiting_for": await explain(connection, row, self._flow.rules)}

    async def jobs(self, wanted: JobFilter, *, limit: int, cursor: str | None) -> Page:
        """Jobs, newest first.

        Raises:
            InvalidInput: the cursor is none of ours.
            ListTooSlow, StoreUnavailable.
        """
        after = None if cursor is None else cursors.decode(cursor)
        async with store_errors("list"):
            try:
                async with self._database.session() as session:
                    rows = await listings.jobs(session, wanted, limit + 1, after)
            except Exception as error:
                if is_statement_timeout(error):
                    raise ListTooSlow from error
                raise
        return page_of(rows, limit)

    async def workers(self) -> Sequence[Row]:
        """Every worker that is remembered, live ones first."""
        async with store_errors("list"), self._database.session() as session:
            return await listings.workers(session, seen_within_s=WORKER_SEEN_WITHIN_S)

    async def dead_letters(self, *, limit: int, cursor: str | None) -> Page:
        """Dead letters, newest first.

        Raises:
            InvalidInput: the cursor is none of ours.
            StoreUnavailable.
        """
        after = None if cursor is None else cursors.decode(cursor)[1]
        async with store_errors("list"), self._database.session() as session:
            rows = await listings.dead_letters(session, limit + 1, after)
        return page_of(rows, limit)


def page_of(rows: Sequence[Row], limit: int) -> Page:
    """The first ``limit`` of rows that were read with one more, to see if others follow."""
    if len(rows) <= limit:
        return Page(rows, None)
    last = rows[limit - 1]
    return Page(rows[:limit], cursors.encode(last["created_at"], last["id"]))
