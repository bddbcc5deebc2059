"""The loop behind applier and intake: a batch of records becomes one transaction.

The transaction holds the work and the next offsets, so that a crash anywhere repeats nothing and
skips nothing. While it is under way the next batch is polled and read, if more are waiting.
What the database refuses for good is found by halving and dead-lettered with the error; what
passes by itself (connection, locks, a full disk) is waited for, for ever.
"""

import asyncio
from abc import abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from jobstream.contracts.events import Origin, StatusEvent
from jobstream.contracts.jobs import Job, Record
from jobstream.contracts.status import JobStatus
from jobstream.contracts.topics import Topics
from jobstream.errors import InvalidInput
from jobstream.kafka.stored import Place, StoredReader
from jobstream.service import LoopService
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Connection, Database, is_transient
from jobstream_api.repositories import dead_letters, progress
from jobstream_api.repositories.dead_letters import DeadLetter
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.repositories.progress import BEGINNING, Advance, Overtaken, Step
from jobstream_api.settings import ApiSettings

MAX_BATCH = 1000
READ_AT_ONCE = 200
"""So many records are read before others have the loop: whoever submits waits for that."""
_POLL_S = 1.0
_BUSY = 16
"""So many records at once are a busy time: the next ones are gathered before they are taken, since what a
transaction costs is the same for one record and for a hundred."""
_GATHER_S = 0.01
_MAX_PAUSE_S = 2.0
_KEEP_ALIVE_S = 2.0
_LOOK_AGAIN_S = 0.05
_STOP_S = 2.0

Batch = TypeVar("Batch")
AtOnce = Callable[[Connection, list[Advance], "Effects"], Awaitable[bool]]
"""Gets a connection outside of any transaction; True if all was done, False if nothing was."""


@dataclass(slots=True)
class Endings:
    """Runs of one type that ended the same way, for metrics: one figure per run, as far as it is known.

    Attributes:
        waits: from dispatch to start, seconds.
        runs: from start to end, seconds.
    """

    attempts: list[int] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    runs: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Effects:
    """What is to be done once a batch is committed.

    Attributes:
        offsets: of the batch, by place.
        completed: direct jobs whose rows were made by their outcome, and the place of each one's record.
        ended: runs that ended, by their job's type and the state of the job after it.
    """

    offsets: dict[Place, range] = field(default_factory=dict)
    outbox: list[OutboxRow] = field(default_factory=list)
    terminal: list[UUID] = field(default_factory=list)
    completed: list[tuple[Job, Origin]] = field(default_factory=list)
    ended: dict[tuple[str, JobStatus], Endings] = field(default_factory=dict)
    held: bool = False
    facts: dict[str, int] = field(default_factory=dict)

    def count(self, name: str, number: int = 1) -> None:
        """Add to a figure that telemetry tells of after the commit."""
        if number:
            self.facts[name] = self.facts.get(name, 0) + number

    def end(self, event: StatusEvent, status: JobStatus, dispatched_at: datetime | None) -> None:
        """Note the end of a run."""
        endings = self.ended.get((event.type, status))
        if endings is None:
            endings = self.ended[event.type, status] = Endings()
        endings.attempts.append(event.attempt)
        started = event.started_at
        if started is None:
            return
        if dispatched_at is not None:
            endings.waits.append(max((started - dispatched_at).total_seconds(), 0.0))
        if event.finished_at is not None:
            endings.runs.append((event.finished_at - started).total_seconds())


def _stretches(records: Sequence[Any]) -> dict[Place, range]:
    """The offsets of records, by place."""
    starts: dict[Place, int] = {}
    ends: dict[Place, int] = {}
    for record in records:
        place = (record.topic, record.partition)
        starts.setdefault(place, record.offset)
        ends[place] = record.offset + 1
    return {place: range(start, ends[place]) for place, start in starts.items()}


