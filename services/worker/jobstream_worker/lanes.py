"""Order within a key: of the jobs of one lane, one runs at a time, in order of arrival."""

from collections import deque
from uuid import UUID

from jobstream_worker.work import Lane, Work


class _Queue:
    __slots__ = ("blockers", "head", "waiting")

    def __init__(self) -> None:
        self.head: Work | None = None
        self.waiting: deque[Work] = deque()
        self.blockers: set[UUID] = set()


class Lanes:
    """Lanes of this process. A lane is also blocked while a job of it runs in another worker.

    Attributes:
        waiting: how much work waits in lanes.
        waiting_bytes: the size of its records.
    """

    def __init__(self) -> None:
        self._lanes: dict[Lane, _Queue] = {}
        self.waiting = 0
        self.waiting_bytes = 0

    def enter(self, work: Work) -> bool:
        """Queue work of a lane up. True if it may start now."""
        lane = work.lane
        assert lane is not None
        queue = self._lanes.setdefault(lane, _Queue())
        if queue.head is None and not queue.blockers and not queue.waiting:
            queue.head = work
            return True
        queue.waiting.append(work)
        self.waiting += 1
        self.waiting_bytes += work.size
        return False

    def leave(self, work: Work) -> Work | None:
        """Work of a lane ended, or is withdrawn before it began. Returns what may start in its place."""
        lane = work.lane
        assert lane is not None
        queue = self._lanes.get(lane)
        if queue is None:
            return None
        if queue.head is work:
            queue.head = None
            return self._next(lane, queue)
        if work in queue.waiting:
            queue.waiting.remove(work)
            self._waits_no_more(work)
            self._drop_if_empty(lane, queue)
        return None

    def block(self, lane: Lane, run_id: UUID) -> None:
        """A run of another worker holds the lane."""
        self._lanes.setdefault(lane, _Queue()).blockers.add(run_id)

    def unblock(self, lane: Lane, run_id: UUID) -> Work | None:
        """That run is over. Returns what may start now."""
        queue = self._lanes.get(lane)
        if queue is None:
            return None
        queue.blockers.discard(run_id)
        return self._next(lane, queue)

    def _next(self, lane: Lane, queue: _Queue) -> Work | None:
        if queue.head is None and not queue.blockers and queue.waiting:
            queue.head = queue.waiting.popleft()
            self._waits_no_more(queue.head)
            return queue.head
        self._drop_if_empty(lane, queue)
        return None

    def _waits_no_more(self, work: Work) -> None:
        self.waiting -= 1
        self.waiting_bytes -= work.size

    def _drop_if_empty(self, lane: Lane, queue: _Queue) -> None:
        if queue.head is None and not queue.waiting and not queue.blockers:
            self._lanes.pop(lane, None)

    def __len__(self) -> int:
        return len(self._lanes)
