"""Services: the moving parts of a process, and the supervisor that keeps them moving.

A service is a named thing with ``start`` and ``stop``. Nearly all are loops, so ``LoopService``
carries the loop, its deadline and the age of its last success, and the supervisor restarts what
falls over.
"""

import asyncio
import time
from abc import ABC, abstractmethod
from typing import Protocol, runtime_checkable

from jobstream.telemetry import Event, emit

_CLEAN_UP_S = 5.0
"""How long a loop that was cut off may take to release what it holds."""


@runtime_checkable
class Service(Protocol):
    """A moving part. ``stop`` may be called any number of times, also before ``start``."""

    name: str

    async def start(self) -> None:
        """Begin. Returns once the service runs; raises if it cannot."""
        ...

    async def stop(self, deadline_s: float) -> None:
        """End within ``deadline_s`` seconds, finishing what can be finished."""
        ...

    async def wait(self) -> None:
        """Return when the service ended by itself; raise what ended it."""
        ...

    def last_success_age(self) -> float:
        """Seconds since the service last did its work, or found nothing to do."""
        ...


class LoopService(ABC):
    """A service that is one task running ``run`` until told to stop.

    Subclasses write ``run``, call ``succeeded`` after each good turn, and watch ``stopping``.
    """

    name = "loop"

    def __init__(self) -> None:
        self.stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._last_success = time.monotonic()

    @abstractmethod
    async def run(self) -> None:
        """The loop. Returning ends the service; raising asks the supervisor to restart it."""

    async def setup(self) -> None:  # noqa: B027  (optional to override)
        """Acquire what the loop needs. Called by ``start`` before the task begins."""

    async def teardown(self) -> None:  # noqa: B027  (optional to override)
        """Release what ``setup`` acquired. Called once the task ended, however it ended."""

    async def start(self) -> None:
        self.stopping.clear()
        self.succeeded()
        await self.setup()
        self._task = asyncio.create_task(self.run(), name=self.name)

    async def stop(self, deadline_s: float = 10.0) -> None:
        self.stopping.set()
        task, self._task = self._task, None
        if task is None:
            return
        try:
            await asyncio.wait([task], timeout=deadline_s)
            if not task.done():
                emit(Event.SERVICE_STOP_LATE, service=self.name, deadline_s=deadline_s)
                task.cancel()
                await asyncio.wait([task], timeout=_CLEAN_UP_S)
        finally:
            await self.teardown()

    async def wait(self) -> None:
        if self._task is not None:
            await asyncio.shield(self._task)

    async def pause(self, seconds: float) -> None:
        """Sleep, but wake at once when the service is told to stop."""
        try:
            async with asyncio.timeout(seconds):  # wait_for would make a task each time
                await self.stopping.wait()
        except TimeoutError:
            pass

    def succeeded(self) -> None:
        """Note that the loop did a good turn now."""
        self._last_success = time.monotonic()

    def last_success_age(self) -> float:
        return time.monotonic() - self._last_success


class Supervisor:
    """Starts services in order, restarts the ones that end by an error, stops them in reverse.

    A restart waits 0.2 s, doubling to at most ``max_pause_s``; a minute without a crash resets it.
    """

    def __init__(self, services: list[Service], *, max_pause_s: float = 10.0) -> None:
        self.services = services
        self._max_pause_s = max_pause_s
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def start(self) -> None:
        """Start every service; the first that cannot start stops those before it and raises."""
        started: list[Service] = []
        try:
            for service in self.services:
                await service.start()
                started.append(service)
        except BaseException:
            for service in reversed(started):
                await service.stop(5.0)
            raise
        self._keepers = [asyncio.create_task(self._keep(s), name=f"keep {s.name}") for s in self.services]

    async def _keep(self, service: Service) -> None:
        pause = 0.2
        while not self._stopping:
            began = time.monotonic()
            try:
                await service.wait()
                return
            except asyncio.CancelledError:
                current = asyncio.current_task()
                if self._stopping or (current is not None and current.cancelling()):
                    raise
                emit(Event.SERVICE_CRASHED, service=service.name, error="cancelled")
            except Exception as error:
                emit(Event.SERVICE_CRASHED, service=service.name, error=repr(error), exc_info=error)
            if time.monotonic() - began > 60.0:
                pause = 0.2
            pause = await self._restart(service, pause)

    async def _restart(self, service: Service, pause: float) -> float:
        while not self._stopping:
            await asyncio.sleep(pause)
            pause = min(pause * 2, self._max_pause_s)
            try:
                await service.stop(5.0)
                await service.start()
                emit(Event.SERVICE_RESTARTED, service=service.name)
                return pause
            except Exception as error:
                emit(Event.SERVICE_CRASHED, service=service.name, error=repr(error), exc_info=error)
        return pause

    async def stop(self, deadline_s: float) -> None:
        """Stop in reverse order; all together take at most ``deadline_s`` seconds, plus one each."""
        self._stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        await asyncio.gather(*self._keepers, return_exceptions=True)
        until = time.monotonic() + deadline_s
        for service in reversed(self.services):
            await service.stop(max(until - time.monotonic(), 0.1))

    def ages(self) -> dict[str, float]:
        """Seconds since each service's last success, by name."""
        return {service.name: service.last_success_age() for service in self.services}
