"""The executor: runs a handler where it wants to run, and says what became of it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from jobstream.clock import Clock
from jobstream.handlers.outcomes import Outcome, conclude
from jobstream.handlers.registry import Registry
from jobstream_worker.loop_runs import LoopRuns
from jobstream_worker.process_runs import ProcessRuns
from jobstream_worker.run import Run
from jobstream_worker.thread_runs import ThreadRuns
from jobstream_worker.watchdog import LoopWatchdog

__all__ = ["Executor", "Run"]


class Executor:
    """Runs handlers on the loop, in threads and in child processes.

    Args:
        registry: the handlers there are.
        modules: the modules they come from; child processes import the same.
        concurrency: how many runs the worker has at once; as many threads are kept for sync handlers.
        process_slots: most child processes at once.
        cancel_grace_s: what a handler gets between being asked to stop and being given up or killed.
    """

    def __init__(
        self,
        registry: Registry,
        modules: Sequence[str],
        *,
        concurrency: int,
        process_slots: int,
        cancel_grace_s: float,
        clock: Clock,
    ) -> None:
        self.registry = registry
        self._loop_runs = LoopRuns(cancel_grace_s)
        self._thread_runs = ThreadRuns(concurrency, cancel_grace_s)
        self._process_runs = ProcessRuns(modules, process_slots, cancel_grace_s, clock)
        self._watchdog = LoopWatchdog(self._loop_runs)

    @property
    def abandoned(self) -> int:
        """Handlers that were given up but still hold a task or a thread. A process that has any cannot end
        by itself: once stopped, leave it with ``os._exit``."""
        return len(self._loop_runs.strays) + self._thread_runs.stuck

    async def start(self) -> None:
        """Begin to watch the loop. Threads and child processes start when the first handler needs one."""
        self._watchdog.start()

    async def stop(self, deadline_s: float) -> None:
        """End children and threads within ``deadline_s`` seconds. Drain before: what still runs is cut off."""
        self._watchdog.stop()
        self._thread_runs.stop()
        await asyncio.gather(self._loop_runs.stop(deadline_s), self._process_runs.stop(deadline_s))

    async def execute(self, run: Run, task: asyncio.Task[Any] | None = None) -> Outcome:
        """Run the handler of ``run`` and return what became of it.

        Args:
            task: the calling task, if that is known: asking for it costs as much as a small handler.

        Raises nothing but the CancelledError of the calling task, when somebody else cancels it: the
        handler is then stopped and there is no outcome.
        """
        if run.stop_reason is not None:
            return conclude(run.spec, asyncio.CancelledError(), stopped=run.stop_reason)
        try:
            match run.spec.run_in:
                case "loop":
                    return await self._loop_runs.execute(run, task)
                case "thread":
                    return await self._thread_runs.execute(run)
                case "process":
                    return await self._process_runs.execute(run)
        except Exception as error:  # no job may take its worker with it, whatever broke here
            return conclude(run.spec, error, stopped=run.stop_reason)
