"""What the worker says of its work: status events, made in one place."""

from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from jobstream.clock import Clock
from jobstream.contracts.events import Deferral, ErrorInfo, EventKind
from jobstream.contracts.headers import CloudEvents
from jobstream.handlers.outcomes import Cancelled, Completed, Failed, Outcome, Released, Snoozed
from jobstream.handlers.verdicts import MAX_DELAY_S
from jobstream.kafka.batches import Outgoing
from jobstream_worker.work import Work


class Report(NamedTuple):
    """A status event, ready to send.

    Attributes:
        error: why the attempt failed.
        at: wall clock, UTC.
    """

    kind: EventKind
    record: Outgoing
    at: datetime
    error: ErrorInfo | None


class Reports:
    """Makes the status events of one worker: the fields of ``StatusEvent``, without those that are None.

    Straight as bytes: a checked model of what was checked before costs more than running a small job.

    Args:
        worker: its id.
        lease_s: how long a run counts as alive after RUNNING or a HEARTBEAT, seconds.
    """

    def __init__(self, worker: str, lease_s: float, clock: Clock) -> None:
        self._worker = worker
        self._lease_s = lease_s
        self._clock = clock
        source = f"/jobstream/worker/{worker}"
        self._events = {kind: CloudEvents(f"job.{kind.value}.v1", source) for kind in EventKind}

    def running(self, work: Work) -> Report:
        """The run holds a lease from now on."""
        return self._event(EventKind.RUNNING, work, {"lease_s": self._lease_s})

    def heartbeat(self, work: Work) -> Report:
        """The run goes on."""
        return self._event(EventKind.HEARTBEAT, work, {"lease_s": self._lease_s})

    def outcome(self, work: Work, outcome: Outcome) -> Report:
        """The run is over."""
        match outcome:
            case Completed():
                fields: dict[str, Any] = {"result": orjson.Fragment(outcome.result_json)}
                return self._event(EventKind.COMPLETED, work, fields, final=True)
            case Failed():
                fields = {"retryable": outcome.retryable}
                if outcome.retry_after_s is not None:
                    fields["delay_s"] = outcome.retry_after_s
                return self._event(EventKind.FAILED, work, fields, error=outcome.error, final=True)
            case Snoozed():
                return self._event(EventKind.SNOOZED, work, {"delay_s": outcome.delay_s}, final=True)
            case Cancelled():
                error = ErrorInfo(code="cancelled", message=work.cancelled or outcome.reason)
                return self._event(EventKind.CANCELLED, work, {}, error=error, final=True)
            case Released():
                return self._event(EventKind.RELEASED, work, {}, final=True)

    def deferred(self, work: Work, reason: Deferral, until: datetime | None = None) -> Report:
        """It is handed back unstarted, and may start after ``until``; None: whenever the api lets it."""
        wait = 0.0 if until is None else (until - self._clock.now()).total_seconds()
        # A record's own clock may say anything; what is due later still is deferred again.
        delay_s = min(max(wait, 0.0), MAX_DELAY_S)
        if work.redelivered and work.job.permit:
            reason = Deferral.STALE  # nobody knows whether its permit was used
        return self._event(EventKind.DEFERRED, work, {"delay_s": delay_s, "reason": reason.value})

    def unknown_type(self, work: Work, known: list[str]) -> Report:
        """It was not started, since there is no handler for it."""
        have = ", ".join(known[:20]) or "none"
        message = f"this worker has no handler for the type {work.job.type!r}; it has {have}"
        error = ErrorInfo(code="unknown_type", message=message)
        return self._event(EventKind.FAILED, work, {"retryable": False}, error=error)

    def _event(
        self,
        kind: EventKind,
        work: Work,
        fields: dict[str, Any],
        *,
        error: ErrorInfo | None = None,
        final: bool = False,
    ) -> Report:
        job = work.job
        now = self._clock.now()
        body = {
            "event": kind.value,
            "id": job.id,
            "attempt": job.attempt,
            "dispatch": job.dispatch,
            "run_id": work.run_id,
            "worker": self._worker,
            "at": now,
            "type": job.type,
            "origin": work.origin,
            **fields,
        }
        if job.key is not None:
            body["key"] = job.key
        if work.started_at is not None:
            body["started_at"] = work.started_at
        if final:
            body["finished_at"] = now
        if error is not None:
            body["error"] = error.model_dump(exclude_none=True)
        if work.run is not None and work.run.progress_version != 0:
            work.told_version = work.run.progress_version
            body["progress"] = work.run.progress
            if work.run.progress_text is not None:
                body["progress_text"] = work.run.progress_text
        if job.direct and not work.introduced:
            body["job"] = job.to_dict()
        work.introduced = True
        key, at = _text(job.id), _text(now)
        headers = self._events[kind].headers(b"%b:%b:%b" % (work.run_id.encode(), kind.encode(), at), at, key)
        return Report(kind, Outgoing(key, orjson.dumps(body), headers, spread=True), now, error)


def _text(value: UUID | datetime) -> bytes:
    """As the body has it; ``str`` and ``isoformat`` take five times as long."""
    return orjson.dumps(value)[1:-1]
