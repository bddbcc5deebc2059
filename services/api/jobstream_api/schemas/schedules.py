"""Schedules as HTTP answers show them."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field

from jobstream.contracts.schedules import Missed, Overlap
from jobstream_api.domain.schedules import FireStatus, Origin
from jobstream_api.repositories.fires import Fire
from jobstream_api.schemas.jobs import EXAMPLE_ID
from jobstream_api.services.schedules import Detail

EXAMPLE: dict[str, Any] = {
    "name": "nightly-report",
    "cron": "30 2 * * *",
    "timezone": "Europe/Berlin",
    "job": {"payload": {"task": "example", "value": 42}, "max_retries": 5},
    "overlap": "skip",
}
FIRED: dict[str, Any] = {
    "tick": "2026-10-01T00:30:00Z",
    "origin": "tick",
    "status": "fired",
    "reason": None,
    "job_id": EXAMPLE_ID,
}
SCHEDULE: dict[str, Any] = EXAMPLE | {
    "id": "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8f",
    "missed": "once",
    "missed_window_s": 3600.0,
    "paused": False,
    "next_at": "2026-10-02T00:30:00Z",
    "created_at": "2026-09-30T12:00:00.000000Z",
    "updated_at": "2026-09-30T12:00:00.000000Z",
    "next_fires": ["2026-10-02T02:30:00+02:00", "2026-10-03T02:30:00+02:00"],
    "last_fire": FIRED,
    "waiting": 0,
}
FIRES = {"next": SCHEDULE["next_fires"], "recent": [FIRED]}
EXAMPLES: dict[str, Any] = {
    "schedule": SCHEDULE,
    "fires": FIRES,
    "trigger": FIRED | {"tick": "2026-10-01T09:30:00.123456Z", "origin": "trigger"},
    "backfill": {"items": [FIRED | {"origin": "backfill"}]},
}
"""Example answers by the name that routes give them."""


class FireView(BaseModel):
    """What became of one tick."""

    tick: datetime = Field(description="The time that it is for, UTC.")
    origin: Origin = Field(description="It came by itself (`tick`), by hand (`trigger`), or by a `backfill`.")
    status: FireStatus = Field(description="`fired`: a job was made; `waiting`, `skipped`, `refused`: none was.")
    reason: str | None = Field(
        description="Why there is no job: `overlap`, `replaced` by a later tick, `queue_full`, or what was refused."
    )
    job_id: UUID | None


class ScheduleView(BaseModel):
    """A schedule."""

    id: UUID
    name: str
    cron: str
    timezone: str
    job: dict[str, Any] = Field(description="The job of each tick.")
    overlap: Overlap
    missed: Missed
    missed_window_s: float
    paused: bool
    next_at: datetime | None = Field(description="Its next tick, UTC; null while paused.")
    created_at: datetime
    updated_at: datetime


class ScheduleDetail(ScheduleView):
    """A schedule with what comes and what came."""

    next_fires: list[datetime] = Field(description="Its next 10 ticks, in its time zone; empty while paused.")
    last_fire: FireView | None = Field(description="What became of its latest tick.")
    waiting: int = Field(ge=0, description="Ticks that wait for an earlier job to end.")


class SchedulePage(BaseModel):
    """A page of schedules, newest first."""

    items: list[ScheduleView]
    next_cursor: str | None


class ScheduleFires(BaseModel):
    """What comes, and what came."""

    next: list[datetime] = Field(description="Next ticks, in the schedule's time zone; empty while paused.")
    recent: list[FireView] = Field(description="What became of its latest ticks, latest first; kept for 30 days.")


class Backfilled(BaseModel):
    """What became of each tick of the range."""

    items: list[FireView]


def schedule_view(row: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule's row as its JSON document."""
    return {name: row[name] for name in ScheduleView.model_fields} | {"id": str(row["id"])}


def detail_view(detail: Detail) -> dict[str, Any]:
    """A schedule with what comes and what came as its JSON document."""
    return schedule_view(detail.row) | {
        "next_fires": [tick.isoformat() for tick in detail.upcoming],
        "last_fire": fire_view(detail.recent[0]) if detail.recent else None,
        "waiting": detail.waiting,
    }


def fires_view(detail: Detail) -> dict[str, Any]:
    """What comes and what came as its JSON document."""
    return {
        "next": [tick.isoformat() for tick in detail.upcoming],
        "recent": [fire_view(fire) for fire in detail.recent],
    }


def fire_view(fire: Fire) -> dict[str, Any]:
    """What became of one tick as its JSON document."""
    view = {name: getattr(fire, name) for name in FireView.model_fields}
    return view | {"job_id": fire.job_id and str(fire.job_id)}
