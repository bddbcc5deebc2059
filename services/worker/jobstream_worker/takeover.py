"""Taking partitions over: what a predecessor finished but had not committed must not run again."""

import asyncio
from collections import defaultdict
from collections.abc import Collection

from jobstream.backoff import Backoff
from jobstream.errors import BrokerUnavailable
from jobstream.kafka.commit_note import CommitNote
from jobstream.kafka.group import Committed, GroupConsumer, TopicPartition
from jobstream.kafka.tracker import Range
from jobstream.telemetry import Event, emit
from jobstream_worker.ledger import Ledger
from jobstream_worker.slots import Slot
from jobstream_worker.status_watch import StatusWatch
from jobstream_worker.work import identity_of

RETRY = Backoff(base_s=0.5, cap_s=5.0)


class Takeover:
    """Opens assigned partitions, once it is known which of their uncommitted records are done.

    The commit's metadata names what was finished when it was written, and from where on the status
    topic tells the rest. A partition without a backlog, and without keyed jobs that run elsewhere,
    opens without any reading.
    """

    def __init__(self, watch: StatusWatch, ledger: Ledger) -> None:
        self._watch = watch
        self._ledger = ledger

    async def open(self, group: GroupConsumer, slots: Collection[Slot]) -> None:
        """Open ``slots``, trying until it is done."""
        tries = 0
        while waiting := [slot for slot in slots if slot.tracker is None]:
            try:
                await self._open(group, waiting)
            except BrokerUnavailable as error:
                emit(Event.KAFKA_TROUBLE, what="taking partitions over", error=str(error))
                tries += 1
                await asyncio.sleep(RETRY.ceiling(tries))

    async def _open(self, group: GroupConsumer, slots: list[Slot]) -> None:
        partitions = [slot.partition for slot in slots]
        committed = await group.committed(partitions)
        bounds = await group.bounds(partitions)
        left: dict[Slot, tuple[int, int, CommitNote | None]] = {}
        for slot in slots:
            begin, end = bounds[slot.partition]
            start, note = _start(committed[slot.partition], begin, end)
            if start < end or (note is not None and note.keyed):
                left[slot] = (start, end, note)
            else:
                _open_slot(group, slot, start, end, note, ())
        if left:
            known = await self._replay(left)
            for slot, (start, end, note) in left.items():
                finished = () if note is None else note.finished
                _open_slot(group, slot, start, end, note, (*finished, *known[slot.partition]))

    async def _replay(
        self, left: dict[Slot, tuple[int, int, CommitNote | None]]
    ) -> defaultdict[TopicPartition, list[Range]]:
        notes = [note for _, _, note in left.values()]
        starts = [min(offsets) for offsets in zip(*(note.status_from if note else () for note in notes), strict=False)]
        known: defaultdict[TopicPartition, list[Range]] = defaultdict(list)
        for event in await self._watch.replay(starts, [slot.partition for slot in left]):
            # RUNNING counts as well as an outcome: should that run have died, the reaper orders another.
            self._ledger.remember(identity_of(event))
            if event.origin is not None:
                place = TopicPartition(event.origin.topic, event.origin.partition)
                known[place].append((event.origin.offset, event.origin.offset + 1))
        return known


def _start(committed: Committed, begin: int, end: int) -> tuple[int, CommitNote | None]:
    """Where to begin, and the note that belongs to it."""
    if committed.offset is None or committed.offset > end:
        # Nothing committed, or for a topic that was deleted and made anew.
        return begin, None
    return max(committed.offset, begin), CommitNote.decode(committed.metadata, committed.offset)


def _open_slot(
    group: GroupConsumer, slot: Slot, start: int, end: int, note: CommitNote | None, known: Collection[Range]
) -> None:
    tracker = slot.open(start, end, note, known)
    group.resume(slot.partition, tracker.low_water)
