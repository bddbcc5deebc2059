"""Schedules: made, changed, read; triggered and backfilled by hand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from jobstream.clock import Clock
from jobstream.contracts.limits import MAX_BATCH_BODY_BYTES
from jobstream.contracts.schedules import Overlap
from jobstream.errors import InvalidInput
from jobstream.telemetry import Event, emit
from jobstream_api.domain.errors import NotUnique, ScheduleBusy, ScheduleNotFound, StoreUnavailable
from jobstream_api.domain.schedules import FireStatus, Origin
from jobstream_api.domain.timetable import Timetable, timetable
from jobstream_api.infrastructure.database import Connection, Database, Session
from jobstream_api.infrastructure.models import ScheduleRow
from jobstream_api.repositories import fires
from jobstream_api.repositories import schedules as store
from jobstream_api.repositories.fires import Fire
from jobstream_api.services import cursors
from jobstream_api.services.drafts import Drafter
from jobstream_api.services.firing import Batch, Firing, Schedule
from jobstream_api.services.queries import Page, page_of
from jobstream_api.services.schedule_specs import (
    MAX_BACKFILL,
    NewBackfill,
    Spec,
    as_document,
    as_id,
    read_backfill,
    read_schedule,
)
from jobstream_api.services.trouble import store_errors

PREVIEW = 10


@dataclass(frozen=True, slots=True)
class Detail:
    """A schedule, what comes, and what came.

    Attributes:
        upcoming: next ticks, each as the clocks of its time zone show it; none while it is paused.
        recent: fires, the latest tick first.
        waiting: ticks that wait for their turn.
    """

    row: Schedule
    upcoming: Sequence[datetime]
    recent: Sequence[Fire] = ()
    waiting: int = 0


class Schedules:
    """What people and programs do with schedules.

    Args:
        wake: called when ticks may be due sooner than the loop thinks.
    """

    def __init__(
        self,
        database: Database,
        drafter: Drafter,
        firing: Firing,
        clock: Clock,
        *,
        ids: Callable[[], UUID],
        wake: Callable[[], None],
    ) -> None:
        self._database = database
        self._drafter = drafter
        self._firing = firing
        self._clock = clock
        self._ids = ids
        self._wake = wake

    async def create(self, document: Any) -> Detail:
        """Make a schedule.

        Raises:
            InvalidInput, ScheduleExists, StoreUnavailable.
        """
        spec = read_schedule(document, self._drafter, self._clock.now())
        async with store_errors("schedule"), self._database.session() as session:
            now = await store.now(session)
            row = ScheduleRow(id=self._ids(), created_at=now)
            _put(row, spec, now, restart=True)
            await store.save(session, row)
        self._changed(row, "created")
        return _detail(row, now)

    async def change(self, name: str, document: Any) -> Detail:
        """Change the given fields of a schedule.

        Raises:
            InvalidInput, ScheduleNotFound, ScheduleExists, StoreUnavailable.
        """
        if not isinstance(document, dict):
            raise InvalidInput("not_an_object", "", 'must be a JSON object of the fields to change: {"paused": true}')
        async with store_errors("schedule"), self._database.session() as session:
            row = await store.find(session, name, as_id(name), lock=True)
            if row is None:
                raise ScheduleNotFound(name)
            now = await store.now(session)
            have = _columns(row)
            check_job = "job" in document or document.get("name", row.name) != row.name
            spec = read_schedule(as_document(have) | document, self._drafter, now, check_job=check_job)
            restart = (spec.fields.cron, spec.fields.timezone) != (row.cron, row.timezone)
            _put(row, spec, now, restart=restart)
            await store.save(session, row)
            detail = await _with_fires(session, row, now, PREVIEW)
        self._changed(row, "changed")
        return detail

    async def read(self, name: str, count: int = PREVIEW) -> Detail:
        """A schedule with its next ticks and its latest fires, ``count`` of each.

        Raises:
            ScheduleNotFound, StoreUnavailable.
        """
        async with store_errors("schedule"), self._database.session() as session:
            row = await store.find(session, name, as_id(name))
            if row is None:
                raise ScheduleNotFound(name)
            return await _with_fires(session, row, await store.now(session), count)

    async def page(self, *, limit: int, cursor: str | None) -> Page:
        """Schedules, newest first.

        Raises:
            InvalidInput: the cursor is none of ours.
            StoreUnavailable.
        """
        after = None if cursor is None else cursors.decode(cursor)
        async with store_errors("list"), self._database.session() as session:
            rows = [_columns(row) for row in await store.page(session, limit + 1, after)]
        return page_of(rows, limit)

    async def remove(self, name: str) -> None:
        """Forget a schedule, and what became of its ticks. Its jobs stay.

        Raises:
            ScheduleNotFound, StoreUnavailable.
        """
        async with store_errors("schedule"), self._database.session() as session:
            row = await store.find(session, name, as_id(name), lock=True)
            if row is None:
                raise ScheduleNotFound(name)
            await session.delete(row)
        self._changed(row, "removed")

    async def trigger(self, name: str, overlap: Overlap | None) -> Fire:
        """Fire now, whether paused or not; the tick is the database's time.

        Args:
            overlap: instead of the schedule's own policy.

        Raises:
            ScheduleNotFound, StoreUnavailable.
            ScheduleBusy: the policy is ``skip``, and a job is under way.
            NotUnique: its job asks to be unique, and there is one.
            InvalidInput: its job is refused by now.
        """
        async with store_errors("schedule"):
            async with self._database.transaction() as connection:
                schedule = await self._lock(connection, name)
                policy = Overlap(schedule["overlap"]) if overlap is None else overlap
                batch, tick = Batch(), schedule["now"]
                if await fires.known(connection, [(schedule["id"], tick)]):
                    raise StoreUnavailable("it fired at this very microsecond; try again")
                await self._firing.add(connection, batch, schedule, [tick], origin=Origin.TRIGGER, overlap=policy)
                committed = await self._firing.write(connection, batch)
                [fire] = batch.fires
                for rival in batch.met.values():
                    if not rival.replaced:
                        raise NotUnique.because(rival.job_id, rival.status, rival.why)
                if fire.status is FireStatus.SKIPPED and not batch.met:
                    raise ScheduleBusy(schedule["name"])
                for error in batch.refusals.values():
                    raise InvalidInput(error.code, f"/job{error.field}"[:1000], error.detail)
            committed()
        self._wake()
        return fire

    async def backfill(self, name: str, document: Any) -> list[Fire]:
        """Fire the ticks of a range of the past that made no job yet; what became of each tick of the range.

        Raises:
            InvalidInput: the range is wrong or too large, or ``@every`` counts from later.
            ScheduleNotFound, StoreUnavailable.
        """
        async with store_errors("schedule"):
            async with self._database.transaction() as connection:
                schedule = await self._lock(connection, name)
                table = timetable(schedule["cron"], schedule["timezone"], schedule["anchor_at"])
                wanted = read_backfill(document, schedule["now"], table.since)
                ticks = _range(table, schedule, wanted)
                known = await fires.known(connection, [(schedule["id"], tick) for tick in ticks])
                became = {tick: fire for (_, tick), fire in known.items() if fire.status not in _WITHOUT_JOB}
                new = [tick for tick in ticks if tick not in became]
                await fires.unrecord(connection, schedule["id"], new)
                own = Overlap.ALLOW if schedule["overlap"] == Overlap.ALLOW else Overlap.QUEUE
                batch = Batch()
                await self._firing.add(
                    connection, batch, schedule, new, origin=Origin.BACKFILL, overlap=wanted.overlap or own
                )
                committed = await self._firing.write(connection, batch)
            committed()
        self._wake()
        became |= {fire.tick: fire for fire in batch.fires}
        return [became[tick] for tick in ticks]

    async def _lock(self, connection: Connection, name: str) -> Schedule:
        schedule = await fires.lock(connection, name, as_id(name))
        if schedule is None:
            raise ScheduleNotFound(name)
        found: Schedule = schedule
        return found

    def _changed(self, row: ScheduleRow, what: str) -> None:
        emit(Event.SCHEDULE_CHANGED, schedule=row.name, what=what)
        self._wake()


_WITHOUT_JOB = (FireStatus.SKIPPED, FireStatus.REFUSED)


def _put(row: ScheduleRow, spec: Spec, now: datetime, *, restart: bool) -> None:
    """Make ``row`` what ``spec`` says.

    Args:
        restart: the ticks are others than before: they begin now.
    """
    was_paused = row.paused
    for name, value in spec.fields:
        setattr(row, name, value)
    row.job, row.overlap, row.missed = spec.job, spec.fields.overlap.value, spec.fields.missed.value
    if restart:
        row.anchor_at = now.replace(microsecond=0)
    row.updated_at = now
    if spec.fields.paused:
        row.next_at = None
    elif restart or was_paused:
        row.next_at = spec.timetable(row.anchor_at).after(now)


def _detail(
    row: ScheduleRow,
    now: datetime,
    count: int = PREVIEW,
    recent: Sequence[Fire] = (),
    waiting: int = 0,
) -> Detail:
    upcoming: list[datetime] = []
    if not row.paused:
        table = timetable(row.cron, row.timezone, row.anchor_at)
        upcoming = [table.local(tick) for tick in table.next(now, count)]
    return Detail(_columns(row), upcoming, recent, waiting)


async def _with_fires(session: Session, row: ScheduleRow, now: datetime, count: int) -> Detail:
    recent = await store.recent(session, row.id, count)
    return _detail(row, now, count, recent, await store.waiting(session, row.id))


def _columns(row: ScheduleRow) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in ScheduleRow.__table__.c}


def _range(table: Timetable, schedule: Schedule, wanted: NewBackfill) -> list[datetime]:
    payload = len(orjson.dumps(schedule["job"]["payload"]))
    most = max(min(MAX_BACKFILL, MAX_BATCH_BODY_BYTES // max(payload, 1)), 1)
    ticks = table.between(wanted.start, wanted.end - timedelta(microseconds=1), most + 1)
    if len(ticks) > most:
        raise InvalidInput(
            "too_many_ticks", "/to", f"at most {most} ticks at once; the first {most} are before {ticks[most]:%FT%TZ}"
        )
    return ticks
