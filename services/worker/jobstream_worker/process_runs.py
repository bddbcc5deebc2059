"""Handlers in child processes: each has one to itself while it runs."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from jobstream.clock import Clock
from jobstream.handlers.outcomes import Outcome, ProcessDied, RunTimeout, conclude
from jobstream_worker import wire
from jobstream_worker.child_process import ChildProcess
from jobstream_worker.run import Run

_START_TRIES = 3
_ENDING = "the worker ends and starts no child process any more"


class ProcessRuns:
    """Runs of handlers in at most ``slots`` child processes, started as they are needed and then kept."""

    def __init__(self, modules: Sequence[str], slots: int, grace_s: float, clock: Clock) -> None:
        self._modules = modules
        self._grace_s = grace_s
        self._clock = clock
        self._free = slots
        self._turns: deque[asyncio.Future[bool]] = deque()
        self._idle: list[ChildProcess] = []
        self._children: set[ChildProcess] = set()
        self._stopped = asyncio.Event()

    async def execute(self, run: Run) -> Outcome:
        """See ``Executor.execute``. The timeout counts from the start of the handler, not from the wait for a slot."""
        if not await self._take_slot(run):
            return conclude(run.spec, asyncio.CancelledError(), stopped=run.stop_reason)
        try:
            return await self._execute(run)
        except (ProcessDied, RunTimeout) as error:
            return conclude(run.spec, error, stopped=run.stop_reason)
        finally:
            self._give_slot()

    async def _execute(self, run: Run) -> Outcome:
        for _ in range(_START_TRIES):
            child = await self._take_child()
            if run.stop_reason is not None:
                self._idle.append(child)
                return conclude(run.spec, asyncio.CancelledError(), stopped=run.stop_reason)
            talk = _Talk(child, run, self._grace_s)
            try:
                outcome = await talk.hold(self._clock.now())
            except BaseException:  # it died, or the caller was cancelled
                await self._discard(child)
                raise
            if outcome is not None and not talk.killed:
                self._idle.append(child)
            else:
                await self._discard(child)
            if outcome is not None:
                return outcome
        raise ProcessDied(f"{_START_TRIES} child processes ended before the handler began")

    async def stop(self, deadline_s: float) -> None:
        """Kill all children, idle or not, and wait for their end. None starts any more."""
        self._stopped.set()
        self._idle.clear()
        ends = [asyncio.ensure_future(child.dispose()) for child in self._children]
        self._children.clear()
        if ends:
            await asyncio.wait(ends, timeout=deadline_s)

    async def _take_slot(self, run: Run) -> bool:
        """Wait for a free slot. False if the run was told to stop meanwhile."""
        if self._free:
            self._free -= 1
            return True
        turn: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._turns.append(turn)

        def interrupt() -> None:
            if not turn.done():
                turn.set_result(False)

        run.interrupt = interrupt
        try:
            return await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled() and turn.result():
                self._give_slot()
            raise
        finally:
            run.interrupt = None

    def _give_slot(self) -> None:
        while self._turns:
            turn = self._turns.popleft()
            if not turn.done():
                turn.set_result(True)
                return
        self._free += 1

    async def _take_child(self) -> ChildProcess:
        while self._idle:
            child = self._idle.pop()
            if child.alive:
                return child
            await self._discard(child)
        if self._stopped.is_set():
            raise ProcessDied(_ENDING)
        child = await ChildProcess.start(self._modules)
        if self._stopped.is_set():  # meanwhile
            await child.dispose()
            raise ProcessDied(_ENDING)
        self._children.add(child)
        return child

    async def _discard(self, child: ChildProcess) -> None:
        self._children.discard(child)
        await child.dispose()


class _Talk:
    """One run in one child: what it says, and the limits it has.

    Attributes:
        killed: true once the child was killed for this run.
    """

    def __init__(self, child: ChildProcess, run: Run, grace_s: float) -> None:
        self.killed = False
        self._child = child
        self._run = run
        self._grace_s = grace_s
        self._timers: list[asyncio.TimerHandle] = []

    async def hold(self, now: datetime) -> Outcome | None:
        """Have the child run the handler. None if it was gone before it began.

        Raises:
            ProcessDied: it ended while the handler ran.
            RunTimeout: it was killed because the handler took too long.
        """
        run, loop = self._run, asyncio.get_running_loop()
        timeout = run.timeout_s
        deadline = None if timeout is None else now + timedelta(seconds=timeout)
        self._child.send(
            "run", job=run.job.to_dict(), run_id=run.run_id, max_retries=run.max_retries, deadline=deadline
        )
        if timeout is not None:
            self._timers.append(loop.call_later(timeout, self._expire))
        run.interrupt = self._interrupt
        try:
            return await self._listen()
        finally:
            run.interrupt = None
            for timer in self._timers:
                timer.cancel()

    async def _listen(self) -> Outcome | None:
        run, began = self._run, False
        while (message := await self._child.receive()) is not None:
            match message:
                case {"kind": "started"}:
                    began = True
                case {"kind": "progress", "fraction": fraction, "text": text}:
                    run.progressed(fraction, text)
                case {"kind": "log", "message": text, "fields": fields}:
                    run.logged(text, fields)
                case {"kind": "outcome"}:
                    return wire.outcome_of(message)
        if run.expired:
            raise RunTimeout(f"the handler took longer than {run.timeout_s:g} s")
        if began or self.killed:
            raise ProcessDied(await self._child.last_words())
        return None

    def _expire(self) -> None:
        self._run.expired = True
        self._kill()

    def _interrupt(self) -> None:
        """The handler has the grace to see ``ctx.cancelled``, then its process is killed."""
        self._child.send("stop", reason=self._run.stop_reason)
        self._timers.append(asyncio.get_running_loop().call_later(self._grace_s, self._kill))

    def _kill(self) -> None:
        self.killed = True
        self._child.kill()
