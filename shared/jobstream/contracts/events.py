"""Status events: what workers say of jobs and of themselves, on the status topic.

A public, versioned contract. Keyed by job id (a worker's own events by its worker id). The body
alone says everything; the CloudEvents headers repeat the type for consumers that route by header.
"""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

import orjson
from pydantic import BeforeValidator, Field

from jobstream.contracts.flow import Limit
from jobstream.contracts.headers import Headers, cloud_event
from jobstream.contracts.jobs import MAX_ATTEMPT, Contract, Identifier, Job, Moment
from jobstream.contracts.unique import Unique


class EventKind(StrEnum):
    """What happened to a job, as its worker saw it."""

    RUNNING = "running"
    """The run holds a lease from now on."""
    HEARTBEAT = "heartbeat"
    """The run goes on: lease renewed, progress told."""
    COMPLETED = "completed"
    FAILED = "failed"
    """The attempt failed; whether another follows is the api's decision."""
    CANCELLED = "cancelled"
    SNOOZED = "snoozed"
    """The handler asked to be run later; no attempt is used."""
    DEFERRED = "deferred"
    """The worker hands the job back unstarted; ``reason`` says why; no attempt is used."""
    RELEASED = "released"
    """The worker shut down and gave the run up; no attempt is used."""

    @property
    def rank(self) -> int:
        """Order within one dispatch of a job: pending 0, running 1, any outcome 2."""
        return 1 if self in (EventKind.RUNNING, EventKind.HEARTBEAT) else 2


class Deferral(StrEnum):
    """Why a worker hands a job back unstarted."""

    EARLY = "early"
    """Its ``run_at`` is ahead."""
    GATED = "gated"
    """Its type or queue has a gate, and it came without a permit."""
    LATE = "late"
    """Its permit was good for an earlier start."""
    STALE = "stale"
    """The same, and a worker that is gone may have started it with that permit."""


class ErrorInfo(Contract):
    """Why an attempt failed."""

    code: str = Field("handler_error", max_length=100, description="Stable: handler_error, timeout, unknown_type, ...")
    type: str = Field("", max_length=200, description="Exception class, as the language names it.")
    message: str = Field("", max_length=8_000)
    traceback: str | None = Field(None, max_length=32_000)


class Origin(Contract):
    """A record's place."""

    topic: str
    partition: int = Field(ge=0)
    offset: int = Field(ge=0)


class StatusEvent(Contract):
    """One event about one dispatch of one job."""

    event: EventKind = Field(strict=False)
    id: Identifier
    attempt: int = Field(1, ge=1, le=MAX_ATTEMPT)
    dispatch: int = Field(1, ge=1, le=MAX_ATTEMPT)
    run_id: Identifier
    worker: str = Field(max_length=200)
    at: Moment
    type: str = Field(max_length=100)
    key: str | None = Field(None, max_length=255)
    started_at: Moment | None = None
    finished_at: Moment | None = None
    lease_s: float | None = Field(None, gt=0, le=86400)
    progress: float | None = Field(None, ge=0, le=1)
    progress_text: str | None = Field(None, max_length=500)
    result: Any = None
    error: ErrorInfo | None = None
    retryable: bool = True
    delay_s: float | None = Field(None, ge=0, le=366 * 86400, description="retry-after, snooze or deferral, seconds")
    reason: Deferral | None = Field(None, strict=False, description="Why a deferred job was not started.")
    origin: Origin | None = Field(None, description="Where the worker read the job.")
    job: Job | None = Field(None, description="The job whole, in the first event of a direct one.")

    @property
    def identity(self) -> tuple[UUID, int, int]:
        """The dispatch of the job that this event speaks of."""
        return (self.id, self.attempt, self.dispatch)


class WorkerEvent(Contract):
    """A worker about itself; every ten seconds, and once when it stops."""

    event: str = Field(pattern=r"^worker\.(heartbeat|stopped)$")
    worker: str = Field(max_length=200)
    at: Moment
    host: str = Field(max_length=255)
    pid: int = Field(ge=0)
    version: str = Field(max_length=50)
    started_at: Moment
    concurrency: int = Field(ge=1)
    running: int = Field(ge=0)
    types: list[str] = Field(default_factory=list)
    partitions: dict[str, list[int]] = Field(default_factory=dict)
    metrics_url: str | None = None

    def to_json(self) -> bytes:
        """The record's value."""
        return orjson.dumps(self.__dict__)

    def headers(self) -> Headers:
        """The record's headers."""
        stamp = f"{self.worker}:{int(self.at.timestamp() * 1000)}"
        return cloud_event(f"{self.event}.v1", stamp, f"/jobstream/worker/{self.worker}", self.at, self.worker)


class TypeAnnouncement(Contract):
    """What a worker says of a handler it has, on the compacted types topic, keyed by type."""

    type: str = Field(max_length=100)
    payload_schema: dict[str, Any] | None = None
    description: str | None = None
    max_retries: int = Field(3, ge=0, le=100)
    timeout_s: float | None = Field(None, gt=0)
    run_in: str = Field("loop", pattern="^(loop|thread|process)$")
    backoff_base_s: float = Field(1.0, gt=0)
    backoff_factor: float = Field(2.0, ge=1)
    backoff_cap_s: float = Field(600.0, gt=0)
    limits: list[Limit] = Field(default_factory=list, max_length=10, description="Gates that its handler declares.")
    strict_order: bool = Field(False, description="A job with a key waits until the earlier one of that key is over.")
    unique: Annotated[Unique | None, BeforeValidator(Unique.known)] = Field(
        None, description="Of jobs that come over HTTP and do not say it themselves."
    )
    at: Moment

    def to_json(self) -> bytes:
        """The record's value."""
        document = self.__dict__ | {"limits": [limit.model_dump(exclude_none=True) for limit in self.limits]}
        unique = document.pop("unique")
        return orjson.dumps(document if unique is None else document | {"unique": unique.to_dict()})


def read_status(document: object) -> StatusEvent | WorkerEvent:
    """The event in a parsed record of the status topic.

    Raises:
        InvalidInput: it is neither kind of event.
    """
    if isinstance(document, dict):
        kind = document.get("event")
        if isinstance(kind, str) and kind.startswith("worker."):
            return WorkerEvent.read(document)
    return StatusEvent.read(document)
