"""Work that was taken and has not started: what may start next, and what has to wait for what."""

from collections import deque
from uuid import UUID

from jobstream_worker.lanes import Lanes
from jobstream_worker.work import Lane, Work


class Backlog:
    """Queued work: ready, waiting for its lane, or waiting for a child process.

    Work for child processes beyond their number waits apart, so that it takes nobody else's place.

    Attributes:
        waiting: how much work waits for something other than a free place.
        waiting_bytes: the size of its records.
    """

    def __init__(self, process_slots: int) -> None:
        self._process_slots = process_slots
        self._lanes = Lanes()
        self._ready: deque[Work] = deque()
        self._parked: deque[Work] = deque()
        self._parked_bytes = 0
        # Work for child processes that is ready or runs.
        self._processes = 0

    @property
    def ready(self) -> int:
        """How much work could start at once."""
        return len(self._ready)

    @property
    def waiting(self) -> int:
        return self._lanes.waiting + len(self._parked)

    @property
    def waiting_bytes(self) -> int:
        return self._lanes.waiting_bytes + self._parked_bytes

    @property
    def waiting_for_key(self) -> int:
        """How much work waits for other work of its key."""
        return self._lanes.waiting

    def add(self, work: Work) -> None:
        """Queue work up."""
        if work.lane is None or self._lanes.enter(work):
            self._make_ready(work)

    def take(self) -> Work | None:
        """What may start now; whoever starts it calls ``ran`` and ``settled`` later."""
        return self._ready.popleft() if self._ready else None

    def ran(self, work: Work) -> None:
        """Its handler has ended."""
        if _in_process(work):
            self._processes -= 1
            if self._parked:
                parked = self._parked.popleft()
                self._parked_bytes -= parked.size
                self._make_ready(parked)

    def settled(self, work: Work) -> None:
        """Its outcome stands: the next of its lane may start."""
        self._leave_lane(work)

    def withdraw(self, work: Work) -> None:
        """It is no longer ours, and has not started."""
        if work in self._ready:
            self._ready.remove(work)
            self.ran(work)
        elif work in self._parked:
            self._parked.remove(work)
            self._parked_bytes -= work.size
        self._leave_lane(work)

    def block(self, lane: Lane, run_id: UUID) -> None:
        """A run of another worker holds the lane."""
        self._lanes.block(lane, run_id)

    def unblock(self, lane: Lane, run_id: UUID) -> None:
        """That run is over."""
        self._next_of_lane(self._lanes.unblock(lane, run_id))

    def _leave_lane(self, work: Work) -> None:
        if work.lane is not None:
            self._next_of_lane(self._lanes.leave(work))

    def _next_of_lane(self, work: Work | None) -> None:
        if work is not None:
            self._make_ready(work)

    def _make_ready(self, work: Work) -> None:
        if _in_process(work):
            if self._processes >= self._process_slots:
                self._parked.append(work)
                self._parked_bytes += work.size
                return
            self._processes += 1
        self._ready.append(work)

    def __len__(self) -> int:
        return self.ready + self.waiting


def _in_process(work: Work) -> bool:
    return work.spec is not None and work.spec.run_in == "process"
