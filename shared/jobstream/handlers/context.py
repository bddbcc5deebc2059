"""What a handler is told of its run, and how it tells of itself."""

import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from jobstream.contracts.jobs import Job
from jobstream.handlers.text import clean_text
from jobstream.telemetry import Event, emit

MAX_PROGRESS_TEXT = 500
_RESERVED = frozenset({"event", "exc_info", "message", "job_id", "type", "attempt", "run_id", "level", "timestamp"})


class Link(Protocol):
    """The other end of a context: the run in this process, a pipe to the worker, or a test's notes."""

    @property
    def cancelled(self) -> bool:
        """True once the run should end: cancelled, timed out, or the worker shuts down."""
        ...

    def progressed(self, fraction: float, text: str | None) -> None:
        """Take a checked progress. Cheap; callable from any thread."""
        ...

    def logged(self, message: str, fields: dict[str, Any]) -> None:
        """Take a log line. Callable from any thread."""
        ...


class JobContext:
    """One run of a job, as its handler sees it. Works the same on the loop, in a thread and in a process.

    Attributes:
        run_id: this execution; another one of the same attempt has another id.
        max_retries: tries after the first.
        deadline: when this run is ended, wall clock of the worker, UTC; None if it has no timeout.
    """

    __slots__ = ("_job", "_link", "deadline", "max_retries", "run_id")

    def __init__(self, job: Job, run_id: UUID, link: Link, *, max_retries: int, deadline: datetime | None) -> None:
        self._job = job
        self._link = link
        self.run_id = run_id
        self.max_retries = max_retries
        self.deadline = deadline

    @property
    def job_id(self) -> UUID:
        """The job's id."""
        return self._job.id

    @property
    def type(self) -> str:
        """The job's type."""
        return self._job.type

    @property
    def attempt(self) -> int:
        """1 for the first try, 2 for the first retry, ..."""
        return self._job.attempt

    @property
    def key(self) -> str | None:
        """The job's ordering key."""
        return self._job.key

    @property
    def tags(self) -> Sequence[str]:
        """The job's tags."""
        return tuple(self._job.tags)

    @property
    def idempotency_key(self) -> str:
        """One per job: give it to whatever must happen once, however often the handler runs."""
        return str(self._job.id)

    @property
    def attempt_key(self) -> str:
        """One per attempt: ``job_id:attempt``."""
        return f"{self._job.id}:{self._job.attempt}"

    @property
    def cancelled(self) -> bool:
        """True once the run should end. Long loops look at it and raise ``Cancel``."""
        return self._link.cancelled

    def progress(self, fraction: float, text: str | None = None) -> None:
        """Tell how far the run is. Cheap, so call it as often as you like; the newest is sent now and then.

        Args:
            fraction: done so far; below 0 counts as 0, above 1 as 1.
            text: a few words for people, cut at 500 characters.

        Raises:
            ValueError: ``fraction`` is no number.
        """
        fraction = float(fraction)
        if math.isnan(fraction):
            raise ValueError("progress is a number from 0 to 1, not NaN; did you divide nothing by nothing?")
        fraction = min(max(fraction, 0.0), 1.0)
        self._link.progressed(fraction, None if text is None else clean_text(str(text), MAX_PROGRESS_TEXT))

    def log(self, message: str, **fields: Any) -> None:
        """Write a line to the worker's log, with the job's id, type and attempt."""
        self._link.logged(message, fields)


def emit_log(job: Job, run_id: UUID, message: str, fields: dict[str, Any]) -> None:
    """Emit what a handler logged; fields named like ours get ``field_`` before their name."""
    named = {f"field_{name}" if name in _RESERVED else name: value for name, value in fields.items()}
    emit(
        Event.JOB_LOG,
        message=message,
        job_id=str(job.id),
        type=job.type,
        attempt=job.attempt,
        run_id=str(run_id),
        **named,
    )
