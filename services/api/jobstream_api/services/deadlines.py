"""Deadlines of one length for many callers, with one timer for all.

A timer per request costs more than the rest of the waiting: here starting and ending a wait is an
append and a flag.
"""

import asyncio
from collections import deque
from collections.abc import Callable


class Deadline:
    """One caller's deadline."""

    __slots__ = ("_expire", "at")

    def __init__(self, at: float, expire: Callable[[], object]) -> None:
        self.at = at
        self._expire: Callable[[], object] | None = expire

    @property
    def over(self) -> bool:
        """True once it has been met, or has expired."""
        return self._expire is None

    def met(self) -> None:
        """The caller has what it waited for."""
        self._expire = None

    def expire(self) -> None:
        """Time is over, unless it was met."""
        expire, self._expire = self._expire, None
        if expire is not None:
            expire()


class Deadlines:
    """Gives deadlines that are all ``seconds`` long. They expire up to a second late."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._grain = min(1.0, seconds / 4)
        self._waiting: deque[Deadline] = deque()
        self._timer: asyncio.TimerHandle | None = None

    def start(self, expire: Callable[[], object]) -> Deadline:
        """A deadline from now on; ``expire`` is called if it is not met in time."""
        loop = asyncio.get_running_loop()
        deadline = Deadline(loop.time() + self.seconds, expire)
        self._waiting.append(deadline)
        if self._timer is None:
            self._timer = loop.call_later(self._grain, self._look)
        return deadline

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        waiting = self._waiting
        while waiting and (waiting[0].over or waiting[0].at <= now):
            waiting.popleft().expire()
        self._timer = loop.call_later(self._grain, self._look) if waiting else None
