"""Notices when this process has stood still, so that it does not go on as if nothing had happened."""

from collections.abc import Callable

from jobstream.clock import Clock
from jobstream.service import LoopService

TICK_S = 0.5


class Pulse(LoopService):
    """Ticks twice a second. After a freeze (SIGSTOP, a blocked loop) the tick is late, and says so.

    Args:
        limit_s: a tick that is later than this may have cost us our partitions.
        was_late: called then, before anything else goes on.
    """

    name = "pulse"

    def __init__(self, limit_s: float, was_late: Callable[[], None], clock: Clock) -> None:
        super().__init__()
        self._limit_s = limit_s
        self._was_late = was_late
        self._clock = clock
        self._ticked = clock.monotonic()

    def late(self, now: float) -> bool:
        """True from a freeze on until the tick that tells of it; ``now`` is monotonic."""
        return now - self._ticked > self._limit_s

    async def setup(self) -> None:
        self._ticked = self._clock.monotonic()

    async def run(self) -> None:
        while not self.stopping.is_set():
            self.tick()
            await self.pause(TICK_S)

    def tick(self) -> None:
        """Tell if it is late; from now on it is not."""
        now = self._clock.monotonic()
        if self.late(now):
            self._was_late()
        self._ticked = now
        self.succeeded()
