"""One execution of a job, as the worker keeps it while it goes on."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from jobstream.contracts.jobs import Job
from jobstream.handlers.context import JobContext, emit_log
from jobstream.handlers.outcomes import StopReason
from jobstream.handlers.spec import HandlerSpec


class Run:
    """One execution.

    Attributes:
        run_id: a UUID as text.
        started_at: wall clock, UTC, for events.
        started: monotonic seconds, for durations.
        progress: newest fraction the handler told, 0 to 1, or None.
        progress_text: what it said with it.
        progress_version: changes with every progress told.
        stop_reason: why the run was told to stop, or None.
        expired: true once the run took longer than its timeout.
        interrupt: set while a handler runs; stops it.
    """

    # What most runs never change is kept once, here.
    progress: float | None = None
    progress_text: str | None = None
    progress_version = 0
    stop_reason: StopReason | None = None
    expired = False
    interrupt: Callable[[], None] | None = None

    def __init__(self, job: Job, spec: HandlerSpec, run_id: str, started_at: datetime, started: float) -> None:
        self.job = job
        self.spec = spec
        self.run_id = run_id
        self.started_at = started_at
        self.started = started

    def cancel(self, reason: StopReason) -> None:
        """Ask the handler to stop; it has the executor's grace for it. The first reason counts.

        Call it on the loop. After ``shutdown`` an unfinished run ends Released, after ``cancelled`` Cancelled;
        a handler that finishes all the same has finished.
        """
        if self.stop_reason is None:
            self.stop_reason = reason
            if self.interrupt is not None:
                self.interrupt()

    @property
    def timeout_s(self) -> float | None:
        """Seconds the handler may take: what the job says, else its handler; None is without end."""
        return self.spec.timeout_s if self.job.timeout_s is None else self.job.timeout_s

    @property
    def max_retries(self) -> int:
        """Tries after the first: what the job says, else its handler."""
        return self.spec.max_retries if self.job.max_retries is None else self.job.max_retries

    def context(self) -> JobContext | None:
        """What the handler is given, or None if it asks for none."""
        if not self.spec.wants_context:
            return None
        timeout = self.timeout_s
        deadline = None if timeout is None else self.started_at + timedelta(seconds=timeout)
        return JobContext(self.job, UUID(self.run_id), self, max_retries=self.max_retries, deadline=deadline)

    @property
    def cancelled(self) -> bool:
        """True once the handler should end, for whatever reason."""
        return self.stop_reason is not None or self.expired

    def progressed(self, fraction: float, text: str | None) -> None:
        """Take the handler's progress; from any thread."""
        self.progress = fraction
        self.progress_text = text
        self.progress_version += 1

    def logged(self, message: str, fields: dict[str, Any]) -> None:
        """Take a line of the handler's log; from any thread."""
        emit_log(self.job, UUID(self.run_id), message, fields)
