"""The policies for missed and for overlapping ticks."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobstream_api.domain.schedules import MAX_WAITING, FireStatus, Missed, Overlap, due, settle
from jobstream_api.domain.timetable import Timetable

NOW = datetime(2026, 5, 13, 12, 0, 30, tzinfo=UTC)
HOURLY = Timetable("@hourly", "UTC", NOW)
MINUTELY = Timetable("* * * * *", "UTC", NOW)


def hours(*numbers: int) -> list[datetime]:
    return [NOW.replace(hour=hour, second=0) for hour in numbers]


def decide(table: Timetable, mark: datetime, missed: Missed, *, window_s=3600.0, late_s=60.0, limit=20, now=NOW):
    return due(table, mark, now, missed=missed, window_s=window_s, late_s=late_s, limit=limit)


@pytest.mark.parametrize("missed", list(Missed))
def test_a_tick_that_is_hardly_late_fires_whatever_the_policy(missed):
    plan = decide(HOURLY, hours(12)[0], missed)
    assert (list(plan.ticks), plan.next_at, plan.dropped_until) == (hours(12), hours(13)[0], None)


@pytest.mark.parametrize("missed", list(Missed))
def test_before_its_time_nothing_fires(missed):
    plan = decide(HOURLY, hours(13)[0], missed)
    assert (list(plan.ticks), plan.next_at, plan.dropped_until) == ([], hours(13)[0], None)


def test_after_a_night_without_an_api_skip_fires_what_is_on_time_only():
    late = NOW + timedelta(minutes=10)
    assert list(decide(HOURLY, hours(3)[0], Missed.SKIP).ticks) == hours(12)
    plan = decide(HOURLY, hours(3)[0], Missed.SKIP, now=late)
    assert (list(plan.ticks), plan.next_at, plan.dropped_until) == ([], hours(13)[0], late)


def test_once_makes_up_for_the_last_one_only():
    plan = decide(HOURLY, hours(3)[0], Missed.ONCE, now=NOW + timedelta(minutes=10))
    assert (list(plan.ticks), plan.next_at, plan.dropped_until) == (hours(12), hours(13)[0], hours(12)[0])
    # One that is on time stands for those before it.
    assert list(decide(HOURLY, hours(3)[0], Missed.ONCE).ticks) == hours(12)
    assert decide(HOURLY, hours(12)[0], Missed.ONCE, now=NOW + timedelta(minutes=10)).dropped_until is None


def test_all_makes_up_for_the_window():
    plan = decide(HOURLY, hours(3)[0], Missed.ALL, window_s=4 * 3600)
    assert (list(plan.ticks), plan.next_at, plan.dropped_until) == (hours(9, 10, 11, 12), hours(13)[0], hours(9)[0])
    assert decide(HOURLY, hours(3)[0], Missed.ALL, window_s=86_400).dropped_until is None


def test_a_window_shorter_than_what_counts_as_late_drops_nothing_that_is_on_time():
    plan = decide(MINUTELY, NOW - timedelta(seconds=30), Missed.ALL, window_s=1.0)
    assert len(plan.ticks) == 1


def test_more_than_the_limit_stays_due():
    first = decide(MINUTELY, hours(10)[0], Missed.ALL, window_s=86_400, limit=50)
    assert (len(first.ticks), first.next_at) == (50, hours(10)[0] + timedelta(minutes=50))
    second = decide(MINUTELY, first.next_at, Missed.ALL, window_s=86_400, limit=50)
    assert second.ticks[0] == first.next_at


def test_an_expression_that_never_comes_again_has_no_next():
    class Over(Timetable):
        def after(self, moment):
            return None

    assert decide(Over("@hourly", "UTC", NOW), hours(12)[0], Missed.SKIP).next_at is None


@given(
    st.sampled_from(list(Missed)), st.integers(0, 5000), st.integers(1, 30), st.floats(0, 7200), st.floats(1, 100_000)
)
def test_turn_by_turn_nothing_fires_twice_early_or_outside_of_its_window(missed, minutes, limit, late_s, window_s):
    mark = NOW.replace(second=0) - timedelta(minutes=minutes)
    fired: list[datetime] = []
    while mark <= NOW:
        plan = decide(MINUTELY, mark, missed, window_s=window_s, late_s=late_s, limit=limit)
        fired += plan.ticks
        assert plan.next_at > mark
        mark = plan.next_at
    assert fired == sorted(set(fired))
    assert all(tick <= NOW for tick in fired)
    recent = MINUTELY.between(
        max(NOW.replace(second=0) - timedelta(minutes=minutes), NOW - timedelta(seconds=late_s)), NOW, 10_000
    )
    assert fired[len(fired) - len(recent) :] == recent
    older = fired[: len(fired) - len(recent)]
    match missed:
        case Missed.SKIP:
            assert older == []
        case Missed.ONCE:
            assert len(older) <= (0 if recent else 1)
        case Missed.ALL:
            assert all(tick >= NOW - timedelta(seconds=window_s) for tick in older)


def said(overlap, ticks, *, busy=False, waiting=0):
    return [reason or status.value for status, reason in settle(overlap, ticks, busy=busy, waiting=waiting)]


@pytest.mark.parametrize("busy", [False, True])
def test_allow_fires_everything(busy):
    assert said(Overlap.ALLOW, 3, busy=busy, waiting=5) == ["fired"] * 3


def test_skip_fires_one_if_nothing_is_under_way():
    assert said(Overlap.SKIP, 3) == ["fired", "overlap", "overlap"]
    assert said(Overlap.SKIP, 2, busy=True) == ["overlap", "overlap"]


def test_queue_fires_one_and_lets_the_others_wait_up_to_a_bound():
    assert said(Overlap.QUEUE, 3) == ["fired", "waiting", "waiting"]
    assert said(Overlap.QUEUE, 1, busy=True) == ["waiting"]
    assert said(Overlap.QUEUE, 1, waiting=1) == ["waiting"]
    assert said(Overlap.QUEUE, 3, busy=True, waiting=MAX_WAITING - 1) == ["waiting", "queue_full", "queue_full"]


def test_cancel_older_fires_the_last():
    assert said(Overlap.CANCEL_OLDER, 3) == ["replaced", "replaced", "fired"]
    assert said(Overlap.CANCEL_OLDER, 1) == ["fired"]


@given(st.sampled_from(list(Overlap)), st.integers(0, 50), st.booleans(), st.integers(0, 2000))
def test_each_tick_has_one_verdict_and_only_allow_starts_a_second_job(overlap, ticks, busy, waiting):
    busy = busy and overlap is not Overlap.CANCEL_OLDER  # which leaves nothing under way
    verdicts = settle(overlap, ticks, busy=busy, waiting=waiting)
    assert len(verdicts) == ticks
    if overlap is not Overlap.ALLOW:
        fired = sum(status is FireStatus.FIRED for status, _ in verdicts)
        assert fired <= (0 if busy else 1)
