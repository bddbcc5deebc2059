"""How long what is kept. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from jobstream.contracts.status import JobStatus
from jobstream.ids import id_floor


@dataclass(frozen=True, slots=True)
class Retention:
    """Seconds after which things are forgotten; 0 keeps them for ever.

    Attributes:
        completed_s, failed_s, cancelled_s: of jobs, counted from their end.
        results_s: of results alone, counted from the end of their jobs; 0: as long as the job.
        dead_letters_s: counted from when they were written.
    """

    completed_s: float = 0.0
    failed_s: float = 0.0
    cancelled_s: float = 0.0
    results_s: float = 0.0
    dead_letters_s: float = 0.0

    def of(self, status: JobStatus) -> float | None:
        """For how long a job that ended so is kept, seconds; None: for ever."""
        kept = {
            JobStatus.COMPLETED: self.completed_s,
            JobStatus.FAILED: self.failed_s,
            JobStatus.CANCELLED: self.cancelled_s,
        }
        return kept.get(status) or None

    @property
    def of_jobs(self) -> dict[str, float]:
        """The same by status, of those that are not kept for ever."""
        return {status.value: kept for status in JobStatus if (kept := self.of(status)) is not None}

    @property
    def soonest_s(self) -> float | None:
        """A job this old may have lost something; None: no job ever does."""
        given = [*self.of_jobs.values(), *([self.results_s] if self.results_s else [])]
        return min(given) if given else None

    def may_be_gone(self, job_id: UUID, now: datetime) -> bool:
        """True if a job of this id may have been there, and been forgotten since."""
        if job_id.version != 7 or not self.of_jobs:
            return False
        return job_id < id_floor(now - timedelta(seconds=min(self.of_jobs.values())))
