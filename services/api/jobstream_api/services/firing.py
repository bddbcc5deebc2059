"""Ticks into jobs: one fire, one job, in one transaction.

The loop, an operator's trigger and a backfill all come through here. The caller holds the lock on
each schedule, so what is read of it stays true; and the primary key of the fires lets no tick through
twice even if it did not.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from jobstream.contracts.schedules import Overlap
from jobstream.errors import InvalidInput
from jobstream.telemetry import Event, emit
from jobstream_api.domain.schedules import FireStatus, Origin, settle
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories import fires
from jobstream_api.repositories.fires import Fire
from jobstream_api.repositories.submits import Draft
from jobstream_api.services.cancelling import Cancelled, Canceller
from jobstream_api.services.drafts import Drafter
from jobstream_api.services.placing import Placer
from jobstream_api.services.uniqueness import Rival

DOOR = "schedule"
TAGS = 2
"""A schedule adds so many tags to those of its job."""

Schedule = Mapping[str, Any]
"""A schedule's columns by name."""


def tick_text(tick: datetime) -> str:
    """A tick as tags and answers show it: RFC 3339 in UTC, without needless zeros."""
    return tick.astimezone(UTC).isoformat().replace("+00:00", "Z")


def job_of(job: Mapping[str, Any], name: str, tick: datetime) -> dict[str, Any]:
    """The job of one tick, as POST /jobs takes it."""
    return {**job, "tags": [*job.get("tags", ()), f"schedule:{name}", f"tick:{tick_text(tick)}"]}


@dataclass(slots=True)
class Batch:
    """What one transaction fires.

    Attributes:
        fires: what became of each tick, in the order in which they were added.
        refusals: why a tick's job was refused, by schedule and tick.
        met: the job that a tick's job met, which asks to be unique, by schedule and tick.
        payload_bytes: of all jobs together.
        late_s: by how much each job comes after its tick, seconds; of ticks that came by themselves.
        cancelled: jobs of earlier ticks that these replace.
    """

    fires: list[Fire] = field(default_factory=list)
    drafts: list[Draft] = field(default_factory=list)
    refusals: dict[tuple[UUID, datetime], InvalidInput] = field(default_factory=dict)
    met: dict[tuple[UUID, datetime], Rival] = field(default_factory=dict)
    names: dict[UUID, str] = field(default_factory=dict)
    payload_bytes: int = 0
    late_s: list[float] = field(default_factory=list)
    cancelled: list[Cancelled] = field(default_factory=list)


class Firing:
    """Decides what becomes of ticks, and makes their jobs."""

    def __init__(self, drafter: Drafter, placer: Placer, canceller: Canceller) -> None:
        self._drafter = drafter
        self._placer = placer
        self._canceller = canceller

    async def add(
        self,
        connection: Connection,
        batch: Batch,
        schedule: Schedule,
        ticks: Sequence[datetime],
        *,
        origin: Origin,
        overlap: Overlap,
    ) -> None:
        """Decide about ticks of a schedule that is locked; none of them was looked at before."""
        if not ticks:
            return
        if overlap is not Overlap.ALLOW and not self._fits(schedule, ticks[-1]):
            overlap = Overlap.ALLOW  # it will be refused: then it cancels nothing, and nothing waits for it
        busy, waiting = await self._standing(connection, batch, schedule, overlap)
        settled = settle(overlap, len(ticks), busy=busy, waiting=waiting)
        for tick, (status, reason) in zip(ticks, settled, strict=True):
            self._append(batch, schedule, Fire(schedule["id"], tick, origin, status, reason))
            if origin is Origin.TICK and batch.fires[-1].status is FireStatus.FIRED:
                batch.late_s.append((schedule["now"] - tick).total_seconds())

    async def start_waiting(self, connection: Connection, batch: Batch, schedule: Schedule) -> None:
        """Fire the earliest tick that waits, if nothing of that schedule is under way; it is locked."""
        if await fires.under_way(connection, schedule["id"]):
            return
        fire = await fires.next_waiting(connection, schedule["id"])
        if fire is not None:
            await fires.unrecord(connection, schedule["id"], [fire.tick])
            self._append(batch, schedule, replace(fire, status=FireStatus.FIRED))

    async def write(self, connection: Connection, batch: Batch) -> Callable[[], None]:
        """Store fires and jobs; what comes back is to be called once the transaction is committed."""
        joined = await self._placer.join(connection, batch.drafts, door=DOOR)
        for place, fire in enumerate(batch.fires):
            if fire.job_id in joined.refused:
                self._refuse(batch, place, joined.refused[fire.job_id])
            elif fire.job_id in joined.met:
                self._skip(batch, place, joined.met[fire.job_id])
        await fires.record(connection, batch.fires)

        def committed() -> None:
            for done in batch.cancelled:
                self._canceller.committed(done)
            joined.publish()
            self._tell(batch)

        return committed

    async def _standing(
        self, connection: Connection, batch: Batch, schedule: Schedule, overlap: Overlap
    ) -> tuple[bool, int]:
        """Whether a job of an earlier tick is under way, and how many ticks wait."""
        if overlap is Overlap.ALLOW:
            return False, 0
        jobs = await fires.under_way(connection, schedule["id"])
        if overlap is Overlap.CANCEL_OLDER:
            await fires.replace_waiting(connection, schedule["id"])
            reason = f"replaced by the next tick of {schedule['name']}"
            batch.cancelled.append(await self._canceller.join(connection, jobs, reason))
            return False, 0
        waiting = await fires.waiting(connection, schedule["id"]) if overlap is Overlap.QUEUE else 0
        return bool(jobs), waiting

    def _fits(self, schedule: Schedule, tick: datetime) -> bool:
        try:
            self._drafter.draft(job_of(schedule["job"], schedule["name"], tick))
        except InvalidInput:
            return False
        return True

    def _append(self, batch: Batch, schedule: Schedule, fire: Fire) -> None:
        batch.names[schedule["id"]] = schedule["name"]
        batch.fires.append(fire)
        if fire.status is not FireStatus.FIRED:
            return
        try:
            draft = self._drafter.draft(job_of(schedule["job"], schedule["name"], fire.tick))
        except InvalidInput as error:
            self._refuse(batch, -1, error)
            return
        batch.fires[-1] = replace(fire, job_id=draft.id)
        batch.drafts.append(draft)
        batch.payload_bytes += len(draft.payload_json)

    def _refuse(self, batch: Batch, place: int, error: InvalidInput) -> None:
        fire = batch.fires[place]
        batch.refusals[fire.schedule_id, fire.tick] = error
        batch.fires[place] = replace(fire, status=FireStatus.REFUSED, reason=str(error)[:1000], job_id=None)

    def _skip(self, batch: Batch, place: int, rival: Rival) -> None:
        fire = batch.fires[place]
        batch.met[fire.schedule_id, fire.tick] = rival
        reason = f"{'replaced_payload' if rival.replaced else 'not_unique'}: job {rival.job_id}"
        batch.fires[place] = replace(fire, status=FireStatus.SKIPPED, reason=reason, job_id=None)

    def _tell(self, batch: Batch) -> None:
        for status in FireStatus:
            found = [fire for fire in batch.fires if fire.status is status]
            if found:
                late = batch.late_s if status is FireStatus.FIRED else []
                emit(Event.SCHEDULES_FIRED, status=status.value, count=len(found), late_s=late)
        for (schedule_id, tick), error in batch.refusals.items():
            emit(Event.SCHEDULE_REFUSED, schedule=batch.names[schedule_id], tick=tick_text(tick), error=str(error))
