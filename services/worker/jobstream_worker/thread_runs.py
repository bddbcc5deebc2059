"""Sync handlers in threads.

The threads are daemons and our own: those of ``concurrent.futures`` are joined when the interpreter
ends, so one handler that never returns would keep the whole process from ending.
"""

import asyncio
import contextvars
import threading
from queue import SimpleQueue

from jobstream.handlers.invoke import call
from jobstream.handlers.outcomes import Outcome, RunTimeout, conclude
from jobstream.telemetry import Event, emit
from jobstream_worker.run import Run


class ThreadRuns:
    """Runs of handlers in at most ``size`` threads, started as they are needed.

    No thread can be killed: a handler that outlives its timeout or its cancellation keeps its thread.

    Attributes:
        stuck: threads that are held by such handlers now.
    """

    def __init__(self, size: int, grace_s: float) -> None:
        self.size = size
        self.grace_s = grace_s
        self.stuck = 0
        self._load = 0
        self._threads: list[threading.Thread] = []
        self._queue: SimpleQueue[_Work | None] = SimpleQueue()

    async def execute(self, run: Run) -> Outcome:
        """See ``Executor.execute``. The timeout counts from here, so a job that finds all threads stuck ends too."""
        work = _Work(self, run)
        self._load += 1
        if self._load > len(self._threads) < self.size:
            self._start_thread()
        self._queue.put(work)
        run.interrupt = work.interrupt
        timeout = run.timeout_s
        expiry = None if timeout is None else work.loop.call_later(timeout, work.expire)
        try:
            return await work.outcome
        finally:
            run.interrupt = None
            if expiry is not None:
                expiry.cancel()
            work.left()

    def stop(self) -> None:
        """Tell the threads to end once they are free. Those that are stuck are left behind."""
        for _ in self._threads:
            self._queue.put(None)
        self._threads = []

    def _start_thread(self) -> None:
        name = f"handler-{len(self._threads) + 1}"
        thread = threading.Thread(target=_serve, args=(self._queue,), name=name, daemon=True)
        self._threads.append(thread)
        thread.start()

    def freed(self, was_stuck: bool) -> None:
        """A thread is done with its work. Called on the loop."""
        self._load -= 1
        self.stuck -= was_stuck


class _Work:
    """One run on its way through a thread. All but ``work`` happens on the loop."""

    def __init__(self, runs: ThreadRuns, run: Run) -> None:
        self.loop = asyncio.get_running_loop()
        self.outcome: asyncio.Future[Outcome] = self.loop.create_future()
        self._runs = runs
        self._run = run
        self._context = contextvars.copy_context()
        self._lock = threading.Lock()
        self._started = False
        self._dropped = False
        self._done = False
        self._stuck = False
        self._grace: asyncio.TimerHandle | None = None

    def work(self) -> None:
        """Run the handler, in a thread; nothing if the run was given up before a thread was free."""
        with self._lock:
            self._started = not self._dropped
        outcome = self._context.run(self._call) if self._started else None
        try:
            self.loop.call_soon_threadsafe(self._finished, outcome)
        except RuntimeError:  # the loop is gone, and with it whoever waited
            pass

    def _call(self) -> Outcome:
        run = self._run
        return call(run.spec, run.job, run.context(), lambda: run.stop_reason)

    def _finished(self, outcome: Outcome | None) -> None:
        self._done = True
        if outcome is not None and not self.outcome.done():
            self.outcome.set_result(outcome)
        self._runs.freed(self._stuck)

    def expire(self) -> None:
        """The time is up: the outcome is given now, the thread is left to itself."""
        self._run.expired = True
        limit = f"{self._run.timeout_s:g} s"
        if self._drop():
            stuck = f"{self._runs.stuck} of {self._runs.size} threads are held by handlers that do not end"
            self._give(RunTimeout(f"no thread became free within {limit}; {stuck}"))
        else:
            self._give(RunTimeout(f"the handler took longer than {limit}"))

    def interrupt(self) -> None:
        """The run was told to stop: the handler has the grace to see it."""
        if self._drop():
            self._give(asyncio.CancelledError())
        elif self._grace is None:
            self._grace = self.loop.call_later(self._runs.grace_s, self._give, asyncio.CancelledError())

    def _drop(self) -> bool:
        """True if no thread has begun with it, and then none will."""
        with self._lock:
            self._dropped = not self._started
        return self._dropped

    def _give(self, error: BaseException) -> None:
        if not self.outcome.done():
            self.outcome.set_result(conclude(self._run.spec, error, stopped=self._run.stop_reason))

    def left(self) -> None:
        """Nobody waits any more. A handler that still runs should see that, and its thread counts as stuck."""
        if self._grace is not None:
            self._grace.cancel()
        if self._done or self._drop():
            return
        if not self._run.cancelled:
            self._run.stop_reason = "shutdown"  # the caller's task was cancelled
        self._stuck = True
        self._runs.stuck += 1
        emit(Event.HANDLER_ABANDONED, job_id=str(self._run.job.id), type=self._run.job.type, run_in="thread")


def _serve(queue: "SimpleQueue[_Work | None]") -> None:
    while (work := queue.get()) is not None:
        work.work()
        del work  # keep nothing of a job while waiting for the next
