"""Keys that are held by runs of other workers."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from jobstream.clock import Clock
from jobstream.contracts.events import StatusEvent
from jobstream.kafka.group import TopicPartition
from jobstream_worker.runner import Runner
from jobstream_worker.work import Lane


@dataclass(slots=True)
class _Block:
    lane: Lane
    partition: TopicPartition
    lease_s: float
    until: float
    place: tuple[int, int]


class Blocks:
    """Blocks lanes while a job of theirs runs in another worker: until its outcome, or its lease has passed.

    A lease is counted from when its last heartbeat was read here, so no two clocks are compared.
    """

    def __init__(self, worker: str, runner: Runner, clock: Clock, *, lease_s: float) -> None:
        self._worker = worker
        self._runner = runner
        self._clock = clock
        self._lease_s = lease_s
        self._held: dict[UUID, _Block] = {}

    def observe(self, event: StatusEvent, place: tuple[int, int]) -> None:
        """Learn from an event of one of our partitions, read at (status partition, offset)."""
        if event.worker == self._worker or event.key is None or event.origin is None:
            return
        if event.event.rank > 1:
            self._release(event.run_id)
            return
        lease_s = event.lease_s or self._lease_s
        block = self._held.get(event.run_id)
        if block is None:
            lane = (event.origin.topic, event.key)
            partition = TopicPartition(event.origin.topic, event.origin.partition)
            block = self._held[event.run_id] = _Block(lane, partition, lease_s, 0.0, place)
            self._runner.block(lane, event.run_id)
        block.lease_s = lease_s
        block.until = self._clock.monotonic() + lease_s
        block.place = place

    def expired(self, at: float) -> bool:
        """True if a lease had passed at ``at``, monotonic."""
        return any(block.until <= at for block in self._held.values())

    def expire(self, at: float) -> None:
        """Release what had expired at ``at``; everything written until then has been observed."""
        for run_id in [run_id for run_id, block in self._held.items() if block.until <= at]:
            self._release(run_id)

    def forget(self, partitions: Collection[TopicPartition]) -> None:
        """These partitions are no longer ours."""
        for run_id in [run_id for run_id, block in self._held.items() if block.partition in partitions]:
            self._release(run_id)

    def places(self, partition: TopicPartition) -> list[tuple[int, int]]:
        """Where on the status topic the holders of keys of ``partition`` were last heard of."""
        return [block.place for block in self._held.values() if block.partition == partition]

    def __len__(self) -> int:
        return len(self._held)

    def _release(self, run_id: UUID) -> None:
        block = self._held.pop(run_id, None)
        if block is not None:
            self._runner.unblock(block.lane, run_id)
