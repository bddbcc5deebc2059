"""Takes records from the job topics as a member of the workers' group. Never runs a handler."""

import asyncio
import time
from collections.abc import Callable, Collection, Iterable
from typing import Any

from jobstream.backoff import Backoff
from jobstream.errors import BrokerUnavailable
from jobstream.kafka.clients import DRAIN_BUDGET_S
from jobstream.kafka.group import GroupConsumer, TopicPartition
from jobstream.telemetry import Event, emit
from jobstream.wakeful import WakefulLoop
from jobstream_worker.admission import Admission
from jobstream_worker.committer import Committer
from jobstream_worker.control import Control
from jobstream_worker.counts import Counts
from jobstream_worker.runner import Runner
from jobstream_worker.settings import WorkerSettings
from jobstream_worker.slots import BATCH, Slot
from jobstream_worker.status_watch import StatusWatch
from jobstream_worker.takeover import Takeover

POLL_S = 0.5
PEEK_S = 0.1
"""While a queue has no room, others that have nothing are looked at this often."""
KEEP_ALIVE_S = 3.0
"""Without room for a record we still show that often that we are polling."""
LEAVE_S = 3.0
RETRY = Backoff(base_s=0.5, cap_s=5.0)
_PAUSE_S = 1.0


class Consumer(WakefulLoop):
    """The poll loop, and what a rebalance asks for.

    A rebalance neither kills nor repeats a running job: before partitions are given up, RUNNING is
    on the status topic for each of their runs, and is committed; the handlers go on.

    Attributes:
        slots: the partitions that are ours.
        joined: true from our first assignment on, which may be empty, until we leave.
        shared_out: called after each assignment.
        taken_at: monotonic time of the last record.
        revoke_budget_s: how long a revoke may wait for acknowledges.
    """

    name = "consumer"

    def __init__(
        self,
        settings: WorkerSettings,
        client_id: str,
        topics: Iterable[str],
        slots: dict[TopicPartition, Slot],
        *,
        admission: Admission,
        runner: Runner,
        control: Control,
        committer: Committer,
        takeover: Takeover,
        watch: StatusWatch,
        counts: Counts,
    ) -> None:
        super().__init__()
        self._settings = settings
        self._client_id = client_id
        self._topics = list(topics)
        self.slots = slots
        self._admission = admission
        self._runner = runner
        self._control = control
        self._committer = committer
        self._takeover = takeover
        self._watch = watch
        self._counts = counts
        self._group: GroupConsumer | None = None
        self._opening: asyncio.Task[None] | None = None
        self._confirming: asyncio.Task[None] | None = None
        self._polling: asyncio.Task[None] | None = None
        self._kept_alive_at = 0.0
        self._empty: set[str] = set()
        self._empty_until = 0.0
        self.joined = False
        self.shared_out: Callable[[], None] = lambda: None
        self.taken_at = 0.0
        self.revoke_budget_s = DRAIN_BUDGET_S

    def by_topic(self) -> dict[str, list[int]]:
        """The numbers of the partitions that are ours, by topic."""
        return _by_topic(self.slots)

    async def run(self) -> None:
        tries = 0
        while not self.stopping.is_set():
            group = GroupConsumer(
                self._settings,
                self._client_id,
                group=self._settings.worker_group,
                topics=self._topics,
                owner=self,
                session_timeout_s=self._settings.worker_session_s,
            )
            self._group = self._committer.group = group
            self._polling = asyncio.create_task(self._poll(group), name="poll")
            await asyncio.wait([self._polling])
            ending = _ending(self._polling)
            if not self.stopping.is_set():
                emit(Event.KAFKA_CLIENT_REBUILT, client=self._client_id, error=ending)
            tries = 1 if self.joined else tries + 1
            await self._leave(group)
            await self.pause(RETRY.ceiling(tries))

    def rebuild(self) -> None:
        """Give this consumer up and make a new one. Running handlers go on."""
        if self._polling is not None:
            self._polling.cancel()

    def doubt(self) -> None:
        """We may have been expelled and not know it: start nothing until the group has answered."""
        self._runner.hold(True)
        self._confirming = asyncio.create_task(self._confirm(self._group), name="confirm membership")

    async def _confirm(self, group: GroupConsumer | None) -> None:
        while group is not None and group is self._group:
            try:
                if not await group.still_member():
                    return  # the coming rebalance takes back what is queued
                break
            except BrokerUnavailable:
                await asyncio.sleep(_PAUSE_S)
        self._runner.hold(False)

    async def stop(self, deadline_s: float = 10.0) -> None:
        self.stopping.set()
        self.wake()
        if self._polling is not None and not self._polling.done():
            # It may hang in a rebalance that does not end.
            await asyncio.wait([self._polling], timeout=2 * POLL_S)
            self._polling.cancel()
        await super().stop(deadline_s)

    async def _poll(self, group: GroupConsumer) -> None:
        await group.start()
        while not self.stopping.is_set():
            self.succeeded()
            rooms = self._rooms()
            hungry = {topic for topic, room in rooms.items() if room}
            partitions = self._takers(hungry)
            # A poll waits for records, but not while a queue has no room for any: it may have some at any moment.
            waits = len(hungry) == len(rooms)
            if not partitions or not (waits or self._may_have(hungry)):
                await self._rest(group, self._empty_until - time.monotonic() if partitions else POLL_S)
                continue
            room = min(room for room in rooms.values() if room)
            polled = await group.poll(partitions, max_records=min(room, BATCH), timeout_s=POLL_S if waits else 0.0)
            if not polled:
                self._empty, self._empty_until = hungry, time.monotonic() + PEEK_S
            self._admit(polled)

    def _may_have(self, topics: set[str]) -> bool:
        """True unless ``topics`` were looked at just now, and had nothing."""
        return not topics <= self._empty or time.monotonic() >= self._empty_until

    def _rooms(self) -> dict[str, int]:
        """The room of each queue of which something may start, by topic."""
        if not self._control.known:
            return {}
        paused = self._control.paused
        return {topic: self._runner.room(topic) for topic in self._topics if topic not in paused}

    def _takers(self, topics: Collection[str]) -> list[TopicPartition]:
        """The partitions of ``topics`` that records are taken of."""
        return [partition for partition, slot in self.slots.items() if partition.topic in topics and slot.takes]

    def _admit(self, polled: dict[TopicPartition, list[Any]]) -> None:
        for partition, records in polled.items():
            slot = self.slots.get(partition)
            if slot is not None:
                self.taken_at = time.monotonic()
                self._admission.admit(slot, records)

    async def behind(self) -> bool:
        """True if a partition that we take records of has some that we have not taken.

        Raises:
            BrokerUnavailable: no answer in time.
        """
        group = self._group
        takers = set(self._takers([topic for topic, room in self._rooms().items() if room]))
        if group is None or not takers:
            return False
        bounds = await group.bounds(takers)
        takers &= self.slots.keys()
        positions = await group.positions(takers)
        return any(positions.get(partition, 0) < bounds[partition][1] for partition in takers)

    async def _rest(self, group: GroupConsumer, seconds: float) -> None:
        if time.monotonic() - self._kept_alive_at >= KEEP_ALIVE_S:
            await group.keep_alive()
            self._kept_alive_at = time.monotonic()
        await self.idle(max(seconds, 0.0) if self.slots else KEEP_ALIVE_S)

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """RebalanceOwner: the partitions are ours; they open once it is known what was left of them."""
        self._counts.rebalances += 1
        self.joined = True
        for partition in partitions:
            self.slots[partition] = Slot(partition, self._committer.wake)
        self._watch.only(partitions)
        self._runner.hold(False)
        emit(Event.PARTITIONS_ASSIGNED, partitions=_by_topic(partitions))
        self.shared_out()
        group = self._group
        if group is not None and partitions:
            self._opening = asyncio.create_task(self._open(group), name="takeover")
        self.wake()

    async def _open(self, group: GroupConsumer) -> None:
        while True:
            try:
                await self._takeover.open(group, list(self.slots.values()))
                break
            except Exception as error:  # without it the partitions would stay shut and nobody would know
                emit(Event.SERVICE_CRASHED, service="takeover", error=repr(error), exc_info=error)
                await asyncio.sleep(_PAUSE_S)
        self.wake()

    async def revoked(self, partitions: Collection[TopicPartition]) -> None:
        """RebalanceOwner: give partitions up, leaving a durable fact for every run of theirs."""
        await self._stop_opening()
        slots = {self.slots[partition] for partition in partitions if partition in self.slots}
        try:
            await self._settle(slots)
        finally:
            for slot in slots:
                slot.live = False
                self.slots.pop(slot.partition, None)
            self._watch.only(self.slots)
            self._runner.hold(False)
        if slots:
            emit(Event.PARTITIONS_REVOKED, partitions=_by_topic(partitions))

    async def _settle(self, slots: set[Slot]) -> None:
        self._runner.withdraw(slots)
        running = self._runner.without_fact(slots)
        for work in running:
            self._runner.announce(work)
        try:
            async with asyncio.timeout(self.revoke_budget_s):
                for work in running:
                    await work.standing()
        except TimeoutError:
            emit(Event.KAFKA_TROUBLE, what="giving partitions up", error="no acknowledge in time")
        try:
            await self._committer.commit(slots)
        except BrokerUnavailable as error:
            emit(Event.KAFKA_TROUBLE, what="giving partitions up", error=str(error))

    async def _leave(self, group: GroupConsumer) -> None:
        """Leave the group as a rebalance would have us leave, which aiokafka's stop does not do."""
        await self.revoked(list(self.slots))
        if self._confirming is not None:
            self._confirming.cancel()
        self.joined = False
        self._group = self._committer.group = None
        await group.stop(LEAVE_S)

    async def _stop_opening(self) -> None:
        opening, self._opening = self._opening, None
        if opening is not None:
            opening.cancel()
            await asyncio.gather(opening, return_exceptions=True)


def _ending(task: asyncio.Task[None]) -> str:
    return "it made no progress" if task.cancelled() else repr(task.exception())


def _by_topic(partitions: Collection[TopicPartition]) -> dict[str, list[int]]:
    names: dict[str, list[int]] = {}
    for topic, partition in sorted(partitions):
        names.setdefault(topic, []).append(partition)
    return names
