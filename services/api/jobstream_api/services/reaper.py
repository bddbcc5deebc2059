"""Reaper: recovers what was lost, and declares nothing lost that may still be under way.

A run is lost when its lease ran out and every event that was on the status topic at that moment
has been applied. A job is lost in Kafka when its queue's group has passed the place where it must
have been, every event since has been applied, and still nothing was heard of it.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from jobstream.contracts.topics import Topics
from jobstream.kafka.ends import Ends, Place
from jobstream.telemetry import Event, emit
from jobstream_api.domain.decisions import Standing, decide_lost
from jobstream_api.infrastructure.database import Connection, Database
from jobstream_api.repositories import cancels, held, leadership, lost, outbox, runs
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.repositories.runs import Settled
from jobstream_api.services import applier
from jobstream_api.services.catching_up import applied
from jobstream_api.services.dispatcher import outbox_row
from jobstream_api.services.outbox_floor import OutboxFloor
from jobstream_api.services.policies import Policies
from jobstream_api.services.turns import TurningLoop
from jobstream_api.settings import ApiSettings

_BATCH = 500
_FLOOR_ROWS = 20_000
_FLOOR_MARGIN = timedelta(seconds=30)  # a transaction's now() is older than its commit
_LOST = "the worker went silent: the lease of its run ran out"


@dataclass(frozen=True, slots=True)
class _Mark:
    """A moment, and where the job topics ended then."""

    at: datetime
    ends: dict[Place, int]


class Reaper(TurningLoop):
    """Rescues lost runs and lost jobs."""

    name = "reaper"

    def __init__(
        self,
        settings: ApiSettings,
        database: Database,
        *,
        holder: str,
        floor: OutboxFloor,
        policies: Policies,
        hand_over: Callable[[Sequence[OutboxRow]], None],
        notify: Callable[[Iterable[UUID]], None],
        wake_dispatcher: Callable[[], None],
        rng: random.Random | None = None,
    ) -> None:
        super().__init__()
        self.rest_s = settings.reaper_interval_s
        self._settings = settings
        self._database = database
        self._holder = holder
        self._floor_of_outbox = floor
        self._policies = policies
        self._hand_over = hand_over
        self._notify = notify
        self._wake_dispatcher = wake_dispatcher
        self._rng = rng or random.Random()  # noqa: S311  (jitter, no secret)
        self._topics = Topics(settings.topic_prefix)
        self._ends = Ends(settings, "jobstream-api-reaper")
        self._mark: _Mark | None = None
        self._quiet_until = 0.0
        self._looked_at = 0.0

    async def setup(self) -> None:
        self._hold_off()

    async def turn(self) -> float:
        await self._look()
        await self._rescue_jobs()
        return self.rest_s

    def troubled(self) -> None:
        # Heartbeats could not arrive either: give every worker a lease's time after it is over.
        self._hold_off()
        self._mark = None

    async def teardown(self) -> None:
        await self._ends.close()

    def _now(self) -> float:
        return asyncio.get_running_loop().time()

    def _hold_off(self) -> None:
        self._quiet_until = self._now() + self._settings.reaper_hold_off_s

    async def _look(self) -> None:
        """One query for all that has its time in a column; mostly it finds nothing."""
        async with self._database.connection() as connection:
            found = await lost.overdue(connection, timedelta(seconds=self._settings.reaper_grace_s))
        if found.leases:
            await self._free_permits()
        if found.starts:
            await self._fail_late(None)
        if not (found.leases or found.starts):
            return
        ends = await self._ends.ends([self._topics.status])
        if self._now() < self._quiet_until or not await applied(self._database, ends, self):
            return
        if found.leases:
            await self._rescue_runs(found.at)
        if found.starts:
            await self._fail_late(found.at)

    async def _free_permits(self) -> None:
        async with self._database.connection() as connection:
            freed = await cancels.expire_permits(connection)
        if freed:
            self._wake_dispatcher()

    async def _fail_late(self, queued_before: datetime | None) -> None:
        """Fail what has not started in time; of what lies in Kafka, if it was due to before ``queued_before``."""
        while not self.stopping.is_set():
            async with self._database.connection() as connection:
                ids = await lost.fail_late(connection, queued_before, _BATCH)
            if ids:
                emit(Event.JOBS_EXPIRED, count=len(ids), jobs=[str(job_id) for job_id in ids[:10]])
                self._notify(ids)
                self._wake_dispatcher()
            if len(ids) < _BATCH:
                return

    async def _rescue_runs(self, at: datetime) -> None:
        while not self.stopping.is_set():
            async with self._database.transaction() as connection:
                rows = await lost.lock_leases_before(connection, at, _BATCH)
                settled = [entry for row in rows if (entry := self._lost(row, at)) is not None]
                if settled:
                    await runs.settle(connection, settled)
            if settled:
                emit(Event.RUNS_RESCUED, count=len(settled), jobs=[str(entry.row.id) for entry in settled[:10]])
                self._notify([entry.row.id for entry in settled if entry.decision.status.terminal])
                self._wake_dispatcher()
            if len(rows) < _BATCH:
                return

    def _lost(self, row: Standing, at: datetime) -> Settled | None:
        decision = decide_lost(row, self._policies.of(row), self._rng)
        if decision is None:
            return None
        error = applier.error_entry(
            row.attempt, code="lease_lost", kind="LeaseLost", message=_LOST, at=at.isoformat(), worker=None, run_id=None
        )
        return Settled(row=row, decision=decision, error=error, last_error=f"LeaseLost: {_LOST}")

    async def _rescue_jobs(self) -> None:
        """Publish again what was dispatched long ago and is owed by nobody."""
        if self._now() < self._looked_at + self._settings.republish_after_s / 2:
            return
        mark = self._mark
        if mark is None:
            self._mark = await self._make_mark()
            self._looked_at = self._now()
            return
        committed = await self._ends.committed(self._settings.worker_group)
        passed = all(end == 0 or committed.get(place, (0, ""))[0] >= end for place, end in mark.ends.items())
        if not passed:
            return  # a backlog: these jobs are still owed
        status_ends = await self._ends.ends([self._topics.status])
        if await applied(self._database, status_ends, self):
            await self._republish(mark.at)
        self._mark = None
        self._looked_at = self._now() - self._settings.republish_after_s / 2

    async def _make_mark(self) -> _Mark:
        async with self._database.connection() as connection:
            at = await lost.now(connection) - timedelta(seconds=self._settings.republish_after_s)
            unsent = await lost.oldest_outbox(connection, self._floor_of_outbox.id)
        if unsent is not None and unsent < at:
            at = unsent
        ends = await self._ends.ends([self._topics.jobs(queue) for queue in self._settings.queues])
        return _Mark(at, ends)

    async def _republish(self, at: datetime) -> None:
        async with self._database.connection() as connection:
            floor = await self._floor(connection, at)
            ids = await lost.waiting_before(connection, at, floor, _BATCH)
        if ids:
            async with self._database.transaction() as connection:
                released = await held.republish(connection, ids)
                rows = [outbox_row(entry, self._topics) for entry in released]
                await outbox.insert(connection, rows)
            self._hand_over(rows)
            emit(Event.JOBS_REPUBLISHED, count=len(rows), jobs=[str(row.job_id) for row in rows[:10]])

    async def _floor(self, connection: Connection, at: datetime) -> datetime:
        """Move the mark below which nothing waits for its first run, and return it."""
        floor = await leadership.floor(connection) or at - timedelta(days=365)
        moved = await lost.advance_floor(connection, floor, at - _FLOOR_MARGIN, _FLOOR_ROWS)
        if moved > floor:
            await leadership.set_floor(connection, moved, self._holder)
        return max(moved, floor)
