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
    tags: Sequence[str] | None
    priority: int | None
    unique: Unique | Mapping[str, Any] | None


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
