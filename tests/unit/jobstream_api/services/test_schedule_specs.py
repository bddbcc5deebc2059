"""Documents of schedules and backfills, and the job of a tick."""

from datetime import UTC, datetime, timedelta

import pytest

from jobstream.clock import SystemClock
from jobstream.errors import InvalidInput
from jobstream.ids import new_id
from jobstream_api.domain.schedules import Missed, Overlap
from jobstream_api.services.drafts import Drafter
from jobstream_api.services.firing import job_of
from jobstream_api.services.schedule_specs import MAX_BACK, read_backfill, read_schedule
from jobstream_api.settings import ApiSettings
from tests.support.offline import offline_catalogue

NOW = datetime(2026, 5, 13, 12, 0, tzinfo=UTC)
LEAST = {"name": "nightly", "cron": "@daily", "job": {"payload": {"task": "example"}}}


@pytest.fixture
def drafter() -> Drafter:
    return Drafter(offline_catalogue(), lambda *_job: None, ApiSettings(_env_file=None), SystemClock(), new_id)


def test_the_least_document_has_the_defaults(drafter):
    spec = read_schedule(LEAST, drafter, NOW)
    fields = spec.fields
    assert (fields.timezone, fields.overlap, fields.missed, fields.missed_window_s, fields.paused) == (
        "UTC",
        Overlap.ALLOW,
        Missed.ONCE,
        3600.0,
        False,
    )
    assert spec.job == {"payload": {"task": "example"}}


def test_of_the_job_is_kept_what_a_submit_would_read(drafter):
    job = {"payload": {"task": "example"}, "queue": "high", "tags": ["a"], "comment": "ignored by a submit too"}
    spec = read_schedule(LEAST | {"job": job}, drafter, NOW)
    assert spec.job == {"payload": {"task": "example"}, "queue": "high", "tags": ["a"]}


def test_a_job_that_was_checked_before_is_not_judged_again(drafter):
    gone = LEAST | {"job": {"payload": {"task": "gone"}}, "paused": True}
    with pytest.raises(InvalidInput, match="unknown_type"):
        read_schedule(gone, drafter, NOW)
    assert read_schedule(gone, drafter, NOW, check_job=False).fields.paused


def test_eighteen_tags_leave_room_for_ours(drafter):
    job = {"payload": {"task": "example"}, "tags": [f"t{n}" for n in range(18)]}
    longest = LEAST | {"name": "n" * 80, "job": job}
    spec = read_schedule(longest, drafter, NOW)
    draft = drafter.draft(job_of(spec.job, spec.fields.name, NOW))
    assert draft.fields.tags[18:] == [f"schedule:{'n' * 80}", "tick:2026-05-13T12:00:00Z"]


def backfill(start: datetime, end: datetime, **more):
    return read_backfill({"from": start.isoformat(), "to": end.isoformat(), **more}, NOW)


def test_a_range_of_the_past_is_taken():
    wanted = backfill(NOW - timedelta(days=1), NOW, overlap="queue")
    assert (wanted.start, wanted.end, wanted.overlap) == (NOW - timedelta(days=1), NOW, Overlap.QUEUE)


@pytest.mark.parametrize(
    ("start", "end", "more", "field"),
    [
        (NOW - timedelta(1), NOW + timedelta(seconds=1), {}, "/to"),
        (NOW, NOW, {}, "/from"),
        (NOW - MAX_BACK - timedelta(1), NOW, {}, "/from"),
        (datetime(1, 1, 1, tzinfo=UTC), NOW, {}, "/from"),
        (NOW - timedelta(1), NOW, {"overlap": "skip"}, "/overlap"),
        (NOW - timedelta(1), NOW, {"overlap": "cancel_older"}, "/overlap"),
        (NOW - timedelta(1), NOW, {"limit": 5}, "/limit"),
    ],
)
def test_other_ranges_are_refused(start, end, more, field):
    with pytest.raises(InvalidInput) as refused:
        backfill(start, end, **more)
    assert refused.value.field == field


def test_a_range_before_the_first_of_ticks_is_refused_with_where_they_begin():
    document = {"from": (NOW - timedelta(2)).isoformat(), "to": (NOW - timedelta(1)).isoformat()}
    with pytest.raises(InvalidInput, match="counts from 2026-05-12T12:00:00Z") as refused:
        read_backfill(document, NOW, NOW - timedelta(1))
    assert refused.value.field == "/from"
    # A part of the range will do.
    assert read_backfill(document, NOW, NOW - timedelta(days=1, seconds=1)).end == NOW - timedelta(1)


@pytest.mark.parametrize("document", [{}, {"from": "2026-05-01T00:00:00Z"}, {"from": "yesterday", "to": "now"}, []])
def test_what_is_no_range(document):
    with pytest.raises(InvalidInput):
        read_backfill(document, NOW)
