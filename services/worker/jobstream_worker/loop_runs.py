"""Async handlers on the loop, each in the task of its caller: no further task, no timer for one that ends at once.

The handler's coroutine is stepped by hand. So a handler that ignores being cancelled can be taken out
of the caller's task, left to itself in one of its own, and the caller goes on. And each run has a
context of its own, though many may share a task: what one sets in a context variable no other sees.
"""

import asyncio
import contextvars
import types
from collections.abc import Coroutine, Generator
from typing import Any

from jobstream.handlers.invoke import payload_for
from jobstream.handlers.outcomes import Outcome, RunTimeout, conclude
from jobstream.telemetry import Event, emit
from jobstream_worker.run import Run

Steps = Coroutine[Any, Any, Any]


class LoopRuns:
    """Runs of handlers on the loop.

    Attributes:
        current: the run whose handler has the loop right now, or None while it is the worker's or waits.
        strays: tasks of handlers that were given up.
    """

    def __init__(self, grace_s: float) -> None:
        self.grace_s = grace_s
        self.current: Run | None = None
        self.strays: set[asyncio.Task[None]] = set()
        self._context = contextvars.copy_context()

    @types.coroutine
    def execute(self, run: Run, task: asyncio.Task[Any] | None = None) -> Generator[Any, None, Outcome]:
        """See ``Executor.execute``."""
        if task is None:
            task = asyncio.current_task()
            assert task is not None
        before = task.cancelling()
        context = self._context.copy()
        self.current = run
        try:
            handler, waits_for = context.run(_begin, run)
        except BaseException as error:  # it has ended; a model's validators are the handler's code too
            self.current = None
            if task.cancelling() > before:
                yield from _take_cancel()
                _uncancel(task, task.cancelling() - before)
            return _ended(run, error)
        self.current = None
        return (yield from _Drive(self, run, handler, waits_for, task, before, context).go_on())

    def abandon(self, run: Run, handler: Steps, waits_for: Any, context: contextvars.Context) -> None:
        """Leave a handler that will not stop to a task of its own; its late result is ignored."""
        emit(Event.HANDLER_ABANDONED, job_id=str(run.job.id), type=run.job.type, run_in="loop", grace_s=self.grace_s)
        ending = _finish(handler, waits_for)
        stray = asyncio.create_task(ending, name=f"abandoned {run.job.type}", context=context)
        self.strays.add(stray)
        stray.add_done_callback(self.strays.discard)

    async def stop(self, deadline_s: float) -> None:
        """Cancel the strays once more and wait for those that listen."""
        for stray in self.strays:
            stray.cancel()
        if self.strays:
            await asyncio.wait(self.strays, timeout=deadline_s)


class _Drive:
    """One handler that waits, being stepped inside its caller's task."""

    __slots__ = (
        "_before",
        "_cancels",
        "_context",
        "_foreign",
        "_gave_up",
        "_handler",
        "_run",
        "_runs",
        "_task",
        "_timer",
        "_waits_for",
    )

    def __init__(
        self,
        runs: LoopRuns,
        run: Run,
        handler: Steps,
        waits_for: Any,
        task: asyncio.Task[Any],
        before: int,
        context: contextvars.Context,
    ) -> None:
        self._runs = runs
        self._context = context
        self._run = run
        self._handler = handler
        self._waits_for = waits_for
        self._task = task
        self._before = before
        self._cancels = 0
        self._foreign: BaseException | None = None
        self._gave_up = False
        self._timer: asyncio.TimerHandle | None = None

    def go_on(self) -> Generator[Any, None, Outcome]:
        """Step the handler to its end."""
        task, waits_for = self._task, self._waits_for
        self._arm()
        while True:
            thrown: BaseException | None = None
            requests, own = task.cancelling(), self._cancels
            try:
                yield waits_for
            except GeneratorExit:
                self._context.run(self._handler.close)
                raise
            except BaseException as error:
                thrown = error
                if isinstance(error, asyncio.CancelledError) and task.cancelling() - requests > self._cancels - own:
                    self._foreign = error
            requests = task.cancelling()
            try:
                waits_for = self._step(thrown)
            except BaseException as error:
                if task.cancelling() > requests:
                    yield from _take_cancel()
                return self._end(error)
            if self._gave_up:
                self._runs.abandon(self._run, self._handler, waits_for, self._context)
                return self._end(asyncio.CancelledError())

    def _step(self, thrown: BaseException | None) -> Any:
        """Let the handler go on to its next wait, and return what it waits for."""
        self._runs.current = self._run
        try:
            if thrown is None:
                return self._context.run(self._handler.send, None)
            return self._context.run(self._handler.throw, thrown)
        finally:
            self._runs.current = None

    def _arm(self) -> None:
        """The handler waits, so from now on it can be stopped."""
        self._run.interrupt = self._interrupt
        timeout = self._run.timeout_s
        if timeout is not None:
            self._timer = self._task.get_loop().call_later(timeout, self._expire)

    def _expire(self) -> None:
        self._run.expired = True
        self._interrupt()

    def _interrupt(self) -> None:
        """Cancel the handler, once; give it up if it is still there after the grace."""
        if self._cancels:
            return
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._task.get_loop().call_later(self._runs.grace_s, self._give_up)
        self._cancel()

    def _give_up(self) -> None:
        self._gave_up = True
        self._cancel()

    def _cancel(self) -> None:
        self._cancels += 1
        self._task.cancel()

    def _end(self, error: BaseException) -> Outcome:
        run = self._run
        run.interrupt = None
        if self._timer is not None:
            self._timer.cancel()
        foreign = error is self._foreign
        _uncancel(self._task, self._cancels if foreign else self._task.cancelling() - self._before)
        if foreign:
            raise error  # somebody cancelled the caller, neither the run nor the handler itself
        return _ended(run, error)


def _begin(run: Run) -> tuple[Steps, Any]:
    """Call the handler and let it go on to its first wait; returns what steps it, and what it waits for."""
    steps: Steps = run.spec.call(payload_for(run.spec, run.job), run.context())
    return steps, steps.send(None)


def _ended(run: Run, error: BaseException) -> Outcome:
    if run.expired:
        return conclude(run.spec, RunTimeout(f"the handler took longer than {run.timeout_s:g} s"))
    if isinstance(error, StopIteration):
        return conclude(run.spec, None, error.value, stopped=run.stop_reason)
    return conclude(run.spec, error, stopped=run.stop_reason)


def _uncancel(task: asyncio.Task[Any], times: int) -> None:
    for _ in range(times):
        task.uncancel()


def _take_cancel() -> Generator[Any, None, None]:
    """Take up the CancelledError that a handler which cancelled its own task, and then ended, left to come."""
    try:
        yield
    except asyncio.CancelledError:
        pass


@types.coroutine
def _resume(handler: Steps, waits_for: Any) -> Generator[Any, None, None]:
    """Step a handler that was given up to its end, whatever that is."""
    thrown: BaseException | None = None
    while True:
        try:
            yield waits_for
        except GeneratorExit:
            handler.close()
            raise
        except BaseException as error:
            thrown = error
        try:
            waits_for = handler.send(None) if thrown is None else handler.throw(thrown)
        except BaseException:  # its end, good or bad: nobody waits for it any more
            return
        thrown = None


async def _finish(handler: Steps, waits_for: Any) -> None:
    await _resume(handler, waits_for)
