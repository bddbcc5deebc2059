"""The transition table: the only place that knows which state may follow which, and why.

docs/concepts/lifecycle.md draws it; a test holds drawing and table together.
"""

from enum import StrEnum

from jobstream.contracts.status import JobStatus as S


class Cause(StrEnum):
    """What moves a job."""

    START = "start"
    """A worker holds a lease on a run."""
    COMPLETE = "complete"
    EXHAUST = "exhaust"
    """An attempt failed, or its lease was lost, and no other follows."""
    RETRY = "retry"
    """An attempt failed, or its lease was lost, and another follows after its backoff."""
    HAND_BACK = "hand back"
    """Snoozed, deferred or released: to be dispatched again without using an attempt."""
    DISPATCH = "dispatch"
    """The dispatcher hands a held job to Kafka."""
    CANCEL = "cancel"
    REOPEN = "reopen"
    """An operator's retry or redrive."""


TRANSITIONS: dict[Cause, dict[S, S]] = {
    # A run of under 100 ms reports nothing but its outcome, so PENDING may end directly.
    Cause.START: {S.PENDING: S.RUNNING},
    Cause.COMPLETE: {S.PENDING: S.COMPLETED, S.RUNNING: S.COMPLETED},
    Cause.EXHAUST: {S.PENDING: S.FAILED, S.RUNNING: S.FAILED},
    Cause.RETRY: {S.PENDING: S.RETRYING, S.RUNNING: S.RETRYING},
    Cause.HAND_BACK: {S.PENDING: S.PENDING, S.RUNNING: S.PENDING},
    Cause.DISPATCH: {S.PENDING: S.PENDING, S.RETRYING: S.PENDING},
    Cause.CANCEL: {S.PENDING: S.CANCELLED, S.RUNNING: S.CANCELLED, S.RETRYING: S.CANCELLED},
    Cause.REOPEN: {S.FAILED: S.PENDING, S.CANCELLED: S.PENDING},
}


def next_status(status: S, cause: Cause) -> S | None:
    """The state after ``cause``, or None if it does not fit: then nothing happens."""
    return TRANSITIONS[cause].get(status)


def sources(cause: Cause) -> list[str]:
    """The states from which ``cause`` fits, for the statements that apply it to many rows."""
    return [status.value for status in TRANSITIONS[cause]]
