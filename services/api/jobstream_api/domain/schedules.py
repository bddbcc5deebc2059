"""What becomes of a schedule's ticks: the policies for missed and for overlapping ones. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from jobstream.contracts.schedules import Missed, Overlap
from jobstream_api.domain.timetable import Timetable

MAX_WAITING = 1000
"""Most ticks of one schedule that wait for their turn; later ones are skipped."""


class FireStatus(StrEnum):
    """What became of one tick."""

    FIRED = "fired"
    WAITING = "waiting"
    SKIPPED = "skipped"
    REFUSED = "refused"


class Origin(StrEnum):
    """Why a tick was looked at."""

    TICK = "tick"
    TRIGGER = "trigger"
    BACKFILL = "backfill"


@dataclass(frozen=True, slots=True)
class Due:
    """What a schedule owes now.

    Attributes:
        ticks: to be fired, oldest first.
        next_at: the tick to look at after these; None if none comes any more.
        dropped_until: ticks from the schedule's last mark until before this were missed and are given up.
    """

    ticks: Sequence[datetime]
    next_at: datetime | None
    dropped_until: datetime | None = None


def due(
    timetable: Timetable,
    mark: datetime,
    now: datetime,
    *,
    missed: Missed,
    window_s: float,
    late_s: float,
    limit: int,
) -> Due:
    """The ticks from ``mark`` to ``now`` that are to be fired.

    Args:
        mark: the earliest tick that was not looked at yet.
        window_s: for ``Missed.ALL``: older ticks are given up.
        late_s: a tick that is late by no more than this is not missed: another leader takes as long.
        limit: most ticks; the rest stays due.
    """
    recent = now - timedelta(seconds=late_s)
    start = mark
    if mark < recent:
        match missed:
            case Missed.SKIP:
                start = recent
            case Missed.ONCE:
                start = min(timetable.last(mark, now) or recent, recent)
            case Missed.ALL:
                start = min(max(mark, now - timedelta(seconds=window_s)), recent)
    ticks = timetable.between(start, now, limit + 1)
    next_at = ticks[limit] if len(ticks) > limit else timetable.after(now)
    first = ticks[0] if ticks else now
    return Due(ticks[:limit], next_at, first if mark < first else None)


Settled = tuple[FireStatus, str | None]


def settle(overlap: Overlap, ticks: int, *, busy: bool, waiting: int) -> list[Settled]:
    """What becomes of so many ticks of one schedule, in order: a status each, and why if it does not fire.

    Args:
        busy: a job of an earlier tick is under way.
        waiting: earlier ticks that wait.
    """
    fire: Settled = (FireStatus.FIRED, None)
    wait: Settled = (FireStatus.WAITING, None)
    if ticks == 0:
        return []
    match overlap:
        case Overlap.ALLOW:
            return [fire] * ticks
        case Overlap.SKIP:
            late: Settled = (FireStatus.SKIPPED, "overlap")
            return [late if busy else fire, *[late] * (ticks - 1)]
        case Overlap.QUEUE:
            first = [fire] if not busy and waiting == 0 else []
            room = max(MAX_WAITING - waiting, 0)
            full: Settled = (FireStatus.SKIPPED, "queue_full")
            rest = ticks - len(first)
            return [*first, *[wait] * min(rest, room), *[full] * max(rest - room, 0)]
        case Overlap.CANCEL_OLDER:
            replaced: Settled = (FireStatus.SKIPPED, "replaced")
            return [*[replaced] * (ticks - 1), fire]
