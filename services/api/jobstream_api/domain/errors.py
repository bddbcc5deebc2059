"""What the api refuses or cannot do. Nothing here knows HTTP; routes/problems.py maps it."""

from collections.abc import Sequence
from uuid import UUID

from jobstream.contracts.status import JobStatus
from jobstream.errors import JobstreamError


class JobNotFound(JobstreamError):
    """There is no job with this id."""

    def __init__(self, job_id: UUID) -> None:
        super().__init__(f"there is no job {job_id}; it was never submitted, or its retention is over")
        self.job_id = job_id


class NotReopenable(JobstreamError):
    """Only a job that ended without success can be retried."""

    def __init__(self, job_id: UUID, status: JobStatus) -> None:
        super().__init__(f"job {job_id} is {status.value}; only FAILED and CANCELLED jobs can be retried")
        self.status = status


class RunNotOver(JobstreamError):
    """The job was cancelled under way, and its run may not be over yet."""

    def __init__(self, job_id: UUID) -> None:
        super().__init__(
            f"job {job_id} was cancelled under way, and its worker has not said yet that its run is over; limits count "
            "it until then: try again in some seconds"
        )


class NotCancellable(JobstreamError):
    """The job has ended, and not by being cancelled."""

    def __init__(self, job_id: UUID, status: JobStatus) -> None:
        super().__init__(f"job {job_id} is {status.value}: it has ended, and there is nothing left to cancel")
        self.status = status


class NotHeld(JobstreamError):
    """The job does not wait for its time here: it has gone to Kafka, runs, or is over."""

    def __init__(self, job_id: UUID, status: JobStatus) -> None:
        way_out = "POST /jobs/{id}/retry runs it again"
        if not status.terminal:
            way_out = "cancel it with POST /jobs/{id}/cancel, and submit it anew with another run_at"
        elif status is JobStatus.COMPLETED:
            way_out = "submit a new job"
        where = "has gone to its workers already" if status is JobStatus.PENDING else f"is {status.value}"
        super().__init__(f"job {job_id} {where}; only a job that waits for its time can be moved; {way_out}")
        self.status = status


class IdempotencyMismatch(JobstreamError):
    """The Idempotency-Key was used with another body before."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was used with another body; use a new key, or send the first body again")


class IdempotencyInFlight(JobstreamError):
    """The first request with this Idempotency-Key has no answer yet."""

    def __init__(self) -> None:
        super().__init__(
            "a request with this Idempotency-Key is being served just now; send this one again in a moment, "
            "and it gets the same answer"
        )


class NotUnique(JobstreamError):
    """A job that counts as the same one is there already. Nothing was stored.

    Attributes:
        job_id: that job.
    """

    def __init__(self, job_id: UUID, detail: str) -> None:
        super().__init__(detail)
        self.job_id = job_id
        self.detail = detail

    @classmethod
    def because(cls, job_id: UUID, status: JobStatus, why: str | None = None) -> "NotUnique":
        """The error about a job in the way.

        Args:
            why: it did not take the payload over.
        """
        reason = f"; {why}" if why else ""
        return cls(job_id, f"job {job_id} is the same by `unique`, and is {status.value}{reason}; see /jobs/{job_id}")


class ReplayGone(JobstreamError):
    """The Idempotency-Key is remembered, but what it made is not there any more."""

    def __init__(self) -> None:
        super().__init__("this Idempotency-Key was used before, and its jobs are past their retention; use a new key")


class Overloaded(JobstreamError):
    """More submits wait than can be stored in good time. Nothing was stored."""

    def __init__(self, waiting: int) -> None:
        super().__init__(f"{waiting} submits are waiting already; try again in a moment")


class ListTooSlow(JobstreamError):
    """A list with these filters takes too long."""

    def __init__(self) -> None:
        super().__init__(
            "finding a page of such jobs takes too long; narrow the list, for example with created_after and "
            "created_before, or by key or tag"
        )


class StoreUnavailable(JobstreamError):
    """The database cannot be asked now. A submit that meets this may or may not have been stored."""

    def __init__(self, detail: str = "the database does not answer; try again in a moment") -> None:
        super().__init__(detail)


class ScheduleNotFound(JobstreamError):
    """There is no schedule of this name or id."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no schedule {name!r}; GET /schedules lists those there are")


class ScheduleExists(JobstreamError):
    """Another schedule has this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is a schedule {name!r} already; choose another name, or change that one with PATCH")


class ScheduleBusy(JobstreamError):
    """The schedule's overlap policy keeps it from firing now."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"a job of {name!r} is under way, and its overlap policy is skip; wait for it, or add ?overlap=allow"
        )


class LimitNotFound(JobstreamError):
    """There is no limit of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"there is no limit {name!r}; GET /limits lists those there are")


class LimitNotSet(JobstreamError):
    """No operator has set this limit."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"nothing was set of a limit {name!r}, so there is nothing to take back; GET /limits lists all"
        )


class QueueNotFound(JobstreamError):
    """There is no queue of this name."""

    def __init__(self, name: str, queues: Sequence[str]) -> None:
        super().__init__(f"there is no queue {name!r}; configured are: {', '.join(queues)}")


class JobTypeNotFound(JobstreamError):
    """No worker has announced this type."""

    def __init__(self, job_type: str) -> None:
        super().__init__(f"no worker has announced a type {job_type!r}; GET /job-types lists those there are")
