"""Intake: records that programs wrote straight to a job topic become rows.

It reads what the workers read, in a group of its own, and is the one authority on what is no job:
the worker skips such a record, the intake dead-letters it, once.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from jobstream.clock import Clock
from jobstream.contracts.jobs import Job, is_direct, read_job
from jobstream.contracts.topics import Topics
from jobstream.errors import InvalidInput
from jobstream.kafka.stored import Place
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Connection, Database
from jobstream_api.repositories import arrivals, progress
from jobstream_api.repositories.dead_letters import DeadLetter
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.repositories.progress import Advance
from jobstream_api.services.coverage import Coverage
from jobstream_api.services.drafts import LaneOf
from jobstream_api.services.ingest import READ_AT_ONCE, AtOnce, Effects, Ingest, dead_letter
from jobstream_api.settings import ApiSettings

CONSUMER = "jobstream-intake"
_GATHER_S = 0.05
_STORE_EVERY_S = 2.0
_LATEST_MS = 5000
"""So old may a record become before its job has a row, while direct jobs end by the hundred."""


@dataclass(slots=True)
class Arrivals:
    """The direct jobs of a batch, the record of each, and what is no job."""

    jobs: list[Job] = field(default_factory=list)
    origins: list[Any] = field(default_factory=list)
    letters: list[DeadLetter] = field(default_factory=list)


class Intake(Ingest[Arrivals]):
    """Takes direct jobs in.

    Args:
        awaited: True while some jobs cannot start before the intake has read them.
    """

    name = "intake"

    def __init__(
        self,
        settings: ApiSettings,
        database: Database,
        *,
        clock: Clock,
        lane: LaneOf,
        coverage: Coverage,
        awaited: Callable[[], bool],
        hand_over: Callable[[Sequence[OutboxRow]], None],
        wake_dispatcher: Callable[[], None],
    ) -> None:
        self._names = Topics(settings.topic_prefix)
        super().__init__(
            settings,
            database,
            consumer=CONSUMER,
            topics=[self._names.jobs(queue) for queue in settings.queues],
            hand_over=hand_over,
        )
        self._clock = clock
        self._lane = lane
        self._coverage = coverage
        self._awaited = awaited
        self._wake_dispatcher = wake_dispatcher
        self._stored_at = 0.0

    def pass_over(self, records: Sequence[Any]) -> bool:
        # Our own records need no row, and their offsets may be written late: reading them again is free.
        now = asyncio.get_running_loop().time()
        if now - self._stored_at >= _STORE_EVERY_S or any(is_direct(record) for record in records):
            self._stored_at = now
            return False
        return True

    def too_early(self, records: Sequence[Any]) -> bool:
        # What ends meanwhile needs no row of ours.
        if self._awaited() or not self._coverage.busy(asyncio.get_running_loop().time()):
            return False
        age_ms: float = self._clock.now().timestamp() * 1000 - min(record.timestamp for record in records)
        return 0 <= age_ms < _LATEST_MS

    def gather_s(self, records: int) -> float:
        # Nobody waits for it: most records are the relay's, and a direct job's first status event makes its row too.
        if self._awaited():
            return super().gather_s(records)
        return _GATHER_S if records else 0.0

    async def load(self, places: list[Place]) -> dict[Place, int]:
        # What was committed may not have lasted: another database may have taken over.
        self._coverage.clear()
        return await super().load(places)

    async def read(self, records: Sequence[Any]) -> Arrivals:
        found = Arrivals()
        now_ms = int(self._clock.now().timestamp() * 1000)
        for place, record in enumerate(records):
            if place % READ_AT_ONCE == READ_AT_ONCE - 1:
                await asyncio.sleep(0)
            if not is_direct(record) or self._coverage.take_completed((record.topic, record.partition), record.offset):
                continue
            try:
                found.jobs.append(read_job(record, self._names, now_ms))
                found.origins.append(record)
            except InvalidInput as problem:
                found.letters.append(dead_letter(record, problem))
        return found

    def at_once(self, batch: Arrivals) -> AtOnce | None:
        return None if batch.jobs or batch.letters else self._advance

    async def _advance(self, connection: Connection, steps: list[Advance], effects: Effects) -> bool:
        await progress.store(connection, CONSUMER, steps)  # a partition more or less: none has work that belongs to it
        return True

    async def apply(self, connection: Connection, batch: Arrivals, effects: Effects) -> None:
        jobs, letters = batch.jobs, batch.letters
        if jobs:
            lanes = [self._lane(job.type, job.queue, job.key, job.payload) for job in jobs]
            made = await arrivals.insert(connection, jobs, lanes)
            effects.held |= any(lane is not None for lane in lanes)
            effects.count("made", len(made))
            if len(made) < len(jobs):
                clash = InvalidInput("conflict", "/id", "the id belongs to a job with another type or payload")
                clashing = await arrivals.conflicting(connection, jobs)
                letters += [dead_letter(batch.origins[place], clash, jobs[place].id) for place in sorted(clashing)]
        if letters:
            await self._bury(connection, letters, effects)

    def committed(self, effects: Effects) -> None:
        super().committed(effects)
        for place, offsets in effects.offsets.items():
            if effects.facts.get("buried"):  # not every record there has a row
                self._coverage.forget(place)
            else:
                self._coverage.extend(place, offsets)
        if effects.facts.get("made"):
            emit(Event.JOBS_TAKEN_IN, count=effects.facts["made"])
        if effects.held:
            self._wake_dispatcher()
