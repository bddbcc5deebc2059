"""What intake and applier tell each other of direct jobs, so that a row is made once.

A direct job's row is made by whichever of the two comes first: by the intake from its record, or by the applier from
its first status event. To insert it once more, find that it is there and compare the two takes a tenth of what a record
costs, so each tells the other where it has been. And a row that is made by its job's outcome is written once, where the
intake's is written twice: while many direct jobs end, the intake waits a little. These are hints inside a process: what
one does not know of the other is looked up in the database.
"""

from jobstream.contracts.events import Origin
from jobstream.contracts.jobs import Job
from jobstream.ids import record_id
from jobstream.kafka.stored import Place

_MOST = 250_000
"""Offsets of one partition that are kept; more than end while the intake waits."""
_MANY = 100
_LASTS_S = 0.25


class Coverage:
    """The newest stretch of offsets in each partition of a job topic whose every job was taken in, and the offsets
    ahead of the intake whose jobs are COMPLETED.
    """

    def __init__(self) -> None:
        self._stretches: dict[Place, range] = {}
        self._next: dict[Place, int] = {}
        self._completed: dict[Place, set[int]] = {}
        self._busy_until = 0.0

    def extend(self, place: Place, offsets: range) -> None:
        """All jobs at ``offsets`` have their rows, committed."""
        known = self._stretches.get(place)
        follows = known is not None and known.stop == offsets.start
        self._stretches[place] = range(known.start, offsets.stop) if known is not None and follows else offsets

    def forget(self, place: Place) -> None:
        """Nothing is known of what was read there so far."""
        self._stretches.pop(place, None)

    def clear(self) -> None:
        """Nothing is known at all."""
        self._stretches.clear()
        self._next.clear()
        self._completed.clear()

    def has(self, job: Job, origin: Origin) -> bool:
        """True if the intake has made the row of the job read at ``origin``.

        Only of an id that was made of the record's place: one that the sender chose may be another job's too.
        """
        stretch = self._stretches.get((origin.topic, origin.partition))
        return stretch is not None and origin.offset in stretch and _is_of_its_place(job, origin)

    def is_ahead(self, origin: Origin) -> bool:
        """True if our intake has the record before it; False also where another process takes in."""
        return origin.offset >= self._next.get((origin.topic, origin.partition), origin.offset + 1)

    def complete(self, job: Job, origin: Origin) -> None:
        """The applier has made the job's row, COMPLETED."""
        if not self.is_ahead(origin) or not _is_of_its_place(job, origin):
            return  # nobody will ask
        place = (origin.topic, origin.partition)
        known = self._completed.setdefault(place, set())
        known.add(origin.offset)
        if len(known) > _MOST:  # the intake left this partition
            del self._completed[place]
            del self._next[place]

    def take_completed(self, place: Place, offset: int) -> bool:
        """True if the applier has made the row of the job at ``offset``. The intake asks once, of each in order."""
        self._next[place] = max(offset + 1, self._next.get(place, 0))
        known = self._completed.get(place)
        if known is None or offset not in known:
            return False
        known.remove(offset)
        return True

    def applied(self, direct: int, now: float) -> None:
        """A batch of status events told of so many direct jobs for the first time; ``now`` in seconds."""
        if direct >= _MANY:
            self._busy_until = now + _LASTS_S

    def busy(self, now: float) -> bool:
        """True while many direct jobs end."""
        return now < self._busy_until


def _is_of_its_place(job: Job, origin: Origin) -> bool:
    return record_id(origin.topic, origin.partition, origin.offset, job.id.int >> 80) == job.id
