"""Work that was taken and has not started: what may start next, and what has to wait for what."""

from collections.abc import Collection, Mapping
from uuid import UUID

from jobstream_worker.lines import Line, furthest_behind
from jobstream_worker.work import Lane, Work

_WEIGHT = 1
"""Of a queue that none was named for."""


class Backlog:
    """Queued work, a line for each queue: ready, waiting for its lane, or waiting for a child process.

    Between queues that have work ready, places are given in proportion to their weights (start-time fair
    queueing, Goyal et al. 1996): a queue that had nothing ready saves up nothing and is owed nothing.
    Work for child processes beyond their number waits apart, so that it takes nobody else's place.

    Args:
        weights: of the queues that are served, by topic.

    Attributes:
        ready: how much work could start at once.
    """

    def __init__(self, process_slots: int, weights: Mapping[str, int] | None = None) -> None:
        self._process_slots = process_slots
        self._lines = {topic: Line(weight) for topic, weight in (weights or {}).items()}
        # Those that have work ready and are not paused. Mostly it is one, and then nothing is weighed.
        self._busy: list[Line] = []
        # The virtual time of the last start.
        self._time = 0.0
        # Work for child processes that is ready or runs.
        self._processes = 0
        self.ready = 0

    @property
    def queues(self) -> int:
        """How many lines there are."""
        return len(self._lines)

    @property
    def waiting(self) -> int:
        """How much work waits for something other than a free place."""
        return sum(line.waiting for line in self._lines.values())

    @property
    def waiting_bytes(self) -> int:
        """The size of its records."""
        return sum(line.waiting_bytes for line in self._lines.values())

    @property
    def waiting_for_key(self) -> int:
        """How much work waits for other work of its key."""
        return sum(line.lanes.waiting for line in self._lines.values())

    def line(self, topic: str) -> Line:
        """The line of a queue, by its topic."""
        line = self._lines.get(topic)
        if line is None:
            line = self._lines[topic] = Line(_WEIGHT)
        return line

    def add(self, work: Work) -> None:
        """Queue work up."""
        topic = work.partition.topic
        line = self._lines.get(topic) or self.line(topic)
        if work.lane is None or line.lanes.enter(work):
            self._make_ready(line, work)

    def take(self) -> Work | None:
        """What may start now; whoever starts it calls ``ran`` and ``settled`` later."""
        busy = self._busy
        if not busy:
            return None
        line = busy[0] if len(busy) == 1 else furthest_behind(busy)
        self._time = line.passed
        line.passed += line.stride
        self.ready -= 1
        work = line.ready.popleft()
        if not line.ready:
            busy.remove(line)
        return work

    def ran(self, work: Work) -> None:
        """Its handler has ended."""
        if work.in_process:
            self._processes -= 1
            self._unpark()

    def settled(self, work: Work) -> None:
        """Its outcome stands: the next of its lane may start."""
        if work.lane is not None:
            self._leave_lane(self.line(work.partition.topic), work)

    def withdraw(self, work: Work) -> None:
        """It does not start: it is no longer ours, say."""
        line = self.line(work.partition.topic)
        if work in line.ready:
            line.ready.remove(work)
            if not line.paused:
                self.ready -= 1
                if not line.ready:
                    self._busy.remove(line)
            self.ran(work)
        elif work in line.parked:
            line.forget_parked(work)
        if work.lane is not None:
            self._leave_lane(line, work)

    def block(self, lane: Lane, run_id: UUID) -> None:
        """A run of another worker holds the lane."""
        self.line(lane[0]).lanes.block(lane, run_id)

    def unblock(self, lane: Lane, run_id: UUID) -> None:
        """That run is over."""
        line = self.line(lane[0])
        self._next_of_lane(line, line.lanes.unblock(lane, run_id))

    def pause(self, topics: Collection[str]) -> None:
        """Nothing of the queues of ``topics`` may start from now on, and all of the others."""
        for line in [self.line(topic) for topic in topics]:
            if not line.paused:
                self._hold(line)
        for topic, line in self._lines.items():
            if line.paused and topic not in topics:
                line.paused = False
                self.ready += len(line.ready)
                if line.ready:
                    self._enter(line)
        self._unpark()

    def _hold(self, line: Line) -> None:
        line.paused = True
        if line.ready:
            self.ready -= len(line.ready)
            self._busy.remove(line)
        # Child processes that are set aside for it would be missing to others.
        ours = [work for work in line.ready if work.in_process]
        for work in ours:
            line.ready.remove(work)
        line.park_again(ours)
        self._processes -= len(ours)

    def _leave_lane(self, line: Line, work: Work) -> None:
        self._next_of_lane(line, line.lanes.leave(work))

    def _next_of_lane(self, line: Line, work: Work | None) -> None:
        if work is not None:
            self._make_ready(line, work)

    def _make_ready(self, line: Line, work: Work) -> None:
        if work.in_process:
            if line.paused or self._processes >= self._process_slots:
                line.park(work)
                return
            self._processes += 1
        line.ready.append(work)
        if not line.paused:
            self.ready += 1
            if len(line.ready) == 1:
                self._enter(line)

    def _enter(self, line: Line) -> None:
        """It has work to start again: its share counts from now on, not from when it had some last."""
        if line.passed < self._time:
            line.passed = self._time
        self._busy.append(line)

    def _unpark(self) -> None:
        while self._processes < self._process_slots:
            waiting = [line for line in self._lines.values() if line.parked and not line.paused]
            if not waiting:
                return
            line = furthest_behind(waiting)
            self._make_ready(line, line.unpark())

    def __len__(self) -> int:
        return sum(len(line.ready) + line.waiting for line in self._lines.values())
