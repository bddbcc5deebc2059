"""When a schedule's ticks come: cron expressions, ``@every``, time zones. Pure.

Five fields are cron's: minute, hour, day of month, month, day of week. With six, the first one is
the second: the other five choose minutes, by exactly the same rules, and the first the seconds of
each such minute. ``@every 90s`` counts from an anchor, whatever the time zone.

Clock changes are handled as Debian's cron does. A schedule with a fixed hour and minute whose time is
skipped fires right after the gap, and one whose time comes twice fires the first time only. A
schedule whose minute or hour begins with a star follows real time: it fires in both of the repeated
hours, and not in the skipped one.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice, takewhile
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from jobstream.errors import InvalidInput
from jobstream_api.domain.walker import Walker

MAX_EXPRESSION = 200
MAX_EVERY = timedelta(days=366)
NICKNAMES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_EVERY = re.compile(r"@every\s+((?:[0-9]{1,9}[dhms])+)", re.IGNORECASE)
_ZONE = re.compile(r"[A-Z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+){0,2}")
_FIELDS = re.compile(r"[0-9A-Za-z*/,#\s-]+")
_HINT = "write five fields (minute hour day month weekday), six with the second first, @hourly, or @every 90s"
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_TERM = re.compile(r"(\*|[0-9A-Z]+)(?:-([0-9A-Z]+))?(?:/([0-9]+))?", re.IGNORECASE)
_REPEATED = 10_000  # no clock was ever set back by more than so many ticks of one minute each


@dataclass(frozen=True, slots=True)
class _Field:
    """One field of an expression.

    Attributes:
        counts: what its numbers are.
        unit: that of ``@every`` for the same; empty if there is none.
        names: of its numbers, from the lowest on.
    """

    name: str
    lowest: int
    highest: int
    counts: str
    unit: str
    names: tuple[str, ...] = ()

    def number(self, text: str) -> int | None:
        """What a number or name stands for; None if it is not of this field."""
        if text.upper() in self.names:
            return self.lowest + self.names.index(text.upper())
        return int(text) if text.isdigit() and self.lowest <= int(text) <= self.highest else None


_ALL_FIELDS = (
    _Field("second", 0, 59, "seconds", "s"),
    _Field("minute", 0, 59, "minutes", "m"),
    _Field("hour", 0, 23, "hours", "h"),
    _Field("day of month", 1, 31, "days", "d"),
    _Field("month", 1, 12, "months", "", _MONTHS),
    _Field("day of week", 0, 7, "days", "d", _WEEKDAYS),
)


class Timetable:
    """The ticks of one expression in one time zone.

    Args:
        expression: cron's five fields, six with the second first, a nickname, or ``@every``.
        timezone: IANA name, e.g. ``Europe/Berlin``.
        anchor: ``@every`` counts from here.

    Raises:
        InvalidInput: ``invalid_cron`` at /cron, or ``invalid_timezone`` at /timezone.
    """

    def __init__(self, expression: str, timezone: str, anchor: datetime) -> None:
        self._zone = _zone(timezone)
        self._anchor = anchor
        self._every = _every(expression)
        self._minutes = ""
        self._seconds = [0]
        if self._every is None:
            self._minutes, self._seconds = _fields(expression, anchor)
            if next(self._after(anchor), None) is None:
                raise InvalidInput("invalid_cron", "/cron", f"{expression!r} never comes in 50 years; {_HINT}")

    @property
    def since(self) -> datetime | None:
        """What ``@every`` counts from, there is no tick before; None if the ticks have no beginning."""
        return None if self._every is None else self._anchor

    def after(self, moment: datetime) -> datetime | None:
        """The first tick later than ``moment``, in UTC; None if none comes in 50 years."""
        return next(self._after(moment), None)

    def next(self, moment: datetime, count: int) -> list[datetime]:
        """The first ``count`` ticks later than ``moment``."""
        return list(islice(self._after(moment), count))

    def between(self, start: datetime, end: datetime, limit: int) -> list[datetime]:
        """The ticks from ``start`` to ``end``, both included; the first ``limit`` of them."""
        ticks = self._after(start - timedelta(microseconds=1))
        return list(islice(takewhile(lambda tick: tick <= end, ticks), limit))

    def last(self, start: datetime, end: datetime) -> datetime | None:
        """The last tick from ``start`` to ``end``, both included; found by halving, however many there are."""
        low, high = _floor(start) - timedelta(seconds=1), _floor(end)
        tick = self.after(low)
        if tick is None or tick > end:
            return None
        while (seconds := (high - low) // timedelta(seconds=1)) > 0:
            middle = low + timedelta(seconds=(seconds + 1) // 2)
            later = self.after(middle)
            if later is not None and later <= end:
                low, tick = middle, later
            else:
                high = middle - timedelta(seconds=1)
        return tick if tick >= start else None

    def local(self, tick: datetime) -> datetime:
        """A tick as the clocks of the time zone show it."""
        return tick.astimezone(self._zone)

    def _after(self, moment: datetime) -> Iterator[datetime]:
        if self._every is not None:
            turns = (moment - self._anchor) // self._every + 1
            tick = self._anchor + max(turns, 1) * self._every
            while True:
                yield tick
                tick += self._every
        # The minute under way may have further seconds.
        for minute in self._minutes_after(_floor(moment).replace(second=0) - timedelta(seconds=1)):
            first = 0 if minute > moment else bisect_right(self._seconds, (moment - minute).total_seconds())
            for second in self._seconds[first:]:
                yield minute + timedelta(seconds=second)

    def _minutes_after(self, moment: datetime) -> Iterator[datetime]:
        last, repeats = moment, 0
        for tick in Walker(self._minutes, moment.astimezone(self._zone)):
            minute = tick.astimezone(UTC)
            if minute > last:
                yield minute
                last, repeats = minute, 0
            else:  # begun inside a repeated hour, which comes only once for a schedule of fixed times
                repeats += 1
                if repeats > _REPEATED:
                    return


@lru_cache(maxsize=4096)
def timetable(expression: str, timezone: str, anchor: datetime) -> Timetable:
    """A Timetable that is kept, for what asks often. Args and errors are those of the class."""
    return Timetable(expression, timezone, anchor)


def _zone(name: str) -> ZoneInfo:
    try:
        if not _ZONE.fullmatch(name):
            raise ValueError(name)
        return ZoneInfo(name)
    except (ValueError, KeyError, OSError):
        raise InvalidInput(
            "invalid_timezone", "/timezone", f"there is no time zone {name[:100]!r}; write an IANA name: Europe/Berlin"
        ) from None


def _every(expression: str) -> timedelta | None:
    if not expression.lower().startswith("@every"):
        return None
    match = _EVERY.fullmatch(expression.strip())
    parts = re.findall(r"([0-9]+)([dhms])", match[1].lower()) if match else []
    seconds = sum(int(number) * _UNITS[unit] for number, unit in parts)
    if not 1 <= seconds <= MAX_EVERY.total_seconds():
        raise InvalidInput(
            "invalid_cron", "/cron", "@every takes 1s to 366d, of whole days, hours, minutes and seconds: @every 1h30m"
        )
    return timedelta(seconds=seconds)


def _fields(expression: str, anchor: datetime) -> tuple[str, list[int]]:
    """The five fields that choose minutes, and the seconds of each."""
    text = NICKNAMES.get(expression.strip().lower(), expression)
    fields = text.split()
    if len(text) > MAX_EXPRESSION or not _FIELDS.fullmatch(text) or len(fields) not in (5, 6):
        raise InvalidInput("invalid_cron", "/cron", f"{text[:100]!r} is no cron expression; {_HINT}")
    fields = [
        ",".join(_term(field, term) for term in terms.split(","))
        for field, terms in zip(_ALL_FIELDS[-len(fields) :], fields, strict=True)
    ]
    try:
        whole = CronSim(" ".join(fields), anchor)
    except CronSimError as error:
        raise InvalidInput("invalid_cron", "/cron", f"{str(error).lower()} in {text!r}; {_HINT}") from None
    return " ".join(fields[-5:]), sorted(whole.seconds)


def _term(field: _Field, term: str) -> str:
    """One of the terms of a field, as cronsim takes it; what it does not understand, it will say."""
    match = _TERM.fullmatch(term)
    if match is None:
        return term
    first, last, step = match[1], match[2], int(match[3] or 1)
    if step > field.highest:
        within = field.unit and step * _UNITS[field.unit] <= MAX_EVERY.total_seconds()
        instead = f"write @every {step}{field.unit}" if within else f"name the {field.counts}"
        why = f"a step of {step} is beyond {field.highest} {field.counts}; {instead}"
        raise InvalidInput("invalid_cron", "/cron", why)
    low, high = field.number(first), field.number(last or "")
    if low is None or high is None or step == 0:
        return term
    if low > high:
        why = f"{field.name} {term} wraps, which a range may not; write {_unwrapped(field, low, high, step)}"
        raise InvalidInput("invalid_cron", "/cron", why)
    return first if low == high else term  # a step after a single number would go on to the end of the field


def _unwrapped(field: _Field, low: int, high: int, step: int) -> str:
    """A range that wraps, as it may be written."""
    lowest = 1 if field.names == _WEEKDAYS else field.lowest  # 0 is Sunday, and so is 7
    size = field.highest - lowest + 1
    if step > 1:
        numbers = range(low, high + size + 1, step)
        return ",".join(str(number if number <= field.highest else number - size) for number in numbers)
    ranges = ((low, field.highest), (lowest, high))
    return ",".join(str(a) if a == b else f"{a}-{b}" for a, b in ranges if a <= b)


def _floor(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)
