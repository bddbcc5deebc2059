"""A loop that sleeps until there is something to do."""

import asyncio

from jobstream.service import LoopService


class WakefulLoop(LoopService):
    """A LoopService whose ``run`` calls ``idle`` between turns and is woken by ``wake``.

    Asleep without anything to do counts as fresh: ``last_success_age`` is 0 then.
    """

    def __init__(self) -> None:
        super().__init__()
        self._awake = asyncio.Event()
        self._asleep = False

    def wake(self) -> None:
        """There is something to do."""
        self._awake.set()

    async def idle(self, seconds: float | None = None) -> None:
        """Sleep until woken, told to stop, or ``seconds`` have passed; None sleeps without end."""
        self.succeeded()
        self._asleep = seconds is None
        try:
            async with asyncio.timeout(seconds):
                await self._awake.wait()
        except TimeoutError:
            pass
        finally:
            self._asleep = False
            self._awake.clear()
            self.succeeded()

    async def stop(self, deadline_s: float = 10.0) -> None:
        self.stopping.set()
        self._awake.set()
        await super().stop(deadline_s)

    def last_success_age(self) -> float:
        return 0.0 if self._asleep else super().last_success_age()
