"""Commits what is done, about once a second, with a note for whoever takes the partition over."""

import asyncio
from collections.abc import Callable, Collection, Iterable

from jobstream.clock import Clock
from jobstream.errors import BrokerUnavailable
from jobstream.failpoints import failpoint
from jobstream.kafka.commit_note import CommitNote
from jobstream.kafka.group import GroupConsumer, TopicPartition
from jobstream.telemetry import Event, emit
from jobstream.wakeful import WakefulLoop
from jobstream_worker.blocks import Blocks
from jobstream_worker.counts import Counts
from jobstream_worker.ledger import Ledger
from jobstream_worker.publisher import Publisher
from jobstream_worker.slots import Slot

COMMIT_EVERY_S = 1.0
KEYED_EVERY_S = 5.0
"""How often the note of a partition with running keyed jobs is renewed, so that a successor reads little."""
IDLE_EVERY_S = 30.0
IDLE_EVENTS = 1000
"""The note of a partition where nothing happens is renewed when so many status events have passed."""
COMMIT_S = 5.0


class Committer(WakefulLoop):
    """The commit loop over the partitions that are ours.

    Attributes:
        committed: called after each commit that Kafka took.
    """

    name = "committer"

    def __init__(
        self,
        slots: dict[TopicPartition, Slot],
        publisher: Publisher,
        ledger: Ledger,
        blocks: Blocks,
        counts: Counts,
        clock: Clock,
    ) -> None:
        super().__init__()
        self._slots = slots
        self._publisher = publisher
        self._ledger = ledger
        self._blocks = blocks
        self._counts = counts
        self._clock = clock
        self._lock = asyncio.Lock()
        self.group: GroupConsumer | None = None
        self.committed: Callable[[], None] = lambda: None

    async def run(self) -> None:
        while not self.stopping.is_set():
            await self.idle(COMMIT_EVERY_S)
            try:
                await self.commit(self._slots.values())
            except BrokerUnavailable as error:
                emit(Event.KAFKA_TROUBLE, what="committing", error=str(error))
                await self.pause(COMMIT_EVERY_S)

    async def commit(self, slots: Iterable[Slot], deadline_s: float = COMMIT_S) -> None:
        """Commit what changed in ``slots``.

        Raises:
            BrokerUnavailable: no answer in time.
        """
        async with self._lock:
            group = self.group
            if group is None:
                return
            offsets: dict[TopicPartition, tuple[int, str]] = {}
            written: list[tuple[Slot, int, CommitNote]] = []
            slots = list(slots)
            await self._pass_gaps(group, slots)
            for slot in slots:
                if slot.tracker is None or not slot.live:
                    continue
                note = self._note(slot)
                if self._worth_it(slot, note):
                    offset = slot.tracker.low_water
                    offsets[slot.partition] = (offset, note.encode(offset))
                    written.append((slot, offset, note))
                    slot.dirty = False
            if not offsets:
                return
            failpoint("worker.before_commit")
            await self._write(group, offsets, written, deadline_s)
        self.committed()

    async def _pass_gaps(self, group: GroupConsumer, slots: Iterable[Slot]) -> None:
        """Past transaction markers and the like, so that lag goes down to 0."""
        at_rest = {
            slot.partition: slot.tracker
            for slot in slots
            if slot.tracker is not None and slot.live and slot.tracker.unfinished == 0
        }
        for partition, position in (await group.positions(at_rest)).items():
            at_rest[partition].reached(position)

    async def _write(
        self,
        group: GroupConsumer,
        offsets: dict[TopicPartition, tuple[int, str]],
        written: Collection[tuple[Slot, int, CommitNote]],
        deadline_s: float,
    ) -> None:
        taken = False
        try:
            taken = await group.commit(offsets, deadline_s)
        finally:
            now = self._clock.monotonic()
            for slot, offset, note in written:
                if taken and slot.tracker is not None:
                    slot.tracker.mark_committed(offset)
                    slot.note, slot.noted_at = note, now
                else:
                    slot.dirty = True
        if taken:
            self._counts.commits += 1
        else:
            self._counts.fenced += 1
            emit(Event.COMMIT_FENCED, partitions=[f"{place.topic}/{place.partition}" for place in offsets])

    def _note(self, slot: Slot) -> CommitNote:
        assert slot.tracker is not None  # the caller has looked
        status_from = list(self._publisher.floor)
        places = self._blocks.places(slot.partition)
        places += [work.beat for work in self._ledger.keyed(slot.partition) if work.beat is not None]
        for partition, offset in places:
            # A partition that is missing here is read from its beginning.
            if partition < len(status_from):
                status_from[partition] = min(status_from[partition], offset)
        return CommitNote(tuple(status_from), tuple(slot.tracker.finished()), bool(places))

    def _worth_it(self, slot: Slot, note: CommitNote) -> bool:
        assert slot.tracker is not None  # the caller has looked
        if slot.tracker.low_water > slot.tracker.committed or slot.dirty or note.keyed != slot.note.keyed:
            return True
        age = self._clock.monotonic() - slot.noted_at
        if note.keyed:
            return age >= KEYED_EVERY_S
        return age >= IDLE_EVERY_S and sum(note.status_from) - sum(slot.note.status_from) >= IDLE_EVENTS
