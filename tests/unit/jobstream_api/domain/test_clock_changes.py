"""Ticks around both clock changes of a year, compared with an oracle that looks at every single minute.

The oracle knows nothing of cronsim: it walks through real time minute by minute, reads the clock of the
time zone, and applies what the docstring of the timetable says.
"""

from bisect import bisect_right
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import pytest

from jobstream_api.domain.timetable import Timetable

ANCHOR = datetime(2025, 1, 1, tzinfo=UTC)  # a past year: what lawmakers still change shows in newer zone data
MINUTE = timedelta(minutes=1)
SPAN = timedelta(hours=30)
"""How long before a change, and after it, ticks are compared."""
ZONES = [
    "Europe/Berlin",  # 02:00 to 03:00, and back
    "America/New_York",
    "Australia/Lord_Howe",  # half an hour
    "Pacific/Chatham",  # 02:45 to 03:45
    "Antarctica/Troll",  # two hours
    "America/Santiago",  # at midnight, as the next three; back to the day before
    "America/Havana",
    "Asia/Beirut",
    "Atlantic/Azores",
    "Africa/Cairo",  # on a Friday
]
EXPRESSIONS = [
    "*/7 * * * *",
    "45 * * * *",
    "0 */6 * * *",
    "0 */3 * * *",
    "* 9 * * *",
    "*/15 1-3 * * *",
    "0 */2 * * 0,5",
    "*/20 0 * * 0,5",
    "5,35 */2 1-7 4,9,10 *",
    "30 2 * * *",
    "0,20,40 0-4 * * *",
    "0 0 * * *",
    "30 23 * * 6",
    "15,50 0-3 * * 0,5",
    "10 1-23/2 1-10 * 0",
]


@pytest.mark.parametrize("timezone", ZONES)
@pytest.mark.parametrize("cron", EXPRESSIONS)
def test_ticks_are_those_that_a_look_at_every_minute_finds(cron, timezone):
    table = Timetable(cron, timezone, ANCHOR)
    for change in changes(timezone):
        wanted = list(oracle(cron, timezone, change))
        assert table.between(change - SPAN, change + SPAN, 10_000) == wanted
        for minutes in range(-180, 180, 17):  # whenever a leader asks, it hears the same
            moment = change + minutes * MINUTE
            for tick in wanted[bisect_right(wanted, moment) :][:1]:
                assert table.after(moment) == tick


@cache
def changes(timezone: str) -> list[datetime]:
    """When the clocks of a time zone change in the year."""
    zone = ZoneInfo(timezone)
    found = []
    for day in (ANCHOR + timedelta(days=number) for number in range(365)):
        offset = day.astimezone(zone).utcoffset()
        if (day + timedelta(days=1)).astimezone(zone).utcoffset() != offset:
            minutes = (day + number * MINUTE for number in range(1441))
            found.append(next(moment for moment in minutes if moment.astimezone(zone).utcoffset() != offset))
    assert len(found) == 2
    return found


@cache
def minutes_around(timezone: str, change: datetime) -> list[tuple[datetime, datetime]]:
    """Each minute of real time, and what the clock shows then."""
    zone = ZoneInfo(timezone)
    count = 2 * SPAN // MINUTE + 1
    moments = [change - SPAN + number * MINUTE for number in range(count)]
    return [(moment, moment.astimezone(zone).replace(tzinfo=None, fold=0)) for moment in moments]


def oracle(cron: str, timezone: str, change: datetime) -> Iterator[datetime]:
    minute, hour, *_ = cron.split()
    follows_real_time = minute.startswith("*") or hour.startswith("*")
    chosen = chooser(cron)
    shown = set[datetime]()
    before = None
    for moment, clock in minutes_around(timezone, change):
        if follows_real_time:
            ticks = chosen(clock)
        else:
            skipped = clock - before - MINUTE if before is not None else timedelta()
            ticks = clock not in shown and chosen(clock)
            ticks = ticks or any(chosen(clock - number * MINUTE) for number in range(1, skipped // MINUTE + 1))
            shown.add(clock)
            before = clock
        if ticks:
            yield moment


def chooser(cron: str):
    fields = cron.split()
    minutes, hours, days, months, weekdays = (
        numbers(field, *span) for field, span in zip(fields, [(0, 59), (0, 23), (1, 31), (1, 12), (0, 6)], strict=True)
    )
    both = fields[2].startswith("*") or fields[4].startswith("*")

    def chosen(clock: datetime) -> bool:
        if clock.minute not in minutes or clock.hour not in hours or clock.month not in months:
            return False
        of_month, of_week = clock.day in days, clock.isoweekday() % 7 in weekdays
        return (of_month and of_week) if both else (of_month or of_week)

    return chosen


def numbers(field: str, low: int, high: int) -> set[int]:
    found = set[int]()
    for term in field.split(","):
        span, _, step = term.partition("/")
        first, _, last = (f"{low}-{high}" if span == "*" else span).partition("-")
        found.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return found
