"""The watchdog: says which handler blocks the loop, while it blocks it."""

import asyncio
import sys
import threading
import time
import traceback

from jobstream.telemetry import Event, emit
from jobstream_worker.loop_runs import LoopRuns

BLOCKED_AFTER_S = 1.0
_TICK_S = 0.5


class LoopWatchdog:
    """A thread that looks whether the loop still turns, every half second."""

    def __init__(self, runs: LoopRuns) -> None:
        self._runs = runs
        self._loop: asyncio.AbstractEventLoop | None = None
        self._loop_thread = 0
        self._ticked = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._stopping = threading.Event()

    def start(self) -> None:
        """Watch the running loop. Call it on the loop."""
        self._loop = asyncio.get_running_loop()
        self._loop_thread = threading.get_ident()
        self._stopping.clear()
        self._tick()
        threading.Thread(target=self._watch, name="loop-watchdog", daemon=True).start()

    def stop(self) -> None:
        """Watch no more; the thread ends within moments."""
        self._stopping.set()
        if self._timer is not None:
            self._timer.cancel()

    def _tick(self) -> None:
        self._ticked = time.monotonic()
        if self._loop is not None:
            self._timer = self._loop.call_later(_TICK_S, self._tick)

    def _watch(self) -> None:
        told = 0.0
        while not self._stopping.wait(_TICK_S):
            ticked = self._ticked
            blocked = time.monotonic() - ticked - _TICK_S
            if blocked > BLOCKED_AFTER_S and ticked != told:
                told = ticked  # once for each time the loop is blocked
                self._tell(blocked)

    def _tell(self, blocked: float) -> None:
        run = self._runs.current
        frame = sys._current_frames().get(self._loop_thread)
        emit(
            Event.LOOP_BLOCKED,
            seconds=round(blocked, 1),
            handler=None if run is None else run.job.type,
            job_id=None if run is None else str(run.job.id),
            at="".join(traceback.format_stack(frame, limit=3)).rstrip() if frame is not None else None,
            hint='give the handler run_in="process", or make it a plain def so that it runs in a thread',
        )
