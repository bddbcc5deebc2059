"""Reaper: recovers what was lost, and declares nothing lost that may still be under way.

A run is lost when its lease ran out and every event that was on the status topic at that moment
has been applied. A job is lost in Kafka when the workers' group has passed the place where it must
have been on its queue's topic, every event since has been applied, and still nothing was heard of it.
"""

import asyncio
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from jobstream.contracts.topics import Topics
from jobstream.kafka.ends import Ends
from jobstream.telemetry import Event, emit
from jobstream_api.domain.decisions import Standing, decide_lost
from jobstream_api.infrastructure.database import Connection, Database
from jobstream_api.repositories import cancels, held, leadership, lost, outbox, runs
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.repositories.runs import Settled
from jobstream_api.services import outcomes
from jobstream_api.services.catching_up import applied
from jobstream_api.services.dispatcher import outbox_row
from jobstream_api.services.marks import Marks
from jobstream_api.services.outbox_floor import OutboxFloor
from jobstream_api.services.policies import Policies
from jobstream_api.services.turns import TurningLoop
from jobstream_api.settings import ApiSettings

_BATCH = 500
_FLOOR_ROWS = 20_000
_PAGE_ROWS = 100_000  # read in a fraction of a second
_LONG = timedelta(days=365)
_FLOOR_MARGIN = timedelta(seconds=30)  # a transaction's now() is older than its commit
_LOST = "the worker went silent: the lease of its run ran out"


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
        self._marks = Marks()
        self._cleared: dict[str, datetime] = {}  # by topic: of its jobs from before then, none is lost any more
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
        self._marks.forget()
        self._cleared.clear()  # it may be another database now, to which not all was replicated

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
        error = outcomes.error_entry(
            row.attempt, code="lease_lost", kind="LeaseLost", message=_LOST, at=at.isoformat(), worker=None, run_id=None
        )
        return Settled(row=row, decision=decision, error=error, last_error=f"LeaseLost: {_LOST}")

    async def _rescue_jobs(self) -> None:
        """Publish again what was dispatched long ago and is owed by nobody, of each queue for itself."""
        if self._now() < self._looked_at + self._settings.republish_after_s / 2:
            return
        committed = await self._ends.committed(self._settings.worker_group)
        async with self._database.connection() as connection:
            at = await lost.now(connection) - timedelta(seconds=self._settings.republish_after_s)
            unsent = await lost.oldest_outbox(connection, self._floor_of_outbox.id)
        # Queues that are no setting any more but were served: their jobs may still be under way.
        topics = {self._topics.jobs(queue) for queue in self._settings.queues} | {topic for topic, _ in committed}
        ends = await self._ends.ends([self._topics.status, *sorted(topics)])
        status_ends = {place: ends.pop(place) for place in list(ends) if place[0] == self._topics.status}
        passed = self._marks.passed(committed, ends)  # the others have a backlog: their jobs are still owed
        done = bool(passed) and await applied(self._database, status_ends, self)
        if done:
            await self._republish(passed)
        self._marks.renew(ends, at, unsent, passed if done else ())
        self._looked_at = self._now()

    async def _republish(self, passed: Mapping[str, datetime]) -> None:
        """Publish again what is lost of topics, each up to its moment."""
        ids = await self._waiting(passed)
        if ids:
            async with self._database.transaction() as connection:
                released = await held.republish(connection, ids)
                rows = [outbox_row(entry, self._topics) for entry in released]
                await outbox.insert(connection, rows)
            self._hand_over(rows)
            emit(Event.JOBS_REPUBLISHED, count=len(rows), jobs=[str(row.job_id) for row in rows[:10]])
        if len(ids) < _BATCH and not self.stopping.is_set():
            self._cleared.update({topic: at - _FLOOR_MARGIN for topic, at in passed.items()})

    async def _waiting(self, passed: Mapping[str, datetime]) -> list[UUID]:
        """Jobs that wait unheard. The usual look is one page; one that begins at a long pause has many."""
        before = {self._topics.queue(topic): at for topic, at in passed.items()}
        latest = max(passed.values())
        since = min(self._cleared.get(topic, latest - _LONG) for topic in passed)
        found: list[UUID] = []
        async with self._database.connection() as connection:
            begin, watched = max(await self._floor(connection, latest), since), since
            rows = _PAGE_ROWS
            while len(found) < _BATCH and not self.stopping.is_set():
                ids, reached = await lost.waiting_before(
                    connection, before, created_from=begin, watched_from=watched, rows=rows, limit=_BATCH
                )
                found += ids
                if reached >= latest:
                    break
                # Programs choose the times of their records: a page may be full of one.
                rows = _PAGE_ROWS if reached > begin else 2 * rows
                begin, watched = reached, latest
                self.succeeded()
        return found

    async def _floor(self, connection: Connection, at: datetime) -> datetime:
        """Move the mark below which nothing waits for its first run, and return it."""
        floor = await leadership.floor(connection) or at - _LONG
        moved = await lost.advance_floor(connection, floor, at - _FLOOR_MARGIN, _FLOOR_ROWS)
        if moved > floor:
            await leadership.set_floor(connection, moved, self._holder)
        return max(moved, floor)
