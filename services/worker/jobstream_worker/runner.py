"""Runs work: when it may start, what is said of it, and what follows its outcome."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any
from uuid import UUID

from jobstream.clock import Clock
from jobstream.contracts.events import Deferral, ErrorInfo, EventKind
from jobstream.failpoints import failpoint
from jobstream.handlers.outcomes import Cancelled, Failed, Outcome, Released, conclude
from jobstream.handlers.spec import HandlerSpec
from jobstream.telemetry import Event, emit
from jobstream_worker.backlog import Backlog
from jobstream_worker.counts import Counts
from jobstream_worker.executor import Executor
from jobstream_worker.ledger import Ledger
from jobstream_worker.publisher import Publisher
from jobstream_worker.reports import Report, Reports
from jobstream_worker.room import Room
from jobstream_worker.run import Run
from jobstream_worker.slots import Slot
from jobstream_worker.work import Lane, Work

TURN_S = 0.005
"""How long work that never waits may go on before the loop has its turn: heartbeats, polls, acknowledges."""


class Runner:
    """Starts work as slots come free, and settles it when its outcome is acknowledged.

    Args:
        weights: shares of the places that queues get while several have work, by topic.

    Attributes:
        waits: called with work whose handler has not ended at once.
        leased: called with work whose RUNNING was acknowledged.
        room_made: called when there may be room again.
        stood_still: true, at that monotonic time, if it is not known whether this process was frozen for too long.
        active: handlers that run, with those about to.
        unsettled: outcomes that are not acknowledged yet.
    """

    def __init__(
        self,
        executor: Executor,
        publisher: Publisher,
        reports: Reports,
        ledger: Ledger,
        counts: Counts,
        clock: Clock,
        *,
        concurrency: int,
        process_slots: int,
        weights: Mapping[str, int] | None = None,
    ) -> None:
        self._executor = executor
        self._publisher = publisher
        self._reports = reports
        self._ledger = ledger
        self._counts = counts
        self._clock = clock
        self.concurrency = concurrency
        self._ended = 0
        self.backlog = Backlog(process_slots, weights)
        self._room = Room(self.backlog, publisher, clock, concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Task[None] | None = None
        self._served: Work | None = None
        self._idle = asyncio.Event()
        self.active = 0
        self.unsettled = 0
        self._closed = False
        self._releasing = False
        self._abandoned = False
        self.waits: Callable[[Work], None] = _nobody
        self.leased: Callable[[Work], None] = _nobody
        self.room_made: Callable[[], None] = _nothing
        self.stood_still: Callable[[float], bool] = _never
        self._held = False

    def room(self, topic: str) -> int:
        """How many more records of a queue can be taken now."""
        if self._closed or self._held:
            return 0
        return self._room.of(topic, active=self.active, ended=self._ended, unsettled=self.unsettled)

    def submit(self, work: Work) -> None:
        """Take new work: it starts when its lane and a place are free."""
        self._ledger.begin(work)
        self.backlog.add(work)
        self._start_ready()

    def defer(self, work: Work, reason: Deferral, until: datetime | None = None) -> None:
        """Hand new work back unstarted."""
        self._ledger.begin(work)
        self._conclude(work, self._reports.deferred(work, reason, until))

    def drop(self, work: Work, reason: str) -> None:
        """Report new work as cancelled: it does not start."""
        self._ledger.begin(work)
        self._conclude(work, self._reports.outcome(work, Cancelled(reason)))

    def refuse(self, work: Work) -> None:
        """Report work of a type without a handler."""
        self._ledger.begin(work)
        self._conclude(work, self._reports.unknown_type(work, self._executor.registry.types))

    def announce(self, work: Work) -> None:
        """Post RUNNING for work that has started. A repeat, or one after the outcome, does nothing."""
        if work.announced_at is not None or work.ended:
            return
        work.announced_at = work.beat_at = self._clock.monotonic()
        work.beat_pending = True
        self._counts.announced += 1
        self._publisher.post(self._reports.running(work).record, partial(self.beat_acknowledged, work))

    def beat_acknowledged(self, work: Work, partition: int, offset: int) -> None:
        """RUNNING or a HEARTBEAT of ``work`` stands on the status topic."""
        work.beat_pending = False
        work.beat = (partition, max(offset, 0))  # unknown: a successor looks from the beginning
        if not work.stands:
            work.stand()
            self._ledger.leased(work)
            self.leased(work)

    def block(self, lane: Lane, run_id: UUID) -> None:
        """A run of another worker holds the lane."""
        self.backlog.block(lane, run_id)

    def unblock(self, lane: Lane, run_id: UUID) -> None:
        """That run is over."""
        self.backlog.unblock(lane, run_id)
        self._start_ready()

    def withdraw(self, slots: set[Slot]) -> None:
        """Drop the queued work of partitions that are no longer ours."""
        for work in list(self._ledger.active.values()):
            if not work.started and work.lies_in(slots) and work.detach(slots):
                self._ledger.forget(work)
                self.backlog.withdraw(work)
        self._start_ready()

    def hand_back(self, work: Work, reason: Deferral) -> None:
        """Hand queued work back unstarted. Others may start in its place: call ``go_on``."""
        self.backlog.withdraw(work)
        self._conclude(work, self._reports.deferred(work, reason))

    def cancel(self, work: Work, reason: str) -> None:
        """End work, wherever it stands: its handler is told to stop, or it does not start.

        Others may start in its place: call ``go_on``.
        """
        if work.ended:
            return
        work.cancelled = reason
        if work.run is not None:
            work.run.cancel("cancelled")
        elif not work.started:
            self.backlog.withdraw(work)
            self._conclude(work, self._reports.outcome(work, Cancelled(reason)))
        # Else it waits for its lease, and does not begin after that.

    def without_fact(self, slots: set[Slot]) -> list[Work]:
        """Work of ``slots`` that has started, and for which no durable fact stands."""
        return [work for work in self._ledger.active.values() if work.started and work.lies_in(slots)]

    def hold(self, held: bool) -> None:
        """Start nothing while ``held``: what is queued may not be ours any more."""
        self._held = held
        self._start_ready()
        self.room_made()

    def close(self) -> None:
        """Start nothing any more."""
        self._closed = True

    async def finished(self) -> None:
        """Wait until no handler runs."""
        while self.active:
            self._idle.clear()
            await self._idle.wait()

    def release(self) -> None:
        """Tell every handler to stop; what it leaves unfinished, or has not begun, is handed back."""
        self._releasing = True
        for work in self._ledger.active.values():
            if work.run is not None:
                work.run.cancel("shutdown")

    async def abandon(self) -> None:
        """Cut off whatever still runs."""
        self._abandoned = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def go_on(self) -> None:
        """Outcomes were acknowledged: there is room for more, and the next of their lanes may start."""
        self._start_ready()
        self.room_made()

    def _start_ready(self) -> None:
        """See to it that ready work starts.

        One task runs it, piece after piece: a task for each would cost more than a small job. A piece
        that has to wait for something keeps the task to itself, and the next one gets a new task.
        """
        if self._server is not None or not self.backlog.ready or not self._may_start(self._clock.monotonic()):
            return
        task = asyncio.create_task(self._serve(), name="run jobs")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self._server = task
        # Called right after the task's first step: if it is still there, it waits.
        task.get_loop().call_soon(self._hand_over, task)

    def _hand_over(self, task: "asyncio.Task[None]") -> None:
        if self._server is not task:
            return
        self._server = None
        if self._served is not None and self._served.run is not None:
            self.waits(self._served)
        self._start_ready()

    def _may_start(self, now: float) -> bool:
        stopped = self._closed or self._held or self._abandoned
        return self.active < self.concurrency and not (stopped or self.stood_still(now))

    async def _serve(self) -> None:
        task = asyncio.current_task()
        now = self._clock.monotonic()
        until = now + (TURN_S if self._may_start(now) else 0.0)
        try:
            # In between nobody else has the loop, so what allows the turn goes on to, but for a freeze: that ends it.
            while self._server is task and now < until:
                self._served = work = self.backlog.take()
                if work is None:
                    break
                await self._run(work, now, task)
                now = self._clock.monotonic()
        finally:
            if self._server is task:
                self._server = None
            self._start_ready()
            self.room_made()

    async def _run(self, work: Work, now: float, task: asyncio.Task[None] | None) -> None:
        spec = work.spec
        assert spec is not None  # work without a handler is refused, never submitted
        work.started = True
        self.active += 1
        try:
            if work.announce_first and not self._late(work):
                self.announce(work)
                await work.standing()
                now = self._clock.monotonic()
            if self._releasing:
                outcome: Outcome = Released()
            elif work.cancelled is not None:
                outcome = Cancelled(work.cancelled)
            elif work.job.start_before is not None and work.job.start_before < self._clock.now():
                outcome = _too_late(work.job.start_before)
            elif work.job.start_by is not None and self._late(work):
                self._conclude(work, self._reports.deferred(work, Deferral.LATE))
                return
            else:
                outcome = await self._executor.execute(self._begin(work, spec, now), task)
                failpoint("worker.after_handler")
            self._conclude(work, self._reports.outcome(work, outcome))
        except (Exception, asyncio.CancelledError) as error:
            if self._abandoned:
                raise
            # Whatever it is, a run without an outcome would hold its partition up for ever. A cancellation may
            # come from a run that had this task before, ended at once, and left a timer behind.
            self._conclude(work, self._reports.outcome(work, conclude(spec, error)))
        finally:
            self.active -= 1
            self.backlog.ran(work)
            if self.active == 0:
                self._idle.set()

    def _late(self, work: Work) -> bool:
        start_by = work.job.start_by
        return start_by is not None and start_by < self._clock.now()

    def _begin(self, work: Work, spec: HandlerSpec, now: float) -> Run:
        failpoint("worker.before_handler")
        work.started_at = started_at = self._clock.now()
        work.run = run = Run(work.job, spec, work.run_id, started_at, now)
        self._counts.started += 1
        if Event.JOB_STARTED.heard:
            emit(Event.JOB_STARTED, job_id=str(work.job.id), type=work.job.type, attempt=work.job.attempt)
        return run

    def _conclude(self, work: Work, report: Report) -> None:
        work.started = work.ended = True
        self._ended += 1
        self.unsettled += 1
        self._publisher.post(report.record, partial(self._settled, work, report))

    def _settled(self, work: Work, report: Report, _partition: int, _offset: int) -> None:
        failpoint("worker.after_outcome_ack")
        self.unsettled -= 1
        self._counts.outcomes[report.kind] += 1
        work.stand()
        self._ledger.finish(work)
        self.backlog.settled(work)
        if Event.JOB_FINISHED.heard:
            emit(Event.JOB_FINISHED, **_facts(work, report), outcome=report.kind.value)
        if report.kind is EventKind.FAILED and Event.JOB_FAILED.heard:
            emit(Event.JOB_FAILED, **_facts(work, report), code=report.error and report.error.code)


def _too_late(start_before: datetime) -> Outcome:
    message = f"it had not started by {start_before.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return Failed(ErrorInfo(code="deadline_exceeded", message=message), retryable=False)


def _facts(work: Work, report: Report) -> dict[str, Any]:
    seconds = None if work.started_at is None else round((report.at - work.started_at).total_seconds(), 3)
    return {"job_id": str(work.job.id), "type": work.job.type, "attempt": work.job.attempt, "seconds": seconds}


def _nobody(work: Work) -> None:
    pass


def _nothing() -> None:
    pass


def _never(now: float) -> bool:
    return False
