"""Callers that wait for a job to end.

The local applier tells at once; besides, one query a tick asks for all who have waited for longer than that, so that
waiting works on a replica that applies nothing.
"""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from uuid import UUID

from jobstream.service import LoopService
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database, is_transient
from jobstream_api.repositories import jobs_read

TICK_S = 0.05


class Watch:
    """One caller's eye on one job, since that time of the loop."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.since = loop.time()
        self._woken: asyncio.Future[None] = loop.create_future()

    async def woken(self, seconds: float) -> None:
        """Return when there may have been news since the last return, or when time is over."""
        await asyncio.wait([self._woken], timeout=seconds)
        if self._woken.done():
            self._woken = asyncio.get_running_loop().create_future()

    def wake(self) -> None:
        """Tell of news."""
        if not self._woken.done():
            self._woken.set_result(None)


class Waiters(LoopService):
    """Wakes those who wait. Idle without any."""

    name = "waiters"

    def __init__(self, database: Database, *, tick_s: float = TICK_S) -> None:
        super().__init__()
        self._database = database
        self._tick_s = tick_s
        self._waiting: dict[UUID, set[Watch]] = {}
        self._any = asyncio.Event()

    @contextmanager
    def watch(self, job_id: UUID) -> Iterator[Watch]:
        """A watch that wakes when the job may have become terminal, and at shutdown.

        Begin it before reading the row: what ends between the two would wait for the next tick. To be
        woken means only that there is something to see.
        """
        watch = Watch()
        self._waiting.setdefault(job_id, set()).add(watch)
        self._any.set()
        if self.stopping.is_set():
            watch.wake()
        try:
            yield watch
        finally:
            watches = self._waiting.get(job_id)
            if watches is not None:
                watches.discard(watch)
                if not watches:
                    del self._waiting[job_id]

    def notify(self, job_ids: Iterable[UUID]) -> None:
        """Wake the waiters of these jobs. Called right after the commit that changed them."""
        if not self._waiting:
            return
        for job_id in job_ids:
            for watch in self._waiting.get(job_id, ()):
                watch.wake()

    def release(self) -> None:
        """Answer all who wait, and from now on everybody at once: the process is stopping."""
        self.stopping.set()
        self.notify(list(self._waiting))
        self._any.set()

    def __len__(self) -> int:
        return sum(len(watches) for watches in self._waiting.values())

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        took = 0.0
        while not self.stopping.is_set():
            if not self._waiting:
                self._any.clear()
                await self._arrival()
                self.succeeded()
                continue
            await self.pause(max(self._tick_s, 3 * took))  # a slow database is not asked all the time
            began = loop.time()
            # Whoever began to wait within the tick has just read the row.
            asked = [
                job_id
                for job_id, watches in self._waiting.items()
                if any(watch.since <= began - self._tick_s for watch in watches)
            ]
            if asked:
                await self._look(asked)
                took = loop.time() - began
            else:
                self.succeeded()

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

    async def _look(self, job_ids: Sequence[UUID]) -> None:
        try:
            async with self._database.connection() as connection:
                ended = await jobs_read.terminal(connection, job_ids)
        except Exception as error:
            if not is_transient(error):
                raise
            emit(Event.DATABASE_TROUBLE, service=self.name, error=repr(error))
            await self.pause(0.5)
        else:
            self.notify(ended)
            self.succeeded()
