"""What becomes of a record that arrives: nothing more, a refusal, a way back, or work."""

from collections.abc import Iterable
from typing import Any

from jobstream.clock import Clock
from jobstream.contracts.events import Deferral
from jobstream.contracts.jobs import Job, read_job
from jobstream.contracts.topics import Topics
from jobstream.errors import InvalidInput
from jobstream.handlers.registry import Registry
from jobstream.telemetry import Event, emit
from jobstream_worker.counts import Counts
from jobstream_worker.gatekeeper import Gatekeeper
from jobstream_worker.ledger import Ledger
from jobstream_worker.orders import Orders
from jobstream_worker.runner import Runner
from jobstream_worker.slots import Slot
from jobstream_worker.work import Work, identity_of


class Admission:
    """Takes records of job topics. No record makes it raise."""

    def __init__(
        self,
        registry: Registry,
        runner: Runner,
        ledger: Ledger,
        orders: Orders,
        gatekeeper: Gatekeeper,
        topics: Topics,
        counts: Counts,
        clock: Clock,
    ) -> None:
        self._registry = registry
        self._runner = runner
        self._ledger = ledger
        self._orders = orders
        self._gatekeeper = gatekeeper
        self._topics = topics
        self._counts = counts
        self._clock = clock

    def admit(self, slot: Slot, records: Iterable[Any]) -> None:
        """Take records of ``slot``. The offset of each is done once a durable fact about its job stands."""
        now_ms = int(self._clock.now().timestamp() * 1000)
        for record in records:
            self._admit(slot, record, now_ms)

    def _admit(self, slot: Slot, record: Any, now_ms: int) -> None:
        assert slot.tracker is not None  # a partition is polled only once it is open
        self._counts.records += 1
        if not slot.tracker.accept(record.offset):
            self._counts.repeats += 1
            return
        try:
            job = read_job(record, self._topics, now_ms)
        except InvalidInput as refusal:
            # Intake reads the same record and dead-letters it; one authority, so exactly one dead letter.
            self._counts.poison += 1
            self._skip(slot, record, refusal.code)
            return
        identity = identity_of(job)
        if self._ledger.known(identity):
            self._counts.repeats += 1
            self._skip(slot, record, "done")
            return
        work = self._ledger.active.get(identity)
        if work is not None:
            self._counts.repeats += 1
            work.attach(slot, record.offset)
            return
        self._take(slot, record, job)

    def _take(self, slot: Slot, record: Any, job: Job) -> None:
        spec = self._registry.get(job.type)
        redelivered = record.offset < slot.suspect_end
        again = redelivered or job.attempt > 1 or job.dispatch > 1
        work = Work(job, spec, slot, record.offset, size=len(record.value), announce_first=again)
        if redelivered:
            work.redelivered = True
        reason = self._orders.against(work.identity) if self._orders.any else None
        if reason is not None:
            self._runner.drop(work, reason)
        elif spec is None:
            self._runner.refuse(work)
        elif job.direct and job.run_at is not None and job.run_at > self._clock.now():
            # Of the api's own jobs the dispatcher has decided that they are due, by the database's clock.
            self._runner.defer(work, Deferral.EARLY, job.run_at)
        elif self._gatekeeper.shut and self._gatekeeper.stops(job):
            self._runner.defer(work, Deferral.GATED)
        else:
            self._runner.submit(work)

    def _skip(self, slot: Slot, record: Any, reason: str) -> None:
        emit(
            Event.RECORD_SKIPPED,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            reason=reason,
        )
        slot.done(record.offset)
