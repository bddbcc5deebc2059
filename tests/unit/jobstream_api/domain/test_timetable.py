"""When ticks come: fields, nicknames, @every, and both clock changes."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jobstream.errors import InvalidInput
from jobstream_api.domain.timetable import Timetable

ANCHOR = datetime(2026, 1, 1, 10, 0, tzinfo=UTC)
BERLIN = "Europe/Berlin"


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def ticks(cron: str, timezone: str, after: str, count: int) -> list[str]:
    """The next ticks as the clocks of the time zone show them, without seconds that are zero."""
    table = Timetable(cron, timezone, ANCHOR)
    return [table.local(tick).isoformat() for tick in table.next(at(after), count)]


# Clocks in Berlin go from 02:00 to 03:00 on 2026-03-29, and from 03:00 back to 02:00 on 2026-10-25.


def test_a_fixed_time_that_is_skipped_fires_right_after_the_gap():
    assert ticks("30 2 * * *", BERLIN, "2026-03-28T12:00:00Z", 2) == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:30:00+02:00",
    ]


def test_several_fixed_times_in_the_gap_fire_once():
    assert ticks("0,20,40 2 * * *", BERLIN, "2026-03-28T12:00:00Z", 2) == [
        "2026-03-29T03:00:00+02:00",
        "2026-03-30T02:00:00+02:00",
    ]


def test_a_fixed_time_that_comes_twice_fires_the_first_time():
    assert ticks("30 2 * * *", BERLIN, "2026-10-24T12:00:00Z", 2) == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ]


@pytest.mark.parametrize("after", ["2026-10-25T00:30:00Z", "2026-10-25T01:05:00Z", "2026-10-25T01:45:00Z"])
def test_asked_between_the_two_it_does_not_fire_the_second_time(after):
    assert ticks("30 2 * * *", BERLIN, after, 1) == ["2026-10-26T02:30:00+01:00"]


def test_every_hour_leaves_out_the_skipped_and_fires_in_both_of_the_repeated():
    assert ticks("30 * * * *", BERLIN, "2026-03-29T00:00:00Z", 2) == [
        "2026-03-29T01:30:00+01:00",
        "2026-03-29T03:30:00+02:00",
    ]
    assert ticks("30 * * * *", BERLIN, "2026-10-24T23:45:00Z", 3) == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-25T02:30:00+01:00",
        "2026-10-25T03:30:00+01:00",
    ]


def test_six_fields_choose_minutes_by_the_same_rules_and_then_seconds():
    assert ticks("15,45 30 2 * * *", BERLIN, "2026-03-28T12:00:00Z", 3) == [
        "2026-03-29T03:00:15+02:00",
        "2026-03-29T03:00:45+02:00",
        "2026-03-30T02:30:15+02:00",
    ]
    assert ticks("0 30 2 * * *", BERLIN, "2026-10-24T12:00:00Z", 2) == [
        "2026-10-25T02:30:00+02:00",
        "2026-10-26T02:30:00+01:00",
    ]


def test_midnight_that_does_not_exist():
    # Havana's clocks go from 00:00 to 01:00.
    assert ticks("0 0 * * *", "America/Havana", "2026-03-07T12:00:00Z", 2) == [
        "2026-03-08T01:00:00-04:00",
        "2026-03-09T00:00:00-04:00",
    ]


def test_clocks_that_change_by_half_an_hour():
    # Lord Howe: 02:00 to 02:30 on 2026-10-04, and 02:00 back to 01:30 on 2026-04-05.
    assert ticks("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 2) == [
        "2026-10-04T02:30:00+11:00",
        "2026-10-05T02:15:00+11:00",
    ]
    assert ticks("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T00:00:00Z", 2) == [
        "2026-04-05T01:45:00+11:00",
        "2026-04-06T01:45:00+10:30",
    ]


def test_seconds_of_the_minute_under_way():
    assert ticks("*/20 * * * * *", "UTC", "2026-03-28T12:00:05.5Z", 3) == [
        "2026-03-28T12:00:20+00:00",
        "2026-03-28T12:00:40+00:00",
        "2026-03-28T12:01:00+00:00",
    ]
    assert ticks("20 * * * * *", "UTC", "2026-03-28T12:00:20Z", 1) == ["2026-03-28T12:01:20+00:00"]
    assert ticks("20 * * * * *", "UTC", "2026-03-28T12:00:19.999999Z", 1) == ["2026-03-28T12:00:20+00:00"]


@pytest.mark.parametrize(
    ("cron", "first"),
    [
        ("@hourly", "2026-05-13T13:00:00+00:00"),
        ("@daily", "2026-05-14T00:00:00+00:00"),
        ("@midnight", "2026-05-14T00:00:00+00:00"),
        ("@weekly", "2026-05-17T00:00:00+00:00"),
        ("@monthly", "2026-06-01T00:00:00+00:00"),
        ("@YEARLY", "2027-01-01T00:00:00+00:00"),
        ("@annually", "2027-01-01T00:00:00+00:00"),
        ("0 9 * * MON-FRI", "2026-05-14T09:00:00+00:00"),
        ("0 0 L * *", "2026-05-31T00:00:00+00:00"),
        ("0 0 29 2 *", "2028-02-29T00:00:00+00:00"),
        ("0 0 1 * 1", "2026-05-18T00:00:00+00:00"),  # either of the two, as cron has it
    ],
)
def test_what_may_be_written(cron, first):
    assert ticks(cron, "UTC", "2026-05-13T12:34:56Z", 1) == [first]


@pytest.mark.parametrize(
    ("cron", "seconds"),
    [("@every 90s", 90), ("@every 1h30m", 5400), ("@Every 1d", 86_400), ("@every 1d1h1m1s", 90_061)],
)
def test_every_counts_from_the_anchor(cron, seconds):
    table = Timetable(cron, BERLIN, ANCHOR)
    step = timedelta(seconds=seconds)
    assert table.after(ANCHOR - timedelta(days=9)) == ANCHOR + step
    assert table.after(ANCHOR) == ANCHOR + step
    assert table.after(ANCHOR + step - timedelta(microseconds=1)) == ANCHOR + step
    assert table.next(ANCHOR + 7 * step, 2) == [ANCHOR + 8 * step, ANCHOR + 9 * step]


@pytest.mark.parametrize(
    "cron",
    [
        "",
        "* * * *",
        "* * * * * * *",
        "60 * * * *",
        "60 * * * * *",
        "* 24 * * *",
        "* * 0 * *",
        "*/0 * * * *",
        "5-1 * * * *",
        "0 0 30 2 *",
        "0 0 31 4,6 *",
        "@reboot",
        "@every",
        "@every 0s",
        "@every 1.5h",
        "@every 367d",
        "@every 90",
        "@every -5s",
        "１ * * * *",
        "* * * * *\0",
        ",".join(["1"] * 200) + " * * * *",
    ],
)
def test_what_is_no_expression_is_refused_with_the_field(cron):
    with pytest.raises(InvalidInput) as refused:
        Timetable(cron, "UTC", ANCHOR)
    assert (refused.value.code, refused.value.field) == ("invalid_cron", "/cron")


@pytest.mark.parametrize(
    "timezone", ["", "utc", "Mars/Olympus", "Europe", "../../etc/passwd", "/etc/localtime", "localtime", "right/UTC"]
)
def test_what_is_no_time_zone_is_refused_with_the_field(timezone):
    with pytest.raises(InvalidInput) as refused:
        Timetable("* * * * *", timezone, ANCHOR)
    assert (refused.value.code, refused.value.field) == ("invalid_timezone", "/timezone")


FIELD = st.sampled_from(
    ["*", "*/7", "0", "2", "3", "1,5", "2-4", "L", "LW", "#", "MON#2", "5L", "JAN", "99", "1/2/3", "-"]
)
ZONES = st.sampled_from(["UTC", BERLIN, "America/Havana", "Australia/Lord_Howe", "Asia/Kathmandu", "Africa/Casablanca"])
MOMENTS = st.datetimes(datetime(2024, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))


@settings(max_examples=300, deadline=None)
@given(st.lists(FIELD, min_size=5, max_size=6), ZONES, MOMENTS)
def test_every_expression_is_refused_or_has_growing_ticks_that_agree_with_each_other(fields, timezone, moment):
    try:
        table = Timetable(" ".join(fields), timezone, ANCHOR)
    except InvalidInput as refused:
        assert refused.code == "invalid_cron"  # noqa: PT017
        return
    found = table.next(moment, 6)
    assert len(found) == 6
    assert moment < found[0]
    assert found == sorted(set(found))
    # Asked anew from any of them, the rest is the same: what a leader fires does not depend on who led before.
    for place, tick in enumerate(found[:-1]):
        assert table.after(tick) == found[place + 1]
    assert table.between(found[0], found[-1], 100) == found
    assert table.between(found[0], found[-1], 3) == found[:3]
    assert table.last(found[0], found[-1]) == found[-1]
    assert table.last(found[0], found[-1] - timedelta(microseconds=1)) == found[-2]
    assert table.last(found[-1] + timedelta(microseconds=1), table.after(found[-1]) - timedelta(seconds=1)) is None


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_refused_in_words_or_taken(text):
    try:
        Timetable(text, "UTC", ANCHOR)
    except InvalidInput as refused:
        assert refused.field == "/cron"  # noqa: PT017
