"""What may be asked of a job, and of a list of jobs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from jobstream.contracts.status import JobStatus
from jobstream.contracts.unique import Unique


class JobOptions(TypedDict, total=False):
    """Everything about a job but its payload. See JobFields for meanings and limits."""

    type: str | None
    queue: str | None
    key: str | None
    max_retries: int | None
    timeout_s: float | None
    run_at: datetime | None
    delay_s: float | None
    start_within_s: float | None
    tags: Sequence[str] | None
    priority: int | None
    unique: Unique | Mapping[str, Any] | None


class CancelFilters(TypedDict, total=False):
    """Which jobs to cancel; what is None does not restrict.

    Attributes:
        limit: most jobs at once, 10,000 if it is None.
    """

    status: Sequence[JobStatus | str] | None
    type: str | None
    queue: str | None
    key: str | None
    tag: str | None
    created_after: datetime | str | None
    created_before: datetime | str | None
    limit: int | None


class JobFilters(TypedDict, total=False):
    """Which jobs a list holds."""

    status: JobStatus | str | None
    type: str | None
    queue: str | None
    key: str | None
    tag: str | None
    created_after: str | None
    created_before: str | None
    limit: int | None
    cursor: str | None
