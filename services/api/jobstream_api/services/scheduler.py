"""Scheduler: the leader's loop that fires schedules at their ticks.

It sleeps until the next tick, by the database's clock, and is woken when a schedule changes in this
process; a change made through another api is seen within a second (ten, if there was nothing to do).
Two schedulers at once are harmless: a schedule is locked while it fires.
"""

from datetime import datetime, timedelta
from uuid import UUID

from jobstream.contracts.schedules import Missed, Overlap
from jobstream.errors import InvalidInput
from jobstream.failpoints import failpoint
from jobstream.telemetry import Event, emit
from jobstream_api.domain.schedules import Due, Origin, due
from jobstream_api.domain.timetable import timetable
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import fires
from jobstream_api.services.catalogue import Catalogue
from jobstream_api.services.firing import Batch, Firing, Schedule, tick_text
from jobstream_api.services.turns import TurningLoop
from jobstream_api.settings import ApiSettings

_SCHEDULES = 50
_TICKS = 20
_BYTES = 8 * 1024 * 1024
"""Most schedules, ticks of each, and bytes of payloads, that one transaction fires."""
_LONGEST_SLEEP_S = 1.0  # another api may make a schedule that is due before ours
_WAITING_SLEEP_S = 0.25
_SHORTEST_SLEEP_S = 0.005
_UNTIL_TYPES_S = 0.2
_UNTIL_MENDED = timedelta(minutes=1)


class Scheduler(TurningLoop):
    """Makes the jobs of schedules, each tick once."""

    name = "scheduler"
    rest_s = 10.0

    def __init__(self, settings: ApiSettings, database: Database, catalogue: Catalogue, firing: Firing) -> None:
        super().__init__()
        self._late_s = settings.schedule_late_s
        self._database = database
        self._catalogue = catalogue
        self._firing = firing

    async def turn(self) -> float:
        """Fire what is due; returns how long nothing else will be, seconds."""
        async with self._database.connection() as connection:
            due_s, waiting = await fires.outlook(connection)
        if due_s is None and not waiting:
            return self.rest_s
        if not self._catalogue.loaded:  # a type that we have not heard of yet would be refused as unknown
            return _UNTIL_TYPES_S
        started = await self._start_waiting() if waiting else 0
        if due_s is not None and due_s <= 0:
            return 0.0 if await self._fire() else _SHORTEST_SLEEP_S
        if started:
            return 0.0
        longest = _WAITING_SLEEP_S if waiting else _LONGEST_SLEEP_S
        return longest if due_s is None else min(due_s + _SHORTEST_SLEEP_S, longest)

    async def _fire(self) -> int:
        """Fire schedules that are due; returns how many were looked at."""
        batch, marks = Batch(), list[tuple[UUID, datetime | None]]()
        async with self._database.transaction() as connection:
            plans = [(schedule, self._plan(schedule)) for schedule in await fires.due(connection, _SCHEDULES)]
            if not plans:  # whoever holds them fires them
                return 0
            before = await fires.known(connection, [(row["id"], tick) for row, plan in plans for tick in plan.ticks])
            for schedule, plan in plans:
                if batch.payload_bytes > _BYTES:
                    break
                ticks = [tick for tick in plan.ticks if (schedule["id"], tick) not in before]
                overlap = Overlap(schedule["overlap"])
                await self._firing.add(connection, batch, schedule, ticks, origin=Origin.TICK, overlap=overlap)
                marks.append((schedule["id"], plan.next_at))
            committed = await self._firing.write(connection, batch)
            await fires.advance(connection, marks)
            failpoint("api.before_schedule_commit")
        failpoint("api.after_schedule_commit")
        committed()
        for schedule, plan in plans[: len(marks)]:
            if plan.dropped_until is not None:
                since, until = tick_text(schedule["next_at"]), tick_text(plan.dropped_until)
                emit(Event.SCHEDULE_MISSED, schedule=schedule["name"], since=since, until=until)
        return len(marks)

    def _plan(self, schedule: Schedule) -> Due:
        """What a schedule owes."""
        try:
            ticks = timetable(schedule["cron"], schedule["timezone"], schedule["anchor_at"])
        except InvalidInput as error:  # it was fine once: a time zone that a newer tzdata has no more
            emit(Event.SCHEDULE_REFUSED, schedule=schedule["name"], error=str(error))
            return Due([], schedule["now"] + _UNTIL_MENDED)
        return due(
            ticks,
            schedule["next_at"],
            schedule["now"],
            missed=Missed(schedule["missed"]),
            window_s=schedule["missed_window_s"],
            late_s=self._late_s,
            limit=_TICKS,
        )

    async def _start_waiting(self) -> int:
        """Fire waiting ticks whose turn has come; returns how many."""
        batch = Batch()
        async with self._database.transaction() as connection:
            for schedule in await fires.startable(connection, _SCHEDULES):
                await self._firing.start_waiting(connection, batch, schedule)
            if not batch.fires:
                return 0
            committed = await self._firing.write(connection, batch)
        committed()
        return len(batch.fires)
