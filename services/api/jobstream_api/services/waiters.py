"""Callers that wait for a job to end.

The local applier tells at once; besides, one query a tick asks for all waiters together, so that
waiting works on a replica that applies nothing.
"""

import asyncio
from collections.abc import Iterable
from uuid import UUID

from jobstream.service import LoopService
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database, is_transient
from jobstream_api.repositories import jobs_read

TICK_S = 0.05


class Waiters(LoopService):
    """Wakes those who wait. Idle without any."""

    name = "waiters"

    def __init__(self, database: Database, *, tick_s: float = TICK_S) -> None:
        super().__init__()
        self._database = database
        self._tick_s = tick_s
        self._waiting: dict[UUID, set[asyncio.Future[None]]] = {}
        self._any = asyncio.Event()

    async def wait_for(self, job_id: UUID, seconds: float) -> None:
        """Return when the job may have become terminal, when time is over, or at shutdown.

        The caller reads the row again: to be woken means only that there is something to see.
        """
        if self.stopping.is_set():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job_id, set()).add(future)
        self._any.set()
        try:
            await asyncio.wait([future], timeout=seconds)
        finally:
            futures = self._waiting.get(job_id)
            if futures is not None:
                futures.discard(future)
                if not futures:
                    del self._waiting[job_id]

    def notify(self, job_ids: Iterable[UUID]) -> None:
        """Wake the waiters of these jobs. Called right after the commit that changed them."""
        for job_id in job_ids:
            for future in self._waiting.get(job_id, ()):
                if not future.done():
                    future.set_result(None)

    def release(self) -> None:
        """Answer all who wait, and from now on everybody at once: the process is stopping."""
        self.stopping.set()
        self.notify(list(self._waiting))
        self._any.set()

    def __len__(self) -> int:
        return sum(len(futures) for futures in self._waiting.values())

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while not self.stopping.is_set():
            if not self._waiting:
                self._any.clear()
                await self._arrival()
                self.succeeded()
                continue
            began = loop.time()
            await self._look()
            # A slow database is not asked more than a quarter of the time.
            await self.pause(max(self._tick_s, 3 * (loop.time() - began)))

    async def teardown(self) -> None:
        self.notify(list(self._waiting))

    async def stop(self, deadline_s: float = 10.0) -> None:
        self.release()
        await super().stop(deadline_s)

    async def _arrival(self) -> None:
        try:
            await asyncio.wait_for(self._any.wait(), 2.0)
        except TimeoutError:
            pass

    async def _look(self) -> None:
        try:
            async with self._database.connection() as connection:
                ended = await jobs_read.terminal(connection, list(self._waiting))
        except Exception as error:
            if not is_transient(error):
                raise
            emit(Event.DATABASE_TROUBLE, service=self.name, error=repr(error))
            await self.pause(0.5)
        else:
            self.notify(ended)
            self.succeeded()
