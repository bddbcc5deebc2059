"""The queued work of one queue, and whose turn it is among queues."""

from collections import deque
from collections.abc import Iterable

from jobstream_worker.lanes import Lanes
from jobstream_worker.work import Work


class Line:
    """Queued work of one queue: ready, waiting for its lane, or parked until a child process is free.

    Attributes:
        passed: virtual time: how much of its share the queue has had. The line that is furthest behind is next.
        stride: what one start adds to it.
        paused: nothing of it may start.
    """

    __slots__ = ("lanes", "parked", "parked_bytes", "passed", "paused", "ready", "stride")

    def __init__(self, weight: int) -> None:
        self.stride = 1.0 / weight
        self.passed = 0.0
        self.paused = False
        self.lanes = Lanes()
        self.ready: deque[Work] = deque()
        self.parked: deque[Work] = deque()
        self.parked_bytes = 0

    @property
    def waiting(self) -> int:
        """How much work waits for something other than a free place."""
        return self.lanes.waiting + len(self.parked)

    @property
    def waiting_bytes(self) -> int:
        """The size of its records."""
        return self.lanes.waiting_bytes + self.parked_bytes

    def park(self, work: Work) -> None:
        """Work for a child process waits for one."""
        self.parked.append(work)
        self.parked_bytes += work.size

    def park_again(self, works: Iterable[Work]) -> None:
        """Work that was ready waits again, before all that came after it."""
        works = list(works)
        self.parked.extendleft(reversed(works))
        self.parked_bytes += sum(work.size for work in works)

    def unpark(self) -> Work:
        """The next that waits for a child process."""
        work = self.parked.popleft()
        self.parked_bytes -= work.size
        return work

    def forget_parked(self, work: Work) -> None:
        """It does not wait any more."""
        self.parked.remove(work)
        self.parked_bytes -= work.size


def furthest_behind(lines: Iterable[Line]) -> Line:
    """The line whose turn it is; of two that are level, the heavier."""
    return min(lines, key=_turn)


def _turn(line: Line) -> tuple[float, float]:
    return (line.passed, line.stride)
