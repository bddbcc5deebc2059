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


@pytest.mark.parametrize(
    ("cron", "after", "first"),
    [
        ("0 */6 * * *", "2026-10-03T13:30:00Z", ["2026-10-04T06:00:00+11:00", "2026-10-04T12:00:00+11:00"]),
        ("0 */6 * * *", "2026-04-04T13:30:00Z", ["2026-04-05T06:00:00+10:30", "2026-04-05T12:00:00+10:30"]),
        ("0 */3 * * *", "2026-10-03T13:30:00Z", ["2026-10-04T03:00:00+11:00", "2026-10-04T06:00:00+11:00"]),
        ("*/10 9 * * *", "2026-10-03T13:30:00Z", ["2026-10-04T09:00:00+11:00", "2026-10-04T09:10:00+11:00"]),
        ("* 9 * * *", "2026-04-04T13:30:00Z", ["2026-04-05T09:00:00+10:30", "2026-04-05T09:01:00+10:30"]),
        ("*/15 3 * * *", "2026-10-03T13:30:00Z", ["2026-10-04T03:00:00+11:00", "2026-10-04T03:15:00+11:00"]),
        ("*/15 2 * * *", "2026-10-03T13:30:00Z", ["2026-10-04T02:30:00+11:00", "2026-10-04T02:45:00+11:00"]),
        ("45 * * * *", "2026-04-04T14:30:00Z", ["2026-04-05T01:45:00+11:00", "2026-04-05T01:45:00+10:30"]),
    ],
)
def test_no_hour_is_lost_where_clocks_change_by_half_an_hour(cron, after, first):
    assert ticks(cron, "Australia/Lord_Howe", after, 2) == first


def test_no_quarter_is_lost_where_clocks_change_in_the_middle_of_an_hour():
    # Chatham: 02:45 to 03:45 on 2026-09-27, and 03:45 back to 02:45 on 2026-04-05.
    assert ticks("*/15 3 * * *", "Pacific/Chatham", "2026-09-26T12:00:00Z", 2) == [
        "2026-09-27T03:45:00+13:45",
        "2026-09-28T03:00:00+13:45",
    ]
    assert ticks("*/45 2 * * *", "Pacific/Chatham", "2026-04-04T12:00:00Z", 4) == [
        "2026-04-05T02:00:00+13:45",
        "2026-04-05T02:45:00+13:45",
        "2026-04-05T02:45:00+12:45",
        "2026-04-06T02:00:00+12:45",
    ]


@pytest.mark.parametrize(
    ("cron", "timezone", "after", "first"),
    [
        ("0 */2 * * SUN", "America/Santiago", "2026-09-05T12:00:00Z", "2026-09-06T02:00:00-03:00"),
        ("*/20 0 * * SUN", "America/Santiago", "2026-09-05T12:00:00Z", "2026-09-13T00:00:00-03:00"),
        ("0 */2 * 9 SUN", "America/Santiago", "2026-08-05T12:00:00Z", "2026-09-06T02:00:00-03:00"),
        ("0 */2 * * SUN", "Asia/Beirut", "2026-03-28T12:00:00Z", "2026-03-29T02:00:00+03:00"),
        ("0 */2 * * SUN", "America/Havana", "2026-03-07T12:00:00Z", "2026-03-08T02:00:00-04:00"),
        ("0 */2 * * SUN", "Atlantic/Azores", "2026-03-28T12:00:00Z", "2026-03-29T02:00:00+00:00"),
        ("0 */2 * * FRI", "Africa/Cairo", "2026-04-23T12:00:00Z", "2026-04-24T02:00:00+03:00"),
    ],
)
def test_what_follows_real_time_leaves_out_a_midnight_that_does_not_exist(cron, timezone, after, first):
    assert ticks(cron, timezone, after, 1) == [first]


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


