"""Group commit: what arrives together shares one transaction.

An arrival on an idle group starts at once; while commits are under way the next group gathers. So
nobody waits for a timer, and under load a commit carries many.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

from jobstream.telemetry import Event, emit
from jobstream_api.domain.errors import Overloaded, StoreUnavailable
from jobstream_api.services.deadlines import Deadlines

E = TypeVar("E")
R = TypeVar("R")

IN_FLIGHT = 2
"""Commits under way at once: one waits for the disk while the other prepares."""


class GroupCommit(Generic[E, R]):
    """Gathers entries into groups.

    Args:
        commit: stores a group; gives one result or exception per entry, in order. Does not raise.
        most: entries in one group.
        waiting: entries that may wait; more are refused.
        deadline_s: how long a caller waits in all.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[E]], Awaitable[Sequence[R | Exception]]],
        *,
        most: int,
        waiting: int,
        deadline_s: float = 30.0,
    ) -> None:
        self._commit = commit
        self._most = most
        self._limit = waiting
        self._deadlines = Deadlines(deadline_s)
        self._waiting: deque[tuple[E, asyncio.Future[R]]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._scheduled = False

    async def add(self, entry: E) -> R:
        """Store one entry; returns once its group is committed.

        A caller that goes away loses nothing: an entry whose commit has begun is stored.

        Raises:
            Overloaded: too many wait.
            StoreUnavailable: no answer within the deadline; it may be stored or not.
        """
        if len(self._waiting) >= self._limit:
            raise Overloaded(len(self._waiting))
        future: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((entry, future))
        self._schedule()
        deadline = self._deadlines.start(partial(_give_up, future))
        try:
            return await future
        finally:
            deadline.met()

    def __len__(self) -> int:
        return len(self._waiting)

    async def close(self, deadline_s: float) -> None:
        """Let the commits under way end."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=deadline_s)
        for task in self._tasks:
            task.cancel()

    def _schedule(self) -> None:
        if not self._scheduled and self._waiting and len(self._tasks) < IN_FLIGHT:
            self._scheduled = True
            # Not at once: what else arrives in this turn of the loop comes along.
            asyncio.get_running_loop().call_soon(self._launch)

    def _launch(self) -> None:
        self._scheduled = False
        group: list[tuple[E, asyncio.Future[R]]] = []
        while self._waiting and len(group) < self._most:
            entry, future = self._waiting.popleft()
            if not future.done():  # else its caller went away before anything was begun
                group.append((entry, future))
        if group:
            task = asyncio.create_task(self._run(group), name="group commit")
            self._tasks.add(task)
            task.add_done_callback(self._finished)
        self._schedule()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._schedule()

    async def _run(self, group: list[tuple[E, asyncio.Future[R]]]) -> None:
        try:
            results = await self._commit([entry for entry, _ in group])
        except asyncio.CancelledError:
            _answer(group, [StoreUnavailable() for _ in group])
            raise
        except Exception as error:
            emit(Event.SERVICE_CRASHED, service="group commit", error=repr(error), exc_info=error)
            results = [error for _ in group]
        _answer(group, results)


def _give_up(future: asyncio.Future[Any]) -> None:
    if not future.done():
        future.set_exception(StoreUnavailable())


def _answer(group: Sequence[tuple[E, asyncio.Future[R]]], results: Sequence[R | Exception]) -> None:
    for (_, future), result in zip(group, results, strict=True):
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
