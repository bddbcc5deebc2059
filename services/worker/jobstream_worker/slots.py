"""The partitions that are ours."""

from collections.abc import Callable, Iterable

from jobstream.kafka.commit_note import CommitNote
from jobstream.kafka.group import TopicPartition
from jobstream.kafka.tracker import OffsetTracker, Range

WINDOW = 1000
"""How far above the committed offset records are taken; what a successor may be given again."""
BATCH = 250
"""Most records of one poll, so that no poll steps over the window."""
COMMIT_EARLY = 250
"""So many offsets done beyond the committed one do not wait for the next regular commit."""


class Slot:
    """One partition, from its assignment to its revocation.

    Attributes:
        live: false once it was revoked.
        tracker: set when it is known what a predecessor left, which is when records are taken.
        suspect_end: records below may have been started before; RUNNING stands before their handler starts.
        note: what was committed with the offset last.
        noted_at: monotonic time of that.
        dirty: something changed since.
    """

    __slots__ = ("_progressed", "dirty", "live", "note", "noted_at", "partition", "suspect_end", "tracker")

    def __init__(self, partition: TopicPartition, progressed: Callable[[], None]) -> None:
        self.partition = partition
        self._progressed = progressed
        self.live = True
        self.tracker: OffsetTracker | None = None
        self.suspect_end = 0
        self.note = CommitNote()
        self.noted_at = 0.0
        self.dirty = False

    def open(self, committed: int, end: int, note: CommitNote | None, known: Iterable[Range]) -> OffsetTracker:
        """Begin to take records.

        Args:
            committed: where the group stands.
            end: the log's end at our assignment.
            note: what stands beside the committed offset.
            known: offsets that are done all the same.
        """
        self.tracker = OffsetTracker(committed, known)
        self.suspect_end = min(committed + WINDOW, end)
        self.note = note or CommitNote()
        self.dirty = self.tracker.low_water > committed
        return self.tracker

    @property
    def takes(self) -> bool:
        """True while records are taken and the window has room."""
        return self.live and self.tracker is not None and self.tracker.span <= WINDOW - BATCH

    def done(self, offset: int) -> None:
        """A record's durable fact stands."""
        if self.live and self.tracker is not None:
            self.tracker.done(offset)
            self.dirty = True
            if self.tracker.low_water - self.tracker.committed >= COMMIT_EARLY:
                self._progressed()