def test_only_every_counts_from_somewhere():
    assert Timetable("@every 90s", BERLIN, ANCHOR).since == ANCHOR
    assert Timetable("* * * * *", BERLIN, ANCHOR).since is None


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
    ("cron", "first"),
    [
        ("10-10/5 * * * *", ["2026-05-13T13:10:00+00:00", "2026-05-13T14:10:00+00:00"]),
        ("0 0 5-5/3 * *", ["2026-06-05T00:00:00+00:00", "2026-07-05T00:00:00+00:00"]),
        ("0 0 * * sun-0/2", ["2026-05-17T00:00:00+00:00", "2026-05-24T00:00:00+00:00"]),
        ("50,10-10/5 * * * *", ["2026-05-13T12:50:00+00:00", "2026-05-13T13:10:00+00:00"]),
        ("40-40/5 0 0 * * *", ["2026-05-14T00:00:40+00:00", "2026-05-15T00:00:40+00:00"]),
        ("50/5 * * * *", ["2026-05-13T12:50:00+00:00", "2026-05-13T12:55:00+00:00"]),  # from 50, as cron has it
    ],
)
def test_a_step_stays_within_its_range(cron, first):
    assert ticks(cron, "UTC", "2026-05-13T12:34:56Z", 2) == first


@pytest.mark.parametrize(
    ("cron", "why"),
    [
        ("*/90 * * * *", "a step of 90 is beyond 59 minutes; write @every 90m"),
        ("0 */36 * * *", "a step of 36 is beyond 23 hours; write @every 36h"),
        ("*/75 * * * * *", "a step of 75 is beyond 59 seconds; write @every 75s"),
        ("0 0 */45 * *", "a step of 45 is beyond 31 days; write @every 45d"),
        ("0 0 * * 0/14", "a step of 14 is beyond 7 days; write @every 14d"),
        ("0 0 1 */18 *", "a step of 18 is beyond 12 months; name the months"),
        ("5,10-50/70 * * * *", "a step of 70 is beyond 59 minutes; write @every 70m"),
        (f"*/{'9' * 100} * * * *", f"a step of {'9' * 100} is beyond 59 minutes; name the minutes"),
    ],
)
def test_a_step_that_leaves_the_field_is_refused_with_what_to_write(cron, why):
    with pytest.raises(InvalidInput) as refused:
        Timetable(cron, "UTC", ANCHOR)
    assert (refused.value.field, refused.value.detail) == ("/cron", why)


@pytest.mark.parametrize("cron", ["*/59 * * * *", "0 */23 * * *", "0 0 */31 * *", "0 0 1 */12 *", "0 0 * * */7"])
def test_the_longest_steps(cron):
    assert Timetable(cron, "UTC", ANCHOR).after(ANCHOR) is not None


@pytest.mark.parametrize(
    ("cron", "part", "instead"),
    [
        ("0 22-2 * * *", "hour 22-2", "22-23,0-2"),
        ("0 9 * * FRI-SUN", "day of week FRI-SUN", "5-7"),
        ("0 9 * * sat-mon", "day of week sat-mon", "6-7,1"),
        ("0 9 * * 7-3", "day of week 7-3", "7,1-3"),
        ("0 0 1 NOV-FEB *", "month NOV-FEB", "11-12,1-2"),
        ("5-1 * * * *", "minute 5-1", "5-59,0-1"),
        ("30-10 * * * * *", "second 30-10", "30-59,0-10"),
        ("0 0 28-3 * *", "day of month 28-3", "28-31,1-3"),
        ("0 12,20-4/3 * * *", "hour 20-4/3", "20,23,2"),
        ("0 9 * * FRI-SUN/2", "day of week FRI-SUN/2", "5,7"),
    ],
)
def test_a_range_that_wraps_is_refused_with_what_to_write(cron, part, instead):
    with pytest.raises(InvalidInput) as refused:
        Timetable(cron, "UTC", ANCHOR)
    assert (refused.value.code, refused.value.field) == ("invalid_cron", "/cron")
    assert refused.value.detail == f"{part} wraps, which a range may not; write {instead}"
    field = part.split()[-1]
    assert Timetable(cron.replace(field, instead), "UTC", ANCHOR).after(ANCHOR) is not None


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


@settings(max_examples=300)
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


@settings(max_examples=100)
@given(st.text(max_size=40))
def test_any_text_is_refused_in_words_or_taken(text):
    try:
        Timetable(text, "UTC", ANCHOR)
    except InvalidInput as refused:
        assert refused.field == "/cron"  # noqa: PT017
