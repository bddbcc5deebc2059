"""One piece of work in this process: a dispatch of a job, from its record to its acknowledged outcome."""

import asyncio
from datetime import datetime
from typing import Any

from jobstream.contracts.events import StatusEvent
from jobstream.contracts.jobs import Job
from jobstream.handlers.spec import HandlerSpec
from jobstream.ids import new_text_id
from jobstream_worker.run import Run
from jobstream_worker.slots import Slot

Identity = tuple[int, int, int]
"""What makes two records the same work: the job's id as a number, which hashes faster; attempt; dispatch."""
Lane = tuple[str, str]
"""Topic and key: jobs of one lane run one after another."""


def identity_of(thing: Job | StatusEvent) -> Identity:
    """The work that a job, or an event about it, speaks of."""
    return (thing.id.int, thing.attempt, thing.dispatch)


class Work:
    """A dispatch of a job that this process has taken.

    The records that carry it (more than one after a redelivery) are done once a durable fact about
    it stands on the status topic: RUNNING with a lease, or its outcome.

    Attributes:
        identity: what makes two records the same work.
        lane: where it queues up, or None for a job without a key.
        in_process: its handler runs in a child process.
        run_id: of the run it leads to, a UUID as text.
        size: bytes of the record, for limits on memory.
        announce_first: RUNNING must be acknowledged before the handler starts.
        redelivered: another worker may have had its record before.
        started: it has left the queue; from here on only its outcome ends it.
        cancelled: why it is not to run, or not to go on, or None.
        ended: its outcome is on its way.
        stands: a durable fact about it was acknowledged.
        introduced: an event that carries the direct job whole was posted.
        announced_at: monotonic time at which RUNNING was posted, or None.
        beat: status partition and offset of its newest acknowledged RUNNING or HEARTBEAT.
        beat_at: monotonic time at which that kind of event was posted last.
        beat_pending: one is posted and not acknowledged.
        partition: where its first record came from.
        told_version: the progress that was told last.
    """

    # What most work never changes is kept once, here: making a piece of work then costs half.
    run: Run | None = None
    started = False
    started_at: datetime | None = None
    cancelled: str | None = None
    ended = False
    stands = False
    introduced = False
    redelivered = False
    announced_at: float | None = None
    beat: tuple[int, int] | None = None
    beat_at = 0.0
    beat_pending = False
    told_version = 0
    lane: Lane | None = None
    in_process = False
    _standing: asyncio.Future[None] | None = None

    def __init__(
        self,
        job: Job,
        spec: HandlerSpec | None,
        slot: Slot,
        offset: int,
        *,
        size: int,
        announce_first: bool,
    ) -> None:
        self.job = job
        self.identity = identity_of(job)
        self.spec = spec
        self.partition = slot.partition
        self.size = size
        self.announce_first = announce_first
        self.run_id = new_text_id()
        if spec is not None and spec.run_in == "process":
            self.in_process = True
        if job.key is not None:
            self.lane = (slot.partition.topic, job.key)
        self._offset = offset
        self._places = [(slot, offset)]

    @property
    def origin(self) -> dict[str, Any]:
        """Where the record was read, as events tell it."""
        return {"topic": self.partition.topic, "partition": self.partition.partition, "offset": self._offset}

    def attach(self, slot: Slot, offset: int) -> None:
        """Another record carries the same work."""
        if self.stands:
            slot.done(offset)
        else:
            self._places.append((slot, offset))

    def detach(self, slots: set[Slot]) -> bool:
        """Forget the records of ``slots``, which are no longer ours. True if none is left."""
        self._places = [place for place in self._places if place[0] not in slots]
        return not self._places

    def lies_in(self, slots: set[Slot]) -> bool:
        """True if a record of it in ``slots`` waits for a durable fact."""
        return any(slot in slots for slot, _ in self._places)

    def stand(self) -> None:
        """A durable fact about it was acknowledged: its records are done."""
        self.stands = True
        for slot, offset in self._places:
            slot.done(offset)
        self._places.clear()
        if self._standing is not None and not self._standing.done():
            self._standing.set_result(None)

    async def standing(self) -> None:
        """Wait until a durable fact stands."""
        if not self.stands:
            if self._standing is None:
                self._standing = asyncio.get_running_loop().create_future()
            await asyncio.shield(self._standing)
