"""Cancelling: the one place that ends jobs before they end by themselves.

A job is CANCELLED in its row at once, whatever a worker may do with it; what it still reports is
superseded. If a record of it may be with a worker, an order to end it goes to the control topic,
through the outbox like every other record.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from jobstream.contracts.control import CancelOrder
from jobstream.contracts.headers import ORIGIN_HEADER
from jobstream.contracts.status import JobStatus
from jobstream.contracts.topics import Topics
from jobstream.telemetry import Event, emit
from jobstream_api.domain.errors import JobNotFound, ListTooSlow, NotCancellable
from jobstream_api.infrastructure.database import Connection, Database, is_statement_timeout, is_transient
from jobstream_api.repositories import cancels, jobs_read, leadership, outbox
from jobstream_api.repositories.cancels import Ended
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services.cancel_filters import CancelFilter
from jobstream_api.services.trouble import store_errors

_BATCH = 1_000
_TRIES = 3
"""Of one batch: it locks many rows, and so may meet another transaction that waits for one of them."""


@dataclass(frozen=True, slots=True)
class Cancelled:
    """Jobs that were cancelled in a transaction.

    Attributes:
        orders: to be handed to the relay once that is committed.
    """

    ids: Sequence[UUID]
    orders: Sequence[OutboxRow]


@dataclass(frozen=True, slots=True)
class Tally:
    """What a filter came to.

    Attributes:
        matched: jobs that were under way and meant, up to the limit.
        cancelled: those of them that were cancelled; others had ended meanwhile.
        more: the limit left some out.
    """

    matched: int
    cancelled: int
    more: bool


class Canceller:
    """Cancels jobs.

    Args:
        ids: makes the ids of outbox rows; must be UUIDv7.
        hand_over: takes outbox rows once they are committed.
        ease: returns once the relay has room, or will not have it soon.
        notify: told of jobs that are over, after the commit.
    """

    def __init__(
        self,
        database: Database,
        topics: Topics,
        *,
        ids: Callable[[], UUID],
        hand_over: Callable[[Sequence[OutboxRow]], None],
        ease: Callable[[], Awaitable[None]],
        notify: Callable[[Iterable[UUID]], None],
    ) -> None:
        self._database = database
        self._topics = topics
        self._ids = ids
        self._hand_over = hand_over
        self._ease = ease
        self._notify = notify

    async def join(self, connection: Connection, ids: Sequence[UUID], reason: str | None) -> Cancelled:
        """Cancel those of ``ids`` that are under way, in the caller's transaction; then call ``committed``."""
        if not ids:
            return Cancelled([], [])
        ended = await cancels.cancel(connection, ids, reason)
        orders = [self._order(entry, reason) for entry in ended if entry.sent]
        await outbox.insert(connection, orders)
        if orders:
            await cancels.forget_records(connection, [entry for entry in ended if entry.sent])
        return Cancelled([entry.id for entry in ended], orders)

    def committed(self, done: Cancelled) -> None:
        """Tell workers and waiters of what was committed."""
        if done.ids:
            self._hand_over(done.orders)
            self._notify(done.ids)
            emit(Event.JOBS_CANCELLED, count=len(done.ids), jobs=[str(job_id) for job_id in done.ids[:10]])

    async def cancel(self, job_id: UUID, reason: str | None) -> Any:
        """Cancel one job; returns its row. One that was cancelled before stays as it is.

        Raises:
            JobNotFound, StoreUnavailable.
            NotCancellable: it has ended otherwise.
        """
        async with store_errors("cancel"):
            async with self._database.transaction() as connection:
                done = await self.join(connection, [job_id], reason)
                row = await jobs_read.one(connection, job_id)
                if row is None:
                    raise JobNotFound(job_id)
                status = JobStatus(row["status"])
                if status is not JobStatus.CANCELLED:
                    raise NotCancellable(job_id, status)
            self.committed(done)
        return dict(row)

    async def cancel_where(self, wanted: CancelFilter) -> Tally:
        """Cancel the jobs under way that a filter means, in batches, each a transaction of its own.

        Raises:
            ListTooSlow, StoreUnavailable: what was cancelled until then stays so; the same filter goes on.
        """
        async with store_errors("cancel"):
            found = await self._matching(wanted)
            meant = found[: wanted.limit]
            more = len(found) > len(meant)
            if wanted.dry_run:
                return Tally(len(meant), 0, more)
            cancelled = 0
            for start in range(0, len(meant), _BATCH):
                await self._ease()
                done = await self._batch(meant[start : start + _BATCH], wanted.reason)
                self.committed(done)
                cancelled += len(done.ids)
        return Tally(len(meant), cancelled, more)

    async def _batch(self, ids: Sequence[UUID], reason: str | None) -> Cancelled:
        tries = 0
        while True:
            tries += 1
            try:
                async with self._database.transaction() as connection:
                    return await self.join(connection, ids, reason)
            except Exception as error:
                if tries == _TRIES or not is_transient(error):
                    raise
                emit(Event.DATABASE_TROUBLE, service="cancel", error=repr(error))

    async def _matching(self, wanted: CancelFilter) -> list[UUID]:
        """One more than asked for, to see if others are left."""
        async with self._database.connection() as connection:
            floor = await leadership.floor(connection)
        try:
            async with self._database.session() as session:
                return await cancels.matching(session, wanted.jobs, wanted.statuses, floor, wanted.limit + 1)
        except Exception as error:
            if is_statement_timeout(error):
                raise ListTooSlow from error
            raise

    def _order(self, ended: Ended, reason: str | None) -> OutboxRow:
        order = CancelOrder(id=ended.id, dispatch=ended.dispatch, at=ended.at, reason=reason)
        return OutboxRow(
            id=self._ids(),
            job_id=None,
            topic=self._topics.control,
            key=str(ended.id).encode(),
            headers=[(ORIGIN_HEADER, b"api")],
            value=order.to_json(),
            created_at=ended.at,
        )
