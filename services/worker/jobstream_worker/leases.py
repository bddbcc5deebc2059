"""Leases: a run that lasts is announced, and from then on its record counts as done."""

from collections import deque
from collections.abc import Callable

from jobstream.clock import Clock
from jobstream.wakeful import WakefulLoop
from jobstream_worker.work import Work

ANNOUNCE_AFTER_S = 0.1
"""A run that ends sooner sends its outcome only."""
SWEEP_S = 0.05


class Leases(WakefulLoop):
    """Has RUNNING sent for each run that is still going after 100 ms. Asleep while nothing runs."""

    name = "leases"

    def __init__(self, announce: Callable[[Work], None], clock: Clock) -> None:
        super().__init__()
        self._announce = announce
        self._clock = clock
        # In order of their first waits, which is the order of start: so what is due stands at the front.
        self._due: deque[tuple[float, Work]] = deque()

    def watch(self, work: Work) -> None:
        """Work whose handler waits for something for the first time."""
        if work.announced_at is None and work.run is not None:
            self._due.append((work.run.started + ANNOUNCE_AFTER_S, work))
            self.wake()

    async def run(self) -> None:
        while not self.stopping.is_set():
            if not self._due:
                await self.idle()
            self.sweep()
            await self.pause(SWEEP_S)

    def sweep(self) -> None:
        """Announce what is due."""
        self.succeeded()
        now = self._clock.monotonic()
        while self._due and self._due[0][0] <= now:
            self._announce(self._due.popleft()[1])
