"""Leader: the one api that runs dispatcher, reaper, sweep and housekeeping.

Leadership is a lease row with a term, by the database's clock. Two leaders at once are harmless:
whatever the loops do is a compare-and-set or a locked row. They are rare too: a leader that cannot
renew in time stops its loops before the lease ends.
"""

import asyncio
from collections.abc import Callable

from jobstream.service import LoopService, Service, Supervisor
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database, is_transient
from jobstream_api.repositories import leadership
from jobstream_api.settings import ApiSettings

_STOP_S = 3.0


class Leader(LoopService):
    """Claims leadership, and runs the leader's services while it has it.

    Args:
        holder: unique per process.
        services: makes the services anew for each term.
    """

    name = "leader"

    def __init__(
        self, settings: ApiSettings, database: Database, *, holder: str, services: Callable[[], list[Service]]
    ) -> None:
        super().__init__()
        self._ttl_s = settings.leader_ttl_s
        self._database = database
        self._holder = holder
        self._make = services
        self._loops: Supervisor | None = None

    @property
    def leading(self) -> bool:
        """True while this process is the leader."""
        return self._loops is not None

    def ages(self) -> dict[str, float]:
        """Last-success ages of the leader's loops; empty when another leads."""
        return self._loops.ages() if self._loops else {}

    async def run(self) -> None:
        renewed = 0.0
        loop = asyncio.get_running_loop()
        try:
            while not self.stopping.is_set():
                asked = loop.time()
                try:
                    async with asyncio.timeout(self._ttl_s / 3), self._database.connection() as connection:
                        term = await leadership.claim(connection, self._holder, self._ttl_s)
                except Exception as error:
                    if not is_transient(error):
                        raise
                    emit(Event.DATABASE_TROUBLE, service=self.name, error=repr(error))
                    if self.leading and loop.time() > renewed + self._ttl_s * 2 / 3 - _STOP_S / 3:
                        await self._step_down("the lease could not be renewed")
                    await self.pause(min(1.0, self._ttl_s / 6))
                    continue
                self.succeeded()
                if term is None:
                    await self._step_down("another api has the lease")
                else:
                    renewed = asked
                    await self._step_up(term)
                await self.pause(self._ttl_s / 3)
        finally:
            await self._step_down("stopping")

    async def teardown(self) -> None:
        try:
            async with asyncio.timeout(2.0), self._database.connection() as connection:
                await leadership.resign(connection, self._holder)
        except Exception as error:
            emit(Event.DATABASE_TROUBLE, service=self.name, error=repr(error))

    async def _step_up(self, term: int) -> None:
        if self._loops is None:
            loops = Supervisor(self._make())
            await loops.start()
            self._loops = loops
            emit(Event.LEADER_ELECTED, holder=self._holder, term=term)

    async def _step_down(self, why: str) -> None:
        loops, self._loops = self._loops, None
        if loops is not None:
            await loops.stop(_STOP_S)
            emit(Event.LEADER_LOST, holder=self._holder, reason=why)
