"""What clients return: jobs as they were when the api answered."""

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from jobstream.contracts.status import JobStatus


class JobSnapshot(BaseModel):
    """A job at one moment. Fields that a newer api adds are kept as extra attributes."""

    model_config = ConfigDict(extra="allow", frozen=True)

    id: UUID
    type: str
    queue: str
    status: JobStatus
    attempt: int
    retries: int
    max_retries: int
    payload: dict[str, Any]
    result: Any = None
    result_expired: bool = False
    last_error: str | None = None
    errors: list[dict[str, Any]] = Field(default_factory=list)
    key: str | None = None
    progress: float | None = None
    progress_text: str | None = None
    tags: list[str] = Field(default_factory=list)
    timeout_s: float | None = None
    created_at: datetime
    run_at: datetime | None = None
    start_before: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    worker: str | None = None

    @property
    def done(self) -> bool:
        """True once the job is COMPLETED, FAILED or CANCELLED."""
        return self.status.terminal


class Page(BaseModel):
    """Some jobs, newest first, and how to get the ones after them."""

    model_config = ConfigDict(extra="allow", frozen=True)

    items: list[JobSnapshot]
    next_cursor: str | None = None


class CancelTally(BaseModel):
    """What cancelling by filters came to.

    Attributes:
        matched: jobs under way that were meant, up to the limit.
        cancelled: those that were cancelled; the others had ended meanwhile.
        more: the limit left some out.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    matched: int
    cancelled: int
    more: bool


class BatchItem(BaseModel):
    """The verdict on one job of a batch: the job, or the problem (RFC 9457) why it was refused."""

    model_config = ConfigDict(extra="allow", frozen=True)

    status: int
    job: JobSnapshot | None = None
    error: dict[str, Any] | None = None

    @property
    def taken(self) -> bool:
        """True if the job was stored."""
        return self.job is not None
