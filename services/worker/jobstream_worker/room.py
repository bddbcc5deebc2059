"""How much more work of each queue may be taken."""

from jobstream.clock import Clock
from jobstream_worker.backlog import Backlog
from jobstream_worker.pace import Pace
from jobstream_worker.publisher import Publisher

MAX_WAITING = 10_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
"""Of work that waits for its lane or for a child process."""
MAX_UNSETTLED = 2_000
MAX_UNSETTLED_BYTES = 64 * 1024 * 1024
"""Of outcomes that Kafka has not acknowledged."""


class Room:
    """The room of each queue. What is fetched ahead of one takes none of another's."""

    def __init__(self, backlog: Backlog, publisher: Publisher, clock: Clock, concurrency: int) -> None:
        self._backlog = backlog
        self._publisher = publisher
        self._clock = clock
        self._concurrency = concurrency
        self._pace = Pace(least=max(concurrency // 10, 4))

    def of(self, topic: str, *, active: int, ended: int, unsettled: int) -> int:
        """How many more records of a queue can be taken. A few count as none, so that they are taken by the handful.

        Args:
            topic: the queue's.
            active: handlers that run.
            ended: work that has ended since the process began.
            unsettled: outcomes that are not acknowledged.
        """
        if unsettled >= MAX_UNSETTLED or self._publisher.waiting_bytes >= MAX_UNSETTLED_BYTES:
            return 0
        backlog = self._backlog
        line = backlog.line(topic)
        if line.waiting and self._is_full(line.waiting, line.waiting_bytes):
            return 0
        self._pace.look(ended, self._clock.monotonic())
        ahead = self._pace.ahead
        places, ready = self._concurrency - active, len(line.ready)
        # Places that no ready work of any queue will fill, and beyond them a few records for each queue.
        room = ahead + max(places - backlog.ready, 0) - max(ready - places, 0)
        return room if room >= ahead // 2 else 0

    def _is_full(self, waiting: int, waiting_bytes: int) -> bool:
        """True if too much waits; a queue with less than its part of that is not held up by the others."""
        queues = self._backlog.queues
        return (waiting >= MAX_WAITING // queues and self._backlog.waiting >= MAX_WAITING) or (
            waiting_bytes >= MAX_WAITING_BYTES // queues and self._backlog.waiting_bytes >= MAX_WAITING_BYTES
        )
