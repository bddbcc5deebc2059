"""The watchdog: says which handler blocks the loop, while it blocks it."""

import asyncio
import sys
import threading
import time
import traceback
from typing import Any

from jobstream.telemetry import Event, emit
from jobstream_worker.loop_runs import LoopRuns

_FRAMES = 5
"""Innermost frames that are shown of where the loop stands."""


class LoopWatchdog:
    """A thread that looks whether the loop still turns.

    Args:
        runs: knows which handler has the loop.
        blocked_after_s: a loop that does not turn for longer is told of; it is looked at twice in that time.
    """

    def __init__(self, runs: LoopRuns, blocked_after_s: float = 1.0) -> None:
        self._runs = runs
        self._blocked_after_s = blocked_after_s
        self._tick_s = blocked_after_s / 2
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
            self._timer = self._loop.call_later(self._tick_s, self._tick)

    def _watch(self) -> None:
        told = 0.0
        while not self._stopping.wait(self._tick_s):
            ticked = self._ticked
            blocked = time.monotonic() - ticked - self._tick_s
            if blocked > self._blocked_after_s and ticked != told:
                told = ticked  # once for each time the loop is blocked
                self._tell(blocked)

    def _tell(self, blocked: float) -> None:
        run = self._runs.current
        frame = sys._current_frames().get(self._loop_thread)
        fields: dict[str, Any] = {"seconds": round(blocked, 1)}
        if run is not None:
            fields |= {
                "handler": run.job.type,
                "job_id": str(run.job.id),
                "hint": 'give the handler run_in="process", or make it a plain def so that it runs in a thread',
            }
        if frame is not None:
            fields["at"] = "".join(traceback.format_stack(frame, limit=_FRAMES)).rstrip()
        emit(Event.LOOP_BLOCKED, **fields)
