"""Folding a batch of status events to one entry per dispatch of a job. Pure.

Within one dispatch: the first RUNNING gives the run, the last heartbeat of that run
gives lease and progress, the first outcome wins. Order between dispatches does not matter here:
only the entry that speaks of the row's current dispatch will match it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jobstream.contracts.events import EventKind, Origin, StatusEvent
from jobstream.contracts.jobs import Job


@dataclass(slots=True)
class Folded:
    """All that a batch says of one dispatch of one job.

    Attributes:
        id: the job's.
        place: index in the batch of the event that decided, for naming it later.
        job: whole, if it came straight from a topic; ``origin`` is its record's place.
        events: how many were folded into this.
        applied: the row was changed by it.
    """

    id: UUID
    attempt: int
    dispatch: int
    place: int
    running: StatusEvent | None = None
    heartbeat: StatusEvent | None = None
    outcome: StatusEvent | None = None
    job: Job | None = None
    origin: Origin | None = None
    events: int = 0
    applied: bool = False

    def started_at(self, event: StatusEvent) -> datetime | None:
        """When the run of ``event`` began. Where RUNNING had to stand before the handler began, it tells no start."""
        return event.started_at or (self.running.started_at if self.running else None)


def fold(events: Iterable[tuple[int, StatusEvent]]) -> list[Folded]:
    """One entry per (id, attempt, dispatch), in the order of first mention.

    Args:
        events: (place in the batch, event), in topic order.
    """
    folded: dict[tuple[UUID, int, int], Folded] = {}
    for place, event in events:
        identity = event.identity
        entry = folded.get(identity)
        if entry is None:
            entry = folded[identity] = Folded(event.id, event.attempt, event.dispatch, place)
        entry.events += 1
        if event.job is not None and entry.job is None:
            entry.job, entry.origin = event.job, event.origin
        _add(entry, place, event)
    return list(folded.values())


def _add(entry: Folded, place: int, event: StatusEvent) -> None:
    kind = event.event
    if kind is EventKind.RUNNING:
        if entry.running is None:
            entry.running = event
    elif kind is EventKind.HEARTBEAT:
        # A heartbeat of another run than the one that holds the lease renews nothing.
        if entry.running is None or entry.running.run_id == event.run_id:
            entry.heartbeat = event
    elif entry.outcome is None:
        entry.outcome = event
        entry.place = place
