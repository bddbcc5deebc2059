"""What the worker says of its work: status events, made in one place."""

from datetime import datetime
from typing import Any

import orjson

from jobstream.clock import Clock
from jobstream.contracts.events import ErrorInfo, EventKind, StatusEvent
from jobstream.handlers.outcomes import Cancelled, Completed, Failed, Outcome, Released, Snoozed
from jobstream_worker.work import Work


class Reports:
    """Makes the status events of one worker.

    Args:
        worker: its id.
        lease_s: how long a run counts as alive after RUNNING or a HEARTBEAT, seconds.
    """

    def __init__(self, worker: str, lease_s: float, clock: Clock) -> None:
        self._worker = worker
        self._lease_s = lease_s
        self._clock = clock

    def running(self, work: Work) -> StatusEvent:
        """The run holds a lease from now on."""
        return self._event(EventKind.RUNNING, work, lease_s=self._lease_s, **_progress(work))

    def heartbeat(self, work: Work) -> StatusEvent:
        """The run goes on."""
        return self._event(EventKind.HEARTBEAT, work, lease_s=self._lease_s, **_progress(work))

    def outcome(self, work: Work, outcome: Outcome) -> StatusEvent:
        """The run is over."""
        progress = _progress(work)
        match outcome:
            case Completed():
                return self._final(EventKind.COMPLETED, work, result=orjson.Fragment(outcome.result_json), **progress)
            case Failed():
                return self._final(
                    EventKind.FAILED,
                    work,
                    error=outcome.error,
                    retryable=outcome.retryable,
                    delay_s=outcome.retry_after_s,
                    **progress,
                )
            case Snoozed():
                return self._final(EventKind.SNOOZED, work, delay_s=outcome.delay_s, **progress)
            case Cancelled():
                error = ErrorInfo(code="cancelled", message=outcome.reason)
                return self._final(EventKind.CANCELLED, work, error=error, **progress)
            case Released():
                return self._final(EventKind.RELEASED, work, **progress)

    def deferred(self, work: Work, until: datetime) -> StatusEvent:
        """It was not started, since its time has not come."""
        wait = (until - self._clock.now()).total_seconds()
        return self._event(EventKind.DEFERRED, work, delay_s=max(wait, 0.0))

    def unknown_type(self, work: Work, known: list[str]) -> StatusEvent:
        """It was not started, since there is no handler for it."""
        have = ", ".join(known[:20]) or "none"
        message = f"this worker has no handler for the type {work.job.type!r}; it has {have}"
        error = ErrorInfo(code="unknown_type", message=message)
        return self._event(EventKind.FAILED, work, error=error, retryable=False)

    def _final(self, kind: EventKind, work: Work, **fields: Any) -> StatusEvent:
        return self._event(kind, work, finished_at=self._clock.now(), **fields)

    def _event(self, kind: EventKind, work: Work, **fields: Any) -> StatusEvent:
        job = work.job
        whole = job if job.direct and not work.introduced else None
        work.introduced = True
        return StatusEvent(
            event=kind,
            id=job.id,
            attempt=job.attempt,
            dispatch=job.dispatch,
            run_id=work.run_id,
            worker=self._worker,
            at=self._clock.now(),
            type=job.type,
            key=job.key,
            started_at=work.started_at,
            origin=work.origin,
            job=whole,
            **fields,
        )


def _progress(work: Work) -> dict[str, Any]:
    run = work.run
    if run is None or run.progress_version == 0:
        return {}
    work.told_version = run.progress_version
    return {"progress": run.progress, "progress_text": run.progress_text}
