"""Keeps one service running: starts it again when it ends by itself."""

import asyncio
import signal
import time
from collections.abc import Callable

from jobstream.local.processes import ChildFailed, Command, Family, Process

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 15.0
GOOD_LIFE_S = 60.0


class Keeper:
    """One service and its restarts.

    A restart waits half a second, then twice as long each time, at most 15 s; a minute of good life
    resets it.
    """

    def __init__(self, family: Family, command: Command, tell: Callable[[str], None]) -> None:
        self._family = family
        self._command = command
        self._tell = tell
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self.restarts = 0
        self.process: Process | None = None

    @property
    def name(self) -> str:
        return self._command.name

    @property
    def command(self) -> Command:
        """How it is started the next time."""
        return self._command

    def spawn(self) -> Process:
        """Start the service, unwatched as yet: a service that cannot even start once is no case for restarts."""
        self.process = self._family.spawn(self._command)
        return self.process

    def watch(self) -> None:
        """From now on, start it again whenever it ends."""
        self._task = asyncio.create_task(self._keep(), name=f"keep {self.name}")

    async def replace(self, command: Command) -> None:
        """Stop the service in order and start it again, from now on with another command.

        Raises:
            ChildFailed: it cannot be started; tried again like one that has ended.
        """
        self._command = command
        await self._unwatch()
        if self.process is not None:
            await self.process.stop()
        if self._stopping:
            return
        try:
            self.spawn()
        finally:
            self.watch()

    @property
    def running(self) -> bool:
        """True while the service's process lives."""
        return self.process is not None and self.process.poll() is None

    async def stop(self) -> None:
        """Stop the service for good."""
        self._stopping = True
        await self._unwatch()
        if self.process is not None:
            await self.process.stop()

    def hurry(self) -> None:
        """Ask a service that is stopping to drop what it is still doing."""
        if self.process is not None:
            self.process.send(signal.SIGTERM)

    async def _unwatch(self) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _keep(self) -> None:
        pause = FIRST_PAUSE_S
        while not self._stopping:
            assert self.process is not None
            code = await self.process.wait()
            if time.monotonic() - self.process.started_at > GOOD_LIFE_S:
                pause = FIRST_PAUSE_S
            self._tell(f"{self.name} {describe(code)}; starting it again in {pause:g} s")
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE_S)
            self.restarts += 1
            try:
                self.spawn()
            except ChildFailed as error:
                self._tell(str(error))


def describe(code: int | None) -> str:
    """How a process ended, in words."""
    if code is None or code >= 0:
        return f"ended with code {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
