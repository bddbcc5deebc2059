"""Job types, workers, dead letters and health as HTTP answers show them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from jobstream.contracts.events import TypeAnnouncement
from jobstream.contracts.flow import Limit


class JobTypeView(BaseModel):
    """A job type that a worker has announced."""

    type: str
    description: str | None
    payload_schema: dict[str, Any] | None = Field(description="JSON Schema that payloads must fit; null: any object.")
    max_retries: int
    timeout_s: float | None
    run_in: str = Field(description="`loop`, `thread` or `process`.")
    limits: list[Limit] = Field(description="As its handler declares them; `GET /limits` shows what holds.")
    strict_order: bool = Field(description="A job with a key waits until the earlier ones of that key are over.")
    paused: bool = Field(description="No job of it is started; what runs goes on.")
    announced_at: datetime


class JobTypeList(BaseModel):
    """All job types, by name."""

    items: list[JobTypeView]
    next_cursor: str | None = None


class WorkerView(BaseModel):
    """A worker as it last announced itself."""

    id: str
    live: bool = Field(description="Seen within the last 30 s, and not stopped.")
    host: str
    pid: int
    version: str
    started_at: datetime
    last_seen_at: datetime
    stopped_at: datetime | None
    concurrency: int = Field(description="Most jobs at once.")
    running: int = Field(description="Jobs at that moment.")
    types: list[str]
    partitions: dict[str, list[int]] = Field(description="What it reads: partitions by topic.")
    metrics_url: str | None


class WorkerList(BaseModel):
    """Every worker of the last days, live ones first."""

    items: list[WorkerView]
    next_cursor: str | None = None


class DeadLetterView(BaseModel):
    """A record that could not be read, run or published."""

    id: UUID
    topic: str = Field(description="Where it was read; `outbox` for one that Kafka would not take.")
    partition: int
    offset: int
    reason: str = Field(description="Stable code, e.g. `invalid_json`.")
    field: str | None = Field(description="JSON Pointer of what is wrong.")
    detail: str
    key: str | None = Field(description="As text; what is no UTF-8 is escaped.")
    value: str | None = Field(description="Its first 4 KiB as text; what is no UTF-8 is escaped.")
    value_bytes: int | None = Field(description="Its whole size.")
    headers: list[list[str]]
    job_id: UUID | None
    record_at: datetime | None
    created_at: datetime
    redriven_at: datetime | None


class DeadLetterPage(BaseModel):
    """A page of dead letters, newest first."""

    items: list[DeadLetterView]
    next_cursor: str | None


class Alive(BaseModel):
    """The process answers."""

    status: str = Field("ok", examples=["ok"])


class Readiness(BaseModel):
    """Whether this process can do its work now."""

    ready: bool
    reasons: list[str] = Field(description="What is wrong; empty when ready.")
    services: dict[str, float] = Field(description="Seconds since each service last did well.")


def job_type_view(announced: TypeAnnouncement, *, paused: bool) -> dict[str, Any]:
    """An announcement as its JSON document."""
    return {
        "type": announced.type,
        "description": announced.description,
        "payload_schema": announced.payload_schema,
        "max_retries": announced.max_retries,
        "timeout_s": announced.timeout_s,
        "run_in": announced.run_in,
        "limits": [limit.model_dump() | {"name": limit.named(announced.type)} for limit in announced.limits],
        "strict_order": announced.strict_order,
        "paused": paused,
        "announced_at": announced.at,
    }


def worker_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """A worker's row as its JSON document."""
    return {name: row[name] for name in WorkerView.model_fields}


def dead_letter_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """A dead letter's row as its JSON document."""
    view = {name: row[name] for name in DeadLetterView.model_fields}
    return view | {
        "id": str(row["id"]),
        "key": _text(row["key"]),
        "value": _text(row["value"]),
        "job_id": row["job_id"] and str(row["job_id"]),
    }


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else bytes(raw).decode("utf-8", "backslashreplace")
