"""Jobs as HTTP answers show them."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from jobstream.contracts.jobs import MAX_PRIORITY
from jobstream.contracts.status import JobStatus
from jobstream_api.schemas.problems import Problem
from jobstream_api.services.explaining import plain_reason

EXAMPLE_ID = "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e"
COMPLETED: dict[str, Any] = {
    "id": EXAMPLE_ID,
    "type": "example",
    "queue": "default",
    "key": None,
    "status": "COMPLETED",
    "attempt": 1,
    "retries": 0,
    "max_retries": 3,
    "payload": {"task": "example", "value": 42},
    "result": {"output": "success"},
    "result_expired": False,
    "last_error": None,
    "errors": [],
    "progress": None,
    "progress_text": None,
    "tags": [],
    "timeout_s": None,
    "priority": 0,
    "waiting_for": None,
    "created_at": "2026-10-01T09:30:00.000000Z",
    "run_at": None,
    "start_before": None,
    "started_at": "2026-10-01T09:30:00.012000Z",
    "finished_at": "2026-10-01T09:30:00.015000Z",
    "worker": "worker-1",
}
PENDING = COMPLETED | {"status": "PENDING", "result": None, "started_at": None, "finished_at": None, "worker": None}
CANCELLED = PENDING | {
    "status": "CANCELLED",
    "last_error": "cancelled: ordered twice",
    "finished_at": "2026-10-01T09:30:02.000000Z",
}
EXAMPLES: dict[str, Any] = {
    "completed": COMPLETED,
    "pending": PENDING,
    "cancelled": CANCELLED,
    "held": PENDING | {"run_at": "2026-10-01T10:30:00.000000Z"},
    "batch": {"items": [{"status": 201, "job": PENDING}]},
}
"""Example answers by the name that routes give them; FastAPI would strip the nulls out of them."""


def example(name: str) -> dict[str, Any]:
    """OpenAPI content of an answer, whose example ``EXAMPLES`` has."""
    return {"content": {"application/json": {"example": name}}}


class JobError(BaseModel):
    """Why one attempt failed."""

    model_config = ConfigDict(extra="allow")

    attempt: int = Field(ge=1)
    at: str | None = Field(description="When, RFC 3339.")
    code: str = Field(description="Stable: `handler_error`, `timeout`, `lease_lost`, `unknown_type`, ...")
    type: str = Field(description="Exception class, as the handler's language names it.")
    message: str
    worker: str | None = None
    run_id: str | None = None
    traceback: str | None = None


class WaitingFor(BaseModel):
    """Why a job has not started: the first thing that holds it up."""

    reason: Literal[
        "schedule", "retry", "rate_limit", "concurrency_limit", "order", "paused", "turn", "no_worker", "worker"
    ] = Field(
        description="`schedule`, `retry`: its time. `rate_limit`, `concurrency_limit`: see GET /limits. `order`: an "
        "earlier job of its key. `paused`: its queue or type. `turn`: others of its queue go first. `no_worker`: "
        "nobody has a handler. `worker`: it is in Kafka, and no worker has had a place for it."
    )
    detail: str = Field(description="The same for people.")
    until: datetime | None = Field(description="When that ends at the earliest, where it is known.")
    limit: str | None = Field(description="Which limit.")
    key: str | None = Field(description="The value that the limit, or the order, is about.")
    job_id: UUID | None = Field(description="The job that it waits for.")


class JobView(BaseModel):
    """A job."""

    id: UUID = Field(description="UUIDv7 unless you brought your own.")
    type: str = Field(description="Which handler runs it.")
    queue: str
    key: str | None = Field(description="Ordering key: jobs with one key run one after another.")
    status: JobStatus = Field(
        description="`PENDING` waits, `RUNNING` runs, `RETRYING` waits for its next attempt; "
        "`COMPLETED`, `FAILED` and `CANCELLED` are final."
    )
    attempt: int = Field(ge=1, description="The current or last attempt, counted from 1.")
    retries: int = Field(ge=0, description="attempt - 1.")
    max_retries: int = Field(ge=0, description="Tries after the first. An operator's retry raises it.")
    payload: dict[str, Any]
    result: Any = Field(description="What the handler returned, once COMPLETED.")
    result_expired: bool = Field(description="There was a result, and its retention is over.")
    last_error: str | None = Field(
        description="Why the last failed attempt failed, in one line; or `cancelled: ` and why, if a reason was given."
    )
    errors: list[JobError] = Field(description="Every failed attempt, oldest first.")
    progress: float | None = Field(description="0 to 1, if the handler tells it.")
    progress_text: str | None
    tags: list[str]
    timeout_s: float | None = Field(description="Longest run, seconds; null: the worker's default.")
    priority: int = Field(ge=0, le=MAX_PRIORITY, description="Larger goes first where jobs wait for their turn.")
    waiting_for: WaitingFor | None = Field(
        description="Why it has not started; null if nothing holds it up. Lists tell only what the job alone shows."
    )
    created_at: datetime
    run_at: datetime | None = Field(description="Not before this time, if one was asked for.")
    start_before: datetime | None = Field(
        description="FAILED (`deadline_exceeded`) unless it starts by then; null: no such limit, or it has started."
    )
    started_at: datetime | None = Field(description="Start of the current or last run.")
    finished_at: datetime | None
    worker: str | None = Field(description="Who runs it, or ran it last.")


class JobPage(BaseModel):
    """A page of jobs, newest first."""

    items: list[JobView]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null at the end.")


class Taken(BaseModel):
    """A job of a batch that was stored, or, where `unique` asks for it, the one that was there."""

    status: int = Field(201, ge=200, le=201, description="201: stored. 200: it was there.")
    job: JobView
    existing: Literal["true", "replaced"] | None = Field(
        None, description="As the header `Jobstream-Existing` of a single submit."
    )


class Refused(BaseModel):
    """A job of a batch that was not stored, and why."""

    status: int = Field(422, ge=400, le=499)
    error: Problem


class BatchVerdicts(BaseModel):
    """One verdict per job, in the order of the request."""

    items: list[Taken | Refused]


def job_view(row: Mapping[str, Any], max_retries_of: Callable[[str], int]) -> dict[str, Any]:
    """A row as its JSON document.

    Args:
        row: a job's columns by name.
        max_retries_of: the number of retries of a type, for rows that leave it open.
    """
    own = row["max_retries"]
    return {
        "id": str(row["id"]),
        "type": row["type"],
        "queue": row["queue"],
        "key": row["key"],
        "status": row["status"],
        "attempt": row["attempt"],
        "retries": row["attempt"] - 1,
        "max_retries": max_retries_of(row["type"]) if own is None else own,
        "payload": row["payload"],
        "result": row["result"],
        "result_expired": row["result_expired"],
        "last_error": row["last_error"],
        "errors": row["errors"],
        "progress": row["progress"],
        "progress_text": row["progress_text"],
        "tags": row["tags"],
        "timeout_s": row["timeout_s"],
        "priority": row["priority"],
        "waiting_for": row.get("waiting_for") or plain_reason(row),
        "created_at": row["created_at"],
        "run_at": row["run_at"],
        "start_before": row["start_before"],
        "started_at": row["started_at"],
        "finished_at": row["finished_at"],
        "worker": row["worker"],
    }
