"""Outcomes other than success, as they are written: into the row, its errors[], and the dead letters."""

from typing import Any
from uuid import UUID

from jobstream.contracts.events import Deferral, StatusEvent
from jobstream_api.domain.fold import Folded
from jobstream_api.repositories.dead_letters import DeadLetter
from jobstream_api.repositories.runs import Settled


def settled(row: Any, decision: Any, entry: Folded, outcome: StatusEvent, lane: str | None) -> Settled:
    """What is written of an outcome other than success, as it was decided."""
    error, line = None, None
    if outcome.error is not None:
        error = error_entry(
            row.attempt,
            code=outcome.error.code,
            kind=outcome.error.type,
            message=outcome.error.message,
            at=(outcome.finished_at or outcome.at).isoformat(),
            worker=outcome.worker,
            run_id=outcome.run_id,
            traceback=outcome.error.traceback,
        )
        line = f"{outcome.error.type}: {outcome.error.message}" if outcome.error.type else outcome.error.message
    return Settled(
        row=row,
        decision=decision,
        run_id=outcome.run_id,
        worker=outcome.worker,
        started_at=entry.started_at(outcome),
        finished_at=outcome.finished_at,
        error=error,
        last_error=line,
        lane=lane,
        late=outcome.reason in (Deferral.LATE, Deferral.STALE),
    )


def error_entry(
    attempt: int,
    *,
    code: str,
    kind: str,
    message: str,
    at: str | None,
    worker: str | None,
    run_id: UUID | None,
    traceback: str | None = None,
) -> dict[str, Any]:
    """One element of a job's errors[]."""
    return {
        "attempt": attempt,
        "at": at,
        "code": code,
        "type": kind,
        "message": message,
        "worker": worker,
        "run_id": None if run_id is None else str(run_id),
        "traceback": traceback,
    }


def parked(outcome: StatusEvent) -> DeadLetter:
    """A job of a type that its worker does not know: FAILED, and kept to be redriven."""
    assert outcome.origin is not None
    assert outcome.error is not None
    return DeadLetter(
        topic=outcome.origin.topic,
        partition=outcome.origin.partition,
        offset=outcome.origin.offset,
        reason=outcome.error.code,
        field="/type",
        detail=outcome.error.message,
        key=(outcome.key or str(outcome.id)).encode(),
        value=None if outcome.job is None else outcome.job.to_json(),
        headers=[],
        record_at=outcome.at,
        job_id=outcome.id,
    )