def dead_letter(record: Record, problem: InvalidInput, job_id: UUID | None = None) -> DeadLetter:
    """A consumed record and why it cannot be used."""
    try:
        at = datetime.fromtimestamp(record.timestamp / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        at = None
    return DeadLetter(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        reason=problem.code,
        field=problem.field or None,
        detail=problem.detail,
        key=record.key,
        value=record.value,
        headers=list(record.headers),
        record_at=at,
        job_id=job_id,
    )


class Ingest(LoopService, Generic[Batch]):
    """Reads topics as a group and hands batches to ``apply``, each in one transaction.

    Args:
        consumer: the group, without prefix, and the name under which offsets are stored.
        hand_over: gets the outbox rows of a committed batch.
    """

    def __init__(
        self,
        settings: ApiSettings,
        database: Database,
        *,
        consumer: str,
        topics: list[str],
        hand_over: Callable[[Sequence[OutboxRow]], None],
    ) -> None:
        super().__init__()
        self._settings = settings
        self._database = database
        self._consumer = consumer
        self._topic_names = topics
        self._hand_over = hand_over
        self._dead_topic = Topics(settings.topic_prefix).dead
        self._expected: dict[Place, Step] = {}
        self._passed_over: dict[Place, Any] = {}
        self._storing: asyncio.Task[bool] | None = None
        self._under_way = asyncio.Event()

    @abstractmethod
    async def read(self, records: Sequence[Any]) -> Batch:
        """Records as ``apply`` wants them, for one try. Others have the loop after each ``READ_AT_ONCE``."""

    @abstractmethod
    async def apply(self, connection: Connection, batch: Batch, effects: Effects) -> None:
        """Do the work of a batch in the transaction of ``connection``; note what follows in ``effects``."""

    def at_once(self, batch: Batch) -> AtOnce | None:
        """What writes a batch's work and its steps in one statement; None if the work is more than that."""
        return None

    def committed(self, effects: Effects) -> None:
        """Called after each commit. May be extended."""
        if effects.outbox:
            self._hand_over(effects.outbox)

    def pass_over(self, records: Sequence[Any]) -> bool:
        """True if the batch needs no transaction now; its offsets then ride with a later one."""
        return False

    def too_early(self, records: Sequence[Any]) -> bool:
        """True while the batch is better taken a little later."""
        return False

    def gather_s(self, records: int) -> float:
        """For how long the next records are gathered after so many, seconds."""
        return _GATHER_S if records >= _BUSY else 0.0

    async def run(self) -> None:
        reader = StoredReader(
            self._settings,
            f"jobstream-api-{self.name}",
            group=self._consumer,
            topics=self._topic_names,
            load=self.load,
            session_timeout_s=self._settings.api_session_s,
        )
        try:
            await reader.start()
            while not self.stopping.is_set():
                try:
                    await self._turn(reader)
                except Exception as error:
                    if not is_transient(error):
                        raise
                    await self._trouble(error, 0.5)
                else:
                    self.succeeded()
            await self._stored(reader)
        finally:
            if self._storing is not None:
                self._storing.cancel()
                await asyncio.gather(self._storing, return_exceptions=True)
                self._storing = None
            await reader.stop()

    async def stop(self, deadline_s: float = 10.0) -> None:
        # A poll may sit in a rebalance for long; cutting it off loses nothing, since what counts is stored.
        await super().stop(min(deadline_s, _STOP_S))

    async def _turn(self, reader: StoredReader) -> None:
        """Take the next batch, while the one before it is being stored."""
        if reader.astray:  # it will look up what is stored, and that must not change meanwhile
            await self._stored(reader)
        records = await reader.poll(MAX_BATCH, _POLL_S)
        await self._hold_back(reader, records)
        passed_over = bool(records) and self.pass_over(records)
        batch = await self._read_ahead(records) if records and not passed_over else None
        if not await self._stored(reader):
            return  # these will come again, after those
        if passed_over:
            self._passed_over |= {(record.topic, record.partition): record for record in records}
        elif records or self._passed_over:
            # When it is quiet again the offsets alone are stored, so that lag tools read zero.
            taken = records or list(self._passed_over.values())
            self._under_way.clear()
            self._storing = asyncio.create_task(self._store(reader, taken, batch), name=f"{self.name} batch")
            self._storing.add_done_callback(lambda _: self._under_way.set())
            await self._under_way.wait()
        if len(records) < MAX_BATCH:  # no more are waiting
            await self._stored(reader)
            gather_s = self.gather_s(len(records))
            if gather_s:
                await self.pause(gather_s)

    async def _hold_back(self, reader: StoredReader, records: Sequence[Any]) -> None:
        """Wait, as a member of the group, until it is time for the batch."""
        loop = asyncio.get_running_loop()
        heard_at = loop.time()
        while records and self.too_early(records) and not self.stopping.is_set():
            await self.pause(_LOOK_AGAIN_S)
            if loop.time() - heard_at >= _KEEP_ALIVE_S:
                heard_at = loop.time()
                await reader.keep_alive()

    async def _stored(self, reader: StoredReader) -> bool:
        """Wait for the batch that is being stored, as a member of the group; False if it could not be."""
        storing = self._storing
        if storing is None:
            return True
        while not storing.done():
            await asyncio.wait([storing], timeout=_KEEP_ALIVE_S)
            if not storing.done():
                await reader.keep_alive()
        self._storing = None
        return storing.result()

    async def _read_ahead(self, records: Sequence[Any]) -> Batch | None:
        try:
            return await self.read(records)
        except Exception:
            return None  # it is read again, in halves, until the record to blame is found

    async def load(self, places: list[Place]) -> dict[Place, int]:
        """The stored offsets of partitions that became ours. May be extended."""
        async with self._database.connection() as connection:
            stored = await progress.load_steps(connection, self._consumer)
        self._passed_over.clear()
        for place in places:
            self._expected.pop(place, None)
        self._expected |= {place: stored[place] for place in places if place in stored}
        return {place: step.next_offset for place, step in stored.items()}

    async def _store(self, reader: StoredReader, records: Sequence[Any], batch: Batch | None) -> bool:
        """Bring one batch into the database, however long that takes; False if it is not ours to bring."""
        pause = 0.05
        while not self.stopping.is_set():
            try:
                await self._take(reader, records, batch)
                return True
            except Overtaken:
                # Another member has the partition, or had it: begin again from what is stored.
                break
            except Exception as error:
                if not is_transient(error):
                    raise
                self._under_way.set()  # it may last: stay in the group meanwhile
                await self._trouble(error, pause)
                pause = min(pause * 2, _MAX_PAUSE_S)
                batch = None
        reader.rewind()
        return False

    async def _trouble(self, error: BaseException, pause: float) -> None:
        emit(Event.DATABASE_TROUBLE, service=self.name, error=repr(error))
        await self.pause(pause)

    async def _take(self, reader: StoredReader, records: Sequence[Any], batch: Batch | None = None) -> None:
        """One transaction for all records, or, if one of them is bad, fewer and fewer."""
        try:
            ready = await self.read(records) if batch is None else batch
            await self._transact(
                reader, records, lambda connection, effects: self.apply(connection, ready, effects), self.at_once(ready)
            )
        except (Overtaken, MemoryError):
            raise
        except Exception as error:
            if is_transient(error):
                raise
            if len(records) == 1:
                problem = InvalidInput("unusable", "", f"the record was refused: {error!r}"[:2000])
                letters = [dead_letter(records[0], problem)]
                await self._transact(
                    reader, records, lambda connection, effects: self._bury(connection, letters, effects)
                )
                return
            half = len(records) // 2
            await self._take(reader, records[:half])
            await self._take(reader, records[half:])

    async def _transact(
        self,
        reader: StoredReader,
        records: Sequence[Any],
        work: Callable[[Connection, Effects], Awaitable[None]],
        at_once: AtOnce | None = None,
    ) -> None:
        effects = Effects(_stretches(records))
        ends = {place: offsets.stop for place, offsets in effects.offsets.items()}
        steps = [Advance(*place, self._expected.get(place), end) for place, end in sorted(ends.items())]
        done = False
        if at_once is not None:
            async with self._database.connection() as connection:
                self._under_way.set()
                done = await at_once(connection, steps, effects)
        if not done:
            async with self._database.transaction() as connection:
                self._under_way.set()
                await work(connection, effects)
                await progress.store(connection, self._consumer, steps)
        self._expected |= {
            place: step.on(end) if (step := self._expected.get(place)) else Step(BEGINNING, end)
            for place, end in ends.items()
        }
        for place in ends:
            self._passed_over.pop(place, None)
        reader.stored(ends)
        self.committed(effects)

    async def _bury(self, connection: Connection, letters: Sequence[DeadLetter], effects: Effects) -> None:
        """Dead-letter records in the batch's transaction."""
        effects.count("buried", len(letters))
        for letter, row in await dead_letters.insert(connection, letters, self._dead_topic):
            effects.outbox.append(row)
            emit(
                Event.DEAD_LETTERED,
                reason=letter.reason,
                field=letter.field,
                topic=letter.topic,
                partition=letter.partition,
                offset=letter.offset,
            )
