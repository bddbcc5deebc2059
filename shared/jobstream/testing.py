"""Test your handlers without servers.

    ran = await run_handler(send_email, {"to": "ann@example.org"}, attempt=2)
    assert ran.result == {"sent": True}

The payload is checked as the doors and the handler's model check it, and results and exceptions become
outcomes through the code the worker uses. Timeouts are the worker's to enforce, so none is here; handlers
of ``run_in="process"`` run in a thread, so that your debugger and your patches reach them.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from pydantic import BaseModel

from jobstream.contracts.events import ErrorInfo
from jobstream.contracts.jobs import Job
from jobstream.contracts.limits import MAX_PAYLOAD_BYTES, dump_json
from jobstream.contracts.status import JobStatus
from jobstream.contracts.topics import DEFAULT_QUEUE
from jobstream.errors import HandlerError
from jobstream.handlers.context import JobContext, emit_log
from jobstream.handlers.declare import spec_of
from jobstream.handlers.invoke import call, call_async
from jobstream.handlers.outcomes import Cancelled, Completed, Failed, Outcome, Released, Snoozed, StopReason
from jobstream.handlers.spec import HandlerSpec
from jobstream.ids import new_id

__all__ = ["HandlerRun", "HarnessReport", "JobHarness", "run_handler", "run_handler_sync"]

Payload = dict[str, Any] | BaseModel | None


@dataclass(slots=True)
class HandlerRun:
    """One run of a handler in memory.

    Attributes:
        outcome: how it ended, see ``jobstream.handlers.outcomes``.
        progress: every (fraction, text) it told, in order.
        logs: every (message, fields) it logged, in order.
    """

    job: Job
    run_id: UUID
    stop_reason: StopReason | None = None
    outcome: Outcome = field(init=False)
    progress: list[tuple[float, str | None]] = field(default_factory=list)
    logs: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    @property
    def result(self) -> Any:
        """What the handler returned, as a reader of the job gets it.

        Raises:
            AssertionError: it did not complete; the outcome is in the message.
        """
        if not isinstance(self.outcome, Completed):
            raise AssertionError(f"{self.job.type} did not complete: {self.outcome}")
        return self.outcome.result

    @property
    def cancelled(self) -> bool:
        """What ``ctx.cancelled`` says."""
        return self.stop_reason is not None

    def progressed(self, fraction: float, text: str | None) -> None:
        """Note the progress."""
        self.progress.append((fraction, text))

    def logged(self, message: str, fields: dict[str, Any]) -> None:
        """Note the line, and log it as the worker does."""
        self.logs.append((message, fields))
        emit_log(self.job, self.run_id, message, fields)


async def run_handler(
    function: Callable[..., Any],
    payload: Payload = None,
    *,
    attempt: int = 1,
    max_retries: int | None = None,
    job_id: UUID | None = None,
    key: str | None = None,
    tags: Sequence[str] = (),
    stop_reason: StopReason | None = None,
) -> HandlerRun:
    """Run a handler once.

    Args:
        function: decorated with ``@handler``.
        payload: what a job would bring; a pydantic model is sent as its JSON.
        stop_reason: ``cancelled`` or ``shutdown`` makes ``ctx.cancelled`` true from the start.

    Raises:
        HandlerError: ``function`` is no handler.
        InvalidInput: no door would take this payload.
    """
    spec = _spec(function)
    job = Job(
        id=job_id or new_id(),
        type=spec.type,
        queue=DEFAULT_QUEUE,
        key=key,
        payload=_as_received(payload),
        attempt=attempt,
        max_retries=max_retries,
        tags=list(tags),
        created_at=datetime.now(UTC),
    )
    told = job.model_copy(update={"payload": _as_received(job.payload)})  # a handler may change its payload
    run = HandlerRun(told, new_id(), stop_reason)
    deadline = None if spec.timeout_s is None else datetime.now(UTC) + timedelta(seconds=spec.timeout_s)
    retries = spec.max_retries if max_retries is None else max_retries
    ctx = JobContext(job, run.run_id, run, max_retries=retries, deadline=deadline)
    if spec.is_async:
        run.outcome = await call_async(spec, job, ctx, lambda: stop_reason)
    else:
        run.outcome = await asyncio.to_thread(call, spec, job, ctx, lambda: stop_reason)
    return run


def run_handler_sync(function: Callable[..., Any], payload: Payload = None, **options: Any) -> HandlerRun:
    """``run_handler`` for tests that are not async."""
    return asyncio.run(run_handler(function, payload, **options))


@dataclass(slots=True)
class HarnessReport:
    """What became of a job.

    Attributes:
        status: its last status; PENDING if it was still snoozing when the harness gave up.
        errors: one for each failed attempt.
        waits: seconds before each further run: what the handler asked for, else the backoff's ceiling.
        runs: every run, in order.
    """

    status: JobStatus = JobStatus.PENDING
    result: Any = None
    errors: list[ErrorInfo] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)
    runs: list[HandlerRun] = field(default_factory=list)

    @property
    def retries(self) -> int:
        """As the job shows it: the last attempt less one."""
        return self.runs[-1].job.attempt - 1 if self.runs else 0


class JobHarness:
    """Takes jobs through a handler to their end, retries and snoozes included, without waiting for any.

    Args:
        max_retries: as a job would ask for; None is the handler's own.
        max_snoozes: a job that snoozes more often is left PENDING.
    """

    def __init__(self, function: Callable[..., Any], *, max_retries: int | None = None, max_snoozes: int = 100) -> None:
        self._function = function
        self._spec = _spec(function)
        self._max_retries = self._spec.max_retries if max_retries is None else max_retries
        self._max_snoozes = max_snoozes

    async def run(self, payload: Payload = None, *, key: str | None = None, tags: Sequence[str] = ()) -> HarnessReport:
        """Run one job until it is terminal. Raises what ``run_handler`` raises."""
        report, job_id, attempt = HarnessReport(), new_id(), 1
        for _ in range(self._max_retries + self._max_snoozes + 1):
            ran = await run_handler(
                self._function,
                payload,
                attempt=attempt,
                max_retries=self._max_retries,
                job_id=job_id,
                key=key,
                tags=tags,
            )
            report.runs.append(ran)
            match ran.outcome:
                case Completed():
                    report.status, report.result = JobStatus.COMPLETED, ran.result
                    return report
                case Cancelled():
                    report.status = JobStatus.CANCELLED
                    return report
                case Snoozed(delay_s):
                    report.waits.append(delay_s)
                case Failed(error, retryable, retry_after_s):
                    report.errors.append(error)
                    if not retryable or attempt > self._max_retries:
                        report.status = JobStatus.FAILED
                        return report
                    ceiling = self._spec.backoff.ceiling(attempt)
                    report.waits.append(ceiling if retry_after_s is None else retry_after_s)
                    attempt += 1
                case Released():
                    raise AssertionError("a run that nobody stopped was released")
        return report


def _spec(function: Callable[..., Any]) -> HandlerSpec:
    spec = spec_of(function)
    if spec is None:
        raise HandlerError(f'{function!r} is no handler: put @handler("some_type") above it')
    return spec


def _as_received(payload: Payload) -> dict[str, Any]:
    body = payload.model_dump(mode="json") if isinstance(payload, BaseModel) else payload or {}
    raw = dump_json(body, what="payload", field="/payload", max_bytes=MAX_PAYLOAD_BYTES)
    received: dict[str, Any] = orjson.loads(raw)
    return received
