"""Retention: the leader forgets what is old enough, a page at a time, and drops the weeks that are empty by then.

A walk goes through every table of jobs that is old enough to hold something expired, then through the
rest. It rests after each second of work, so that nobody else notices it.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from jobstream.telemetry import Event, emit
from jobstream_api.domain.retention import Retention as Kept
from jobstream_api.infrastructure import partitions
from jobstream_api.infrastructure.database import Connection, Database
from jobstream_api.repositories import retention
from jobstream_api.services.turns import TurningLoop
from jobstream_api.settings import ApiSettings

_WORK_S = 1.0
_BREATH_S = 0.2
_NEVER_DROPPED = timedelta(weeks=1)
"""A week's partition stays at least so long: records from Kafka may still bring jobs of that time."""

KINDS = (
    "completed",
    "failed",
    "cancelled",
    "result",
    "partition",
    "dead_letter",
    "outbox_record",
    "idempotency_key",
    "unique_claim",
)
"""What is forgotten, as telemetry counts it."""

Chore = Callable[[Connection], Awaitable[bool]]
"""One bite of work; False once nothing of it is left."""


def kept(settings: ApiSettings) -> Kept:
    """What the settings say about how long what is kept."""
    return Kept(
        completed_s=settings.retention_completed_s,
        failed_s=settings.retention_failed_s,
        cancelled_s=settings.retention_cancelled_s,
        results_s=settings.retention_results_s,
        dead_letters_s=settings.retention_dead_letters_s,
    )


class _Table:
    """A table of jobs on its way through a walk."""

    def __init__(self, name: str, kept: Kept, note: Callable[[str, int], None]) -> None:
        self._name = name
        self._kept = kept
        self._note = note
        self._after = UUID(int=0)

    async def __call__(self, connection: Connection) -> bool:
        page = await retention.page(connection, self._name, self._after, self._kept)
        for kind, count in page.removed.items():
            self._note(kind, count)
        if page.last is None:
            return False
        self._after = page.last
        return True


class _Earlier:
    """Those that had a claim before another, on their way through a walk."""

    def __init__(self, note: Callable[[str, int], None]) -> None:
        self._note = note
        self._after = UUID(int=0)

    async def __call__(self, connection: Connection) -> bool:
        last, gone = await retention.earlier_claims(connection, self._after)
        self._note("unique_claim", gone)
        if last is None:
            return False
        self._after = last
        return True


class Retention(TurningLoop):
    """Walks at once, and then after each interval."""

    name = "retention"

    def __init__(self, settings: ApiSettings, database: Database) -> None:
        super().__init__()
        self.rest_s = settings.retention_interval_s
        self._kept = kept(settings)
        self._database = database
        self._chores: deque[Chore] = deque()
        self._removed: dict[str, int] = {}

    async def turn(self) -> float:
        loop = asyncio.get_running_loop()
        until = loop.time() + _WORK_S
        try:
            async with self._database.connection() as connection:
                if not self._chores:
                    self._chores.extend(await self._walk(connection))
                while self._chores and loop.time() < until and not self.stopping.is_set():
                    if not await self._chores[0](connection):
                        self._chores.popleft()
        finally:
            self._tell()
        return _BREATH_S if self._chores else self.rest_s

    async def _walk(self, connection: Connection) -> list[Chore]:
        now = await retention.now(connection)
        soonest_s = self._kept.soonest_s
        chores: list[Chore] = []
        if soonest_s is not None:
            weeks = await partitions.weeks(connection)
            old = [week for week in weeks if week < now - timedelta(seconds=soonest_s)]
            tables = [*map(partitions.partition_name, old), partitions.DEFAULT]
            chores += [_Table(table, self._kept, self._note) for table in tables]
            over = [week for week in old if partitions.end_of(week) < now - _NEVER_DROPPED]
            chores += [partial(self._drop, partitions.partition_name(week)) for week in over]
        if self._kept.dead_letters_s:
            chores.append(self._counted("dead_letter", self._dead_letters(now)))
        chores.append(self._counted("outbox_record", partial(retention.outbox, now=now)))
        chores.append(self._counted("idempotency_key", retention.idempotency_keys))
        chores.append(_Earlier(self._note))
        chores.append(self._counted("unique_claim", retention.unique_claims))
        return chores

    def _dead_letters(self, now: datetime) -> Callable[[Connection], Awaitable[int]]:
        return partial(retention.dead_letters, now=now, kept_s=self._kept.dead_letters_s)

    def _counted(self, kind: str, bite: Callable[[Connection], Awaitable[int]]) -> Chore:
        async def chore(connection: Connection) -> bool:
            count = await bite(connection)
            self._note(kind, count)
            return count == retention.PAGE

        return chore

    async def _drop(self, name: str, connection: Connection) -> bool:
        if await partitions.drop_if_empty(connection, name):
            self._note("partition", 1)
            emit(Event.PARTITION_DROPPED, table=name)
        return False

    def _note(self, kind: str, count: int) -> None:
        if count:
            self._removed[kind] = self._removed.get(kind, 0) + count

    def _tell(self) -> None:
        removed, self._removed = self._removed, {}
        if removed:
            emit(Event.RETENTION_SWEPT, removed=removed)
