"""What becomes of a job when a run of it ends: one match over what the worker reported. Pure."""

import random
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jobstream.contracts.events import EventKind, StatusEvent
from jobstream.contracts.status import JobStatus
from jobstream_api.domain.retry import RetryPolicy
from jobstream_api.domain.transitions import Cause, next_status


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a row stands, as far as rules look at it.

    Attributes:
        lane: where it waits, or under which it holds a permit.
        permit_from: since when it holds one; None: it holds none.
    """

    id: UUID
    type: str
    status: JobStatus
    attempt: int
    dispatch: int
    rank: int
    max_retries: int | None
    lane: str | None = None
    permit_from: datetime | None = None


@dataclass(frozen=True, slots=True)
class Decision:
    """The next state of a job.

    Attributes:
        hold_s: seconds until the dispatcher takes it up again; None: it does not.
    """

    status: JobStatus
    hold_s: float | None = None


def fits(row: Standing, event: StatusEvent) -> bool:
    """True if the event speaks of the row's current dispatch and knows more than the row does."""
    return (event.attempt, event.dispatch) == (row.attempt, row.dispatch) and event.event.rank > row.rank


def decide(row: Standing, event: StatusEvent, policy: RetryPolicy, rng: random.Random) -> Decision | None:
    """The next state after an outcome other than success, or None if it does not fit the row."""
    if not fits(row, event):
        return None
    hold: float | None = None
    match event.event:
        case EventKind.FAILED:
            hold = policy.delay(row.attempt, retryable=event.retryable, retry_after_s=event.delay_s, rng=rng)
            cause = Cause.EXHAUST if hold is None else Cause.RETRY
        case EventKind.SNOOZED | EventKind.DEFERRED | EventKind.RELEASED:
            hold = event.delay_s or 0.0
            cause = Cause.HAND_BACK
        case EventKind.CANCELLED:
            cause = Cause.CANCEL
        case EventKind.COMPLETED:
            cause = Cause.COMPLETE
        case EventKind.RUNNING | EventKind.HEARTBEAT:
            cause = Cause.START
    status = next_status(row.status, cause)
    return None if status is None else Decision(status, hold)


def decide_lost(row: Standing, policy: RetryPolicy, rng: random.Random) -> Decision | None:
    """The next state of a job whose run lost its lease: the attempt counts, so a killer job ends."""
    hold = policy.delay(row.attempt, retryable=True, retry_after_s=None, rng=rng)
    status = next_status(row.status, Cause.EXHAUST if hold is None else Cause.RETRY)
    return None if status is None else Decision(status, hold)
