"""The tables as the ORM reads them. Columns that only hot statements touch are left out."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Double, LargeBinary, SmallInteger, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """Base of all models."""

    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        bytes: LargeBinary,
        float: Double,
        datetime: DateTime(timezone=True),
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


class JobRow(Base):
    """A job."""

    __tablename__ = "jobs"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    queue: Mapped[str]
    key: Mapped[str | None]
    payload: Mapped[dict[str, Any]]
    tags: Mapped[list[str]]
    max_retries: Mapped[int | None]
    timeout_s: Mapped[float | None]
    run_at: Mapped[datetime | None]
    start_before: Mapped[datetime | None]
    priority: Mapped[int] = mapped_column(SmallInteger)
    created_at: Mapped[datetime]
    status: Mapped[str]
    attempt: Mapped[int]
    dispatch: Mapped[int]
    rank: Mapped[int] = mapped_column(SmallInteger)
    dispatched_at: Mapped[datetime | None]
    dispatch_at: Mapped[datetime | None]
    watch_at: Mapped[datetime | None]
    lease_expires_at: Mapped[datetime | None]
    run_id: Mapped[UUID | None]
    worker: Mapped[str | None]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    progress: Mapped[float | None]
    progress_text: Mapped[str | None]
    result: Mapped[Any] = mapped_column(JSONB)
    result_expired: Mapped[bool]
    last_error: Mapped[str | None]
    errors: Mapped[list[Any]]


class WorkerRow(Base):
    """A worker as it last announced itself."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    host: Mapped[str]
    pid: Mapped[int]
    version: Mapped[str]
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]
    concurrency: Mapped[int]
    running: Mapped[int]
    types: Mapped[list[str]]
    partitions: Mapped[dict[str, Any]]
    metrics_url: Mapped[str | None]


class DeadLetterRow(Base):
    """A record that could not be read or run."""

    __tablename__ = "dead_letters"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    topic: Mapped[str]
    partition: Mapped[int]
    offset: Mapped[int] = mapped_column(BigInteger)
    reason: Mapped[str]
    field: Mapped[str | None]
    detail: Mapped[str]
    key: Mapped[bytes | None]
    value: Mapped[bytes | None]
    headers: Mapped[list[Any]]
    job_id: Mapped[UUID | None]
    record_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    redriven_at: Mapped[datetime | None]


class ScheduleRow(Base):
    """A schedule."""

    __tablename__ = "schedules"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    cron: Mapped[str]
    timezone: Mapped[str]
    job: Mapped[dict[str, Any]]
    overlap: Mapped[str]
    missed: Mapped[str]
    missed_window_s: Mapped[float]
    paused: Mapped[bool]
    anchor_at: Mapped[datetime]
    next_at: Mapped[datetime | None]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class ScheduleFireRow(Base):
    """What became of one tick of a schedule."""

    __tablename__ = "schedule_fires"

    schedule_id: Mapped[UUID] = mapped_column(primary_key=True)
    tick: Mapped[datetime] = mapped_column(primary_key=True)
    origin: Mapped[str]
    status: Mapped[str]
    reason: Mapped[str | None]
    job_id: Mapped[UUID | None]
    open: Mapped[bool]
    at: Mapped[datetime]
