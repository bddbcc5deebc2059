"""Walker: cronsim's walk through the clock, right also on the days on which the clocks change. Pure.

cronsim jumps to the next full hour, to a minute of the next hour, or to a midnight, as if all hours
had 60 minutes and each day began at 00:00. Where clocks change by half an hour (Lord Howe), in the
middle of an hour (Chatham), or at midnight (Santiago), it jumps over ticks or to times that no clock
shows.
"""

from bisect import bisect_left
from datetime import UTC, datetime, timedelta

from cronsim import CronSim

_MINUTE = 60  # clocks change between two minutes: a step of one cannot jump over anything


class Walker(CronSim):
    """A CronSim that only walks forward, and never jumps over a change of the clocks: it stops there and looks."""

    def tick(self, seconds: int = 1) -> None:
        """Roll forward by so many seconds of real time, or to the first second after a change of the clocks."""
        before, zone = self.dt, self.dt.tzinfo
        if zone is None:
            self.dt = before + timedelta(seconds=seconds)
            return
        self.dt = (before.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(zone)
        if seconds > _MINUTE and before.utcoffset() != self.dt.utcoffset():
            self.dt = _change(before, seconds)

    def advance_hour(self) -> bool:
        """Roll forward to the beginning of an hour that satisfies the constraints; False if this one does."""
        if self.dt.hour in self.hours:
            return False
        while (now := self.dt.hour) not in self.hours:
            following = min((hour for hour in self.hours if hour > now), default=24)
            self.tick((following - now) * 3600 - self.dt.minute * 60 - self.dt.second)
            if self.dt.hour == 0:  # another day, perhaps another month
                break
        return True

    def advance_day(self) -> bool:
        """Roll forward to the beginning of a day that satisfies the constraints; False if this one does."""
        moved = super().advance_day()
        if moved:
            self._leave_gap()
        return moved

    def advance_month(self) -> None:
        """Roll forward to the beginning of a month that satisfies the constraints."""
        before = self.dt
        super().advance_month()
        if self.dt is not before:
            self._leave_gap()

    def _leave_gap(self) -> None:
        """From a midnight that no clock shows to the first time that one does."""
        if self.dt.tzinfo is not None:
            self.dt = self.dt.astimezone(UTC).astimezone(self.dt.tzinfo)


def _change(before: datetime, seconds: int) -> datetime:
    """The first second after a change of the clocks, which is within so many seconds; found by halving."""
    start, offset = before.astimezone(UTC), before.utcoffset()

    def after(second: int) -> datetime:
        return (start + timedelta(seconds=second)).astimezone(before.tzinfo)

    return after(bisect_left(range(seconds), 1, key=lambda second: after(second).utcoffset() != offset))
