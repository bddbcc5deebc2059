"""Which offset of a partition may be committed, while its records finish in any order. Pure.

An offset is done when a durable fact about its job stands on a topic. The next offset to commit is
the lowest that is not done. Offsets may have gaps: transaction markers and aborted records take
offsets and are never delivered.
"""

from collections import deque
from collections.abc import Iterable

Range = tuple[int, int]
"""Offsets from the first up to, not including, the second."""


class OffsetTracker:
    """The offsets of one partition, from its assignment to its revocation.

    Args:
        start: the committed offset; everything below is done.
        known: offsets at or above ``start`` that are done already, though they will be delivered again.
    """

    def __init__(self, start: int, known: Iterable[Range] = ()) -> None:
        self.committed = start
        # Every offset below was delivered, is known to be done, or will never come.
        self._next = start
        # Delivered and not done, in order of offset, which is the order of delivery.
        self._pending: dict[int, None] = {}
        self._ahead = deque(merge(known))
        self._absorb()

    def accept(self, offset: int) -> bool:
        """Take a delivered offset. True if its work is to be done; False if that is done or taken already."""
        if offset < self._next:
            return False
        while self._ahead and self._ahead[0][1] <= offset:
            self._ahead.popleft()
        known = bool(self._ahead) and self._ahead[0][0] <= offset
        self._next = offset + 1
        if not known:
            self._pending[offset] = None
        self._absorb()
        return not known

    def done(self, offset: int) -> None:
        """The offset's durable fact stands. Repeats and offsets that were never accepted are ignored."""
        self._pending.pop(offset, None)

    def reached(self, position: int) -> None:
        """The consumer is at ``position``: what lies below and was not delivered never will be."""
        if position > self._next:
            self._next = position
            self._absorb()

    def mark_committed(self, offset: int) -> None:
        """Kafka has taken ``offset`` as committed."""
        self.committed = max(self.committed, offset)

    @property
    def low_water(self) -> int:
        """The next offset to commit. Never goes down."""
        return next(iter(self._pending), self._next)

    @property
    def unfinished(self) -> int:
        """How many accepted offsets are not done."""
        return len(self._pending)

    @property
    def span(self) -> int:
        """Offsets from the committed one to the highest delivered: what a successor may get again."""
        return self._next - self.committed

    def finished(self) -> list[Range]:
        """What is done at or above ``low_water``, with the gaps between, as ranges in order."""
        ranges: list[Range] = []
        begin: int | None = None
        for offset in self._pending:
            if begin is not None and offset > begin:
                ranges.append((begin, offset))
            begin = offset + 1
        if begin is not None and self._next > begin:
            ranges.append((begin, self._next))
        return [*ranges, *self._ahead]

    def _absorb(self) -> None:
        while self._ahead and self._ahead[0][0] <= self._next:
            self._next = max(self._next, self._ahead.popleft()[1])


def merge(ranges: Iterable[Range]) -> list[Range]:
    """The same offsets as disjoint ranges in order; empty ranges are dropped."""
    merged: list[Range] = []
    for begin, end in sorted(ranges):
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        elif begin < end:
            merged.append((begin, end))
    return merged
