"""Where the intake has been: records whose jobs have rows of their own, so that the applier need not try to make them.

A direct job's row is made by whichever of the two comes first. Under load the intake is ahead, and to insert each job
once more, find that it is there and compare the two takes a tenth of what a record costs. This is a hint from one to
the other inside a process: what it does not know is looked up in the database.
"""

from jobstream.contracts.events import Origin
from jobstream.contracts.jobs import Job
from jobstream.ids import record_id
from jobstream.kafka.stored import Place


class Coverage:
    """The newest stretch of offsets in each partition of a job topic whose every job was taken in."""

    def __init__(self) -> None:
        self._stretches: dict[Place, range] = {}

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

    def has(self, job: Job, origin: Origin) -> bool:
        """True if the job read at ``origin`` has the row of its id.

        Only of an id that was made of the record's place: one that the sender chose may be another job's too.
        """
        topic, partition, offset = origin.topic, origin.partition, origin.offset
        stretch = self._stretches.get((topic, partition))
        if stretch is None or offset not in stretch:
            return False
        return record_id(topic, partition, offset, job.id.int >> 80) == job.id
