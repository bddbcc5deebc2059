"""From the outbox to Kafka.

The process that wrote rows hands them over right after its commit; they are published, and once
Kafka has acknowledged them they are deleted, many at a time. No transaction is open while Kafka is
awaited. What a crash, or a full backlog, leaves behind is found by the leader's sweep. A row may
so be published twice, which consumers bear; it is never published not at all.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Sequence
from functools import partial
from uuid import UUID

from jobstream.errors import BrokerUnavailable, RecordRefused
from jobstream.failpoints import failpoint
from jobstream.kafka.batches import Acknowledgement
from jobstream.kafka.publisher import Publisher, failure
from jobstream.service import LoopService
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database, is_transient
from jobstream_api.repositories import outbox
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services.parking import park

BACKLOG = 20_000
BACKLOG_BYTES = 64 * 1024 * 1024
"""Most rows, and bytes of theirs, held in memory; the sweep gets what is beyond."""
EASE = 4_000
"""Rows held from which submits wait, while Kafka takes them: what is beyond the backlog waits seconds for the sweep."""
EASE_MOST_S = 1.0
EASE_QUIET_S = 0.5
"""Without an acknowledge for so long Kafka is away, and nobody waits for it: the table holds what comes."""
MAX_FAILURES = 10
"""A row that Kafka refused so often is parked as a dead letter."""

_AT_ONCE = 1_000
_BYTES_AT_ONCE = 4 * 1024 * 1024
"""Rows, and about how many bytes, that go to the publisher in one call: a few milliseconds of the loop."""
_ALONE_AT_ONCE = 20
_BUSY = 16
"""So many rows at once are a busy time: the next ones are gathered before they are sent, since what a
batch costs, here and in the broker, is the same for one record and for a hundred."""
_GATHER_S = 0.02
_FEW = 100
_LINGER_S = 0.08
"""Fewer acknowledged rows than that stay longer, since a DELETE is a commit. What a crash leaves is published twice."""
_DELETE_AT_ONCE = 5_000
_PING_EVERY_S = 5.0
_DRAIN_S = 5.0
_PAUSE_S = 0.05
_MAX_PAUSE_S = 5.0


def _by_id(row: OutboxRow) -> UUID:
    """Ids are UUIDv7: their order is the order in which the rows were made."""
    return row.id


class _Lane:
    """The rows of one topic, in order. A topic that does not answer holds up no other."""

    def __init__(self) -> None:
        self.rows: deque[OutboxRow] = deque()
        self.again: list[OutboxRow] = []
        self.alone: list[OutboxRow] = []
        self.task: asyncio.Task[None] | None = None
        self.failed = False
        self._pause_s = _PAUSE_S

    def succeeded(self) -> None:
        self._pause_s = _PAUSE_S

    async def rest(self) -> None:
        """After a failure wait, longer each time until something succeeds."""
        self.failed = False
        await asyncio.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, _MAX_PAUSE_S)

    def next(self) -> tuple[list[OutboxRow], bool]:
        """Rows to send now, and whether each must go alone. What failed comes first, in its old order."""
        if self.alone:
            rows, self.alone = self.alone[:_ALONE_AT_ONCE], self.alone[_ALONE_AT_ONCE:]
            return rows, True
        if self.again:
            self.rows.extendleft(sorted(self.again, key=_by_id, reverse=True))
            self.again.clear()
        rows = []
        size = 0
        while self.rows and len(rows) < _AT_ONCE and size < _BYTES_AT_ONCE:
            row = self.rows.popleft()
            size += len(row.value or b"")
            rows.append(row)
        return rows, False


class Relay(LoopService):
    """Publishes outbox rows and deletes those that Kafka has."""

    name = "relay"

    def __init__(self, database: Database, publisher: Publisher, *, dead_topic: str, backlog: int = BACKLOG) -> None:
        super().__init__()
        self._database = database
        self._publisher = publisher
        self._dead_topic = dead_topic
        self._backlog = backlog
        self._held: dict[UUID, int] = {}
        self._held_bytes = 0
        self._busy_since = 0.0
        self._lanes: dict[str, _Lane] = {}
        self._acknowledged: list[UUID] = []
        self._refused: list[tuple[OutboxRow, str]] = []
        self._wake = asyncio.Event()
        self._eased = asyncio.Event()
        self.sweeping = asyncio.Lock()  # two sweeps of one process would hand over the same rows

    async def ease(self) -> None:
        """Wait, before rows are written, until those there are have gone out; a second at most.

        So a flood of submits goes at the pace of what follows, and not into a backlog that overflows.
        """
        until = time.monotonic() + EASE_MOST_S
        while len(self._held) >= EASE and self._publisher.quiet_for() < EASE_QUIET_S and time.monotonic() < until:
            self._eased.clear()
            try:
                await asyncio.wait_for(self._eased.wait(), EASE_QUIET_S)
            except TimeoutError:
                return

    def hand_over(self, rows: Sequence[OutboxRow]) -> None:
        """Take committed rows; returns at once. Beyond the backlog they are left to the sweep."""
        if not rows or self.stopping.is_set():
            return
        failpoint("api.after_commit_before_publish")
        if not self._held:
            self._busy_since = time.monotonic()
        for row in rows:
            if len(self._held) >= self._backlog or self._held_bytes >= BACKLOG_BYTES:
                return
            if row.id in self._held:
                continue
            self._held[row.id] = size = len(row.value or b"")
            self._held_bytes += size
            lane = self._lanes.get(row.topic)
            if lane is None:
                lane = self._lanes[row.topic] = _Lane()
            lane.rows.append(row)
            if lane.task is None:
                self._run(row.topic, lane)

    def _drop(self, ids: Iterable[UUID]) -> None:
        for row_id in ids:
            self._held_bytes -= self._held.pop(row_id, 0)
        if len(self._held) < EASE:
            self._eased.set()

    def holds(self, row_id: UUID) -> bool:
        """True while this process will still publish, or delete, the row."""
        return row_id in self._held

    @property
    def held(self) -> int:
        """How many rows this process still has to publish or delete."""
        return len(self._held)

    @property
    def room(self) -> int:
        """How many more rows the backlog takes."""
        return max(self._backlog - len(self._held), 0) if self._held_bytes < BACKLOG_BYTES else 0

    def last_success_age(self) -> float:
        """Seconds since Kafka acknowledged, or since it answered while there was nothing to publish."""
        quiet = self._publisher.quiet_for()
        if len(self._held) > len(self._acknowledged):
            return min(quiet, time.monotonic() - self._busy_since)
        return min(quiet, super().last_success_age())

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        for topic, lane in self._lanes.items():
            self._run(topic, lane)
        pinged = 0.0
        while not self.stopping.is_set():
            await self._woken(1.0)
            await self._settle()
            if loop.time() - pinged > _PING_EVERY_S:
                pinged = loop.time()
                await self._ping()
        until = loop.time() + _DRAIN_S
        while self._held and loop.time() < until:
            await self._woken(0.1)
            await self._settle()

    async def stop(self, deadline_s: float = 10.0) -> None:
        self.stopping.set()
        self._wake.set()
        await super().stop(deadline_s)

    async def teardown(self) -> None:
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=1.0)
        self._lanes.clear()
        self._held.clear()
        self._held_bytes = 0
        self._acknowledged.clear()
        self._refused.clear()
        await self._publisher.stop()

    async def setup(self) -> None:
        self._publisher.reopen()

    async def _woken(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()
        await self.pause(_GATHER_S)  # let more acknowledges come in: one DELETE for all
        if len(self._acknowledged) < _FEW and len(self._held) < EASE:
            await self.pause(_LINGER_S)

    async def _ping(self) -> None:
        try:
            await self._publisher.ping()
        except BrokerUnavailable as error:
            emit(Event.KAFKA_TROUBLE, what="relay", error=str(error))
        else:
            self.succeeded()

    def _run(self, topic: str, lane: _Lane) -> None:
        if lane.task is None:
            lane.task = asyncio.create_task(self._drive(topic, lane), name=f"relay {topic}")

    async def _drive(self, topic: str, lane: _Lane) -> None:
        """Send a lane's rows until it is empty. Acknowledges come later, in `_on_done`."""
        try:
            if lane.failed:
                await lane.rest()
            while True:
                rows, alone = lane.next()
                if not rows:
                    return
                batches = await self._publisher.send_many(topic, [row.outgoing() for row in rows], apart=alone)
                for batch in batches:
                    sent = [rows[place] for place in batch.places]
                    batch.acknowledgement.add_done_callback(partial(self._on_done, sent, lane))
                await asyncio.sleep(0)  # what failed at once is told now
                if lane.failed:
                    await lane.rest()
                elif _BUSY <= len(rows) < _AT_ONCE and not lane.rows:
                    await asyncio.sleep(_GATHER_S)
        finally:
            lane.task = None

    def _on_done(self, rows: list[OutboxRow], lane: _Lane, future: Acknowledgement) -> None:
        error = asyncio.CancelledError() if future.cancelled() else future.exception()
        if error is None:
            lane.succeeded()
            self._acknowledged += [row.id for row in rows]
            self._wake.set()
            return
        meaning = failure(error)
        topic = rows[0].topic
        if isinstance(meaning, RecordRefused) and len(rows) == 1:
            self._refuse(rows[0], str(meaning))
        elif self._lanes.get(topic) is lane:
            if isinstance(meaning, RecordRefused):
                lane.alone += rows  # one of them is to blame
            else:
                if not lane.failed:
                    emit(Event.OUTBOX_PUBLISH_FAILED, topic=topic, error=str(meaning))
                lane.failed = True
                lane.again += rows
            self._run(topic, lane)

    def _refuse(self, row: OutboxRow, detail: str) -> None:
        emit(Event.OUTBOX_PUBLISH_FAILED, topic=row.topic, outbox_id=str(row.id), error=detail)
        self._refused.append((row, detail))
        self._wake.set()

    async def _settle(self) -> None:
        """Delete what Kafka has, count what it refused. On database trouble both wait for the next turn."""
        try:
            while self._acknowledged:
                failpoint("api.after_ack_before_delete")
                ids = self._acknowledged[:_DELETE_AT_ONCE]
                async with self._database.connection() as connection:
                    await outbox.delete(connection, ids)
                del self._acknowledged[: len(ids)]
                self._drop(ids)
                emit(Event.OUTBOX_PUBLISHED, count=len(ids))
            while self._refused:
                refused = self._refused[:100]
                rows = await park(self._database, refused, max_failures=MAX_FAILURES, dead_topic=self._dead_topic)
                del self._refused[: len(refused)]
                self._drop(row.id for row, _ in refused)
                self.hand_over(rows)
        except Exception as error:
            if not is_transient(error):
                raise
            emit(Event.DATABASE_TROUBLE, service=self.name, error=repr(error))
            await self.pause(1.0)
