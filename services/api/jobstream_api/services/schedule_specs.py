"""Schedules as people write them: the documents of POST, PATCH and backfill, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from jobstream.contracts.jobs import Moment
from jobstream.contracts.limits import MAX_TAGS
from jobstream.contracts.schedules import Missed, Overlap
from jobstream.errors import InvalidInput
from jobstream_api.domain.timetable import MAX_EXPRESSION, Timetable
from jobstream_api.services.drafts import Drafter, NewJob
from jobstream_api.services.firing import TAGS, job_of
from jobstream_api.services.strict import Strict

MAX_WINDOW_S = 31 * 86_400
MAX_BACKFILL = 1000
MAX_BACK = timedelta(days=3660)
NAME = r"^[a-z0-9_.-]{1,80}$"
_NOT_OF_A_SCHEDULE = ("run_at", "delay_s")


class NewSchedule(Strict):
    """When which job runs."""

    name: str = Field(
        pattern=NAME, description="Unique. Jobs carry it in the tag `schedule:NAME`.", examples=["nightly-report"]
    )
    cron: str = Field(
        min_length=1,
        max_length=MAX_EXPRESSION,
        description="Five fields (minute, hour, day of month, month, day of week), six with the second first, "
        "`@hourly`, `@daily`, `@weekly`, `@monthly`, `@yearly`, or `@every 1h30m`.",
        examples=["30 2 * * *"],
    )
    timezone: str = Field(
        "UTC", min_length=1, max_length=64, description="IANA time zone of `cron`.", examples=["Europe/Berlin"]
    )
    job: dict[str, Any] = Field(
        description="The job of each tick, as `POST /jobs` takes it, without `run_at` and `delay_s`."
    )
    overlap: Annotated[Overlap, Field(strict=False)] = Field(
        Overlap.ALLOW,
        description="While a job of an earlier tick is under way: `allow` runs both, `skip` leaves the tick out, "
        "`queue` lets it wait, `cancel_older` cancels the earlier one and then runs.",
    )
    missed: Annotated[Missed, Field(strict=False)] = Field(
        Missed.ONCE,
        description="Ticks that came while no api was running: `skip` leaves them out, `once` makes up for the last "
        "one, `all` for each that is not older than `missed_window_s`.",
    )
    missed_window_s: float = Field(3600.0, gt=0, le=MAX_WINDOW_S, description="For `all`: seconds.")
    paused: bool = Field(False, description="Paused schedules do not fire, and their ticks are not missed.")


class NewBackfill(Strict):
    """Ticks of the past to be made up for."""

    start: Moment = Field(alias="from", description="The first tick may be at this time (RFC 3339).")
    end: Moment = Field(alias="to", description="All ticks are before this time, which is not in the future.")
    overlap: Annotated[Overlap | None, Field(strict=False)] = Field(
        None,
        description="`allow`: all jobs at once; `queue`: one after another. Default: `allow` if that is the schedule's "
        "policy, else `queue`.",
    )


@dataclass(frozen=True, slots=True)
class Spec:
    """A schedule that passed every check."""

    fields: NewSchedule
    job: dict[str, Any]

    def timetable(self, anchor: datetime) -> Timetable:
        """Its ticks, with ``@every`` counted from ``anchor``."""
        return Timetable(self.fields.cron, self.fields.timezone, anchor)


def read_schedule(document: Any, drafter: Drafter, now: datetime, *, check_job: bool = True) -> Spec:
    """A schedule from its document.

    Args:
        check_job: False if the job is one that was checked before: its type may ask for something else by now.

    Raises:
        InvalidInput: with the field and the fix.
    """
    fields = NewSchedule.read(document)
    if as_id(fields.name) is not None:
        raise InvalidInput("invalid_field", "/name", "must not be a UUID: schedules are found by name or id")
    spec = Spec(fields, {name: fields.job[name] for name in NewJob.model_fields if name in fields.job})
    spec.timetable(now)
    if check_job:
        _check_job(spec, drafter, now)
    return spec


def _check_job(spec: Spec, drafter: Drafter, now: datetime) -> None:
    for name in _NOT_OF_A_SCHEDULE:
        if spec.job.get(name) is not None:
            raise InvalidInput("invalid_field", f"/job/{name}", "leave it out: the schedule's ticks say when")
    tags = spec.job.get("tags", [])
    if isinstance(tags, list) and len(tags) > MAX_TAGS - TAGS:
        raise InvalidInput(
            "invalid_field", "/job/tags", f"at most {MAX_TAGS - TAGS}: the schedule adds {TAGS} of its own"
        )
    try:
        # Its own tags first: what is wrong with them must not be taken for a fault of ours.
        drafter.draft(spec.job)
        drafter.draft(job_of(spec.job, spec.fields.name, now))
    except InvalidInput as error:
        raise InvalidInput(error.code, f"/job{error.field}"[:1000], error.detail) from None


def read_backfill(document: Any, now: datetime, since: datetime | None = None) -> NewBackfill:
    """A range from its document.

    Args:
        since: the schedule has no ticks before; None if they have no beginning.

    Raises:
        InvalidInput: with the field and the fix.
    """
    wanted = NewBackfill.read(document)
    if wanted.end > now:
        raise InvalidInput("invalid_field", "/to", "is in the future; those ticks will come by themselves")
    if wanted.start < now - MAX_BACK:
        raise InvalidInput("invalid_field", "/from", f"is more than {MAX_BACK.days} days ago")
    if wanted.start >= wanted.end:
        raise InvalidInput("invalid_field", "/from", "must be before `to`")
    if since is not None and wanted.end <= since:
        raise InvalidInput(
            "invalid_field",
            "/from",
            f"@every counts from {since:%FT%TZ}, when the schedule was made or its cron or timezone last changed; "
            "ask for a later range",
        )
    if wanted.overlap not in (None, Overlap.ALLOW, Overlap.QUEUE):
        raise InvalidInput("invalid_field", "/overlap", "a backfill takes allow or queue")
    return wanted


def as_document(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a schedule's row was made of."""
    return {name: row[name] for name in NewSchedule.model_fields}


def as_id(name: str) -> UUID | None:
    """The id in a name-or-id, or None if it is a name."""
    try:
        return UUID(name)
    except ValueError:
        return None
