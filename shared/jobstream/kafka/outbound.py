"""Records on their way out: kept until Kafka has acknowledged them, whatever happens to the producer.

Posting costs no task: records go through one queue in batches, and what follows an acknowledge is a callback.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from jobstream.backoff import Backoff
from jobstream.errors import BrokerUnavailable, RecordRefused
from jobstream.kafka.batches import Acknowledgement, Outgoing
from jobstream.kafka.publisher import Publisher, failure
from jobstream.settings import Settings
from jobstream.telemetry import Event, emit
from jobstream.wakeful import WakefulLoop

Acknowledged = Callable[[int, int], None]
"""Called with the partition and the offset that a record got; the offset is -1 if the broker did not tell."""

_GATHER_S = 0.002
"""While records come one after another, how long the next ones are gathered before they are sent."""
_GATHER_BUSY_S = 0.01
_BUSY = 20
"""So many in one turn, and the next are gathered longer: a batch costs as much as twenty records in it."""
_RETRY = Backoff(base_s=0.25, cap_s=5.0)


class Posted:
    """A record that was posted, at a monotonic time."""

    __slots__ = ("acknowledged", "posted_at", "record", "sequence", "topic")

    def __init__(self, sequence: int, topic: str, record: Outgoing, acknowledged: Acknowledged | None) -> None:
        self.sequence = sequence
        self.topic = topic
        self.record = record
        self.acknowledged = acknowledged
        self.posted_at = time.monotonic()


class Outbound(WakefulLoop):
    """Posts records until each is acknowledged, in order, whatever it takes.

    After a failure everything unacknowledged is sent again, so a record may stand on the topic twice.

    Attributes:
        rounds_failed: how often that was.
        landed: called when a batch was acknowledged, before its records' own callbacks, with topic, partition
            and an offset such that what is not acknowledged yet stands at none below it; 0 if that is not known.
        turned: called after those callbacks.
        waiting_bytes: the size of what is not acknowledged.
    """

    name = "outbound"

    def __init__(self, settings: Settings, client_id: str) -> None:
        super().__init__()
        self._publisher = Publisher(settings, client_id)
        self._sequence = 0
        self._unacknowledged: dict[int, Posted] = {}
        self._queue: deque[Posted] = deque()
        self._empty = asyncio.Event()
        self._failure: BaseException | None = None
        self._round = 0
        self._doubtful = 0
        self._tries = 0
        self.rounds_failed = 0
        self.waiting_bytes = 0
        self.landed: Callable[[str, int, int], None] = _nobody
        self.turned: Callable[[], None] = _nothing

    def post(self, topic: str, record: Outgoing, acknowledged: Acknowledged | None = None) -> None:
        """Put a record on its way. Records of one key arrive in the order in which they were posted."""
        self._sequence += 1
        posted = Posted(self._sequence, topic, record, acknowledged)
        self._unacknowledged[posted.sequence] = posted
        self.waiting_bytes += len(record.value or b"")
        if not self._queue:
            self.wake()
        self._queue.append(posted)

    @property
    def sequence(self) -> int:
        """The number of the record posted last; they count up from 1."""
        return self._sequence

    @property
    def oldest(self) -> int | None:
        """The number of the oldest record that is not acknowledged."""
        return next(iter(self._unacknowledged), None)

    @property
    def waiting(self) -> int:
        """How many records are not acknowledged."""
        return len(self._unacknowledged)

    def oldest_age(self) -> float:
        """Seconds for which the oldest record has been waiting for its acknowledge; 0 if none is."""
        oldest = self.oldest
        return 0.0 if oldest is None else time.monotonic() - self._unacknowledged[oldest].posted_at

    async def flush(self, deadline_s: float) -> bool:
        """Wait until everything posted is acknowledged. False if that took longer than ``deadline_s``."""
        try:
            async with asyncio.timeout(deadline_s):
                while self._unacknowledged:
                    self._empty.clear()
                    await self._empty.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        self._publisher.reopen()
        self._tries = 0
        try:
            while not self.stopping.is_set():
                self._round += 1
                self._failure = None
                self._queue = deque(self._unacknowledged.values())
                self.wake()
                try:
                    await self._pump()
                except (BrokerUnavailable, RecordRefused) as error:
                    self.rounds_failed += 1
                    self._doubtful = self._sequence
                    emit(Event.KAFKA_TROUBLE, what="sending", error=str(error))
                    self._tries += 1
                    await self.pause(_RETRY.ceiling(self._tries))
        finally:
            await self._publisher.stop(0.1)

    async def _pump(self) -> None:
        while not self.stopping.is_set():
            await self.idle()
            sent = 0
            while self._queue and self._failure is None and not self.stopping.is_set():
                sent += await self._send()
            if self._failure is not None:
                raise failure(self._failure)
            await asyncio.sleep(_GATHER_S if sent < _BUSY else _GATHER_BUSY_S)

    async def _send(self) -> int:
        """Hand what waits for one topic to the producer; returns how much that was."""
        topic = self._queue[0].topic
        records = []
        while self._queue and self._queue[0].topic == topic:
            records.append(self._queue.popleft())
        sent_in = self._round
        for batch in await self._publisher.send_many(topic, [posted.record for posted in records]):
            carried = [records[place] for place in batch.places]
            batch.acknowledgement.add_done_callback(partial(self._settled, topic, batch.partition, carried, sent_in))
        return len(records)

    def _settled(self, topic: str, partition: int, carried: list[Posted], sent_in: int, done: Acknowledgement) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            if sent_in == self._round:
                self._failure = error
                self.wake()
            return
        self._tries = 0
        base: int = done.result().offset
        # Without those that an earlier try had brought through after all.
        offsets = {place: posted for place, posted in enumerate(carried, base) if self._take(posted)}
        if not self._unacknowledged:
            self._empty.set()
        self.landed(topic, partition, base + len(carried) if base >= 0 and self._certain() else 0)
        for offset, posted in offsets.items():
            if posted.acknowledged is not None:
                try:
                    posted.acknowledged(partition, -1 if base < 0 else offset)
                except Exception as failed:  # it must not keep the others from hearing of theirs
                    emit(Event.SERVICE_CRASHED, service=self.name, error=repr(failed), exc_info=failed)
        self.turned()

    def _certain(self) -> bool:
        """False while something waits that a failed round may have written without our hearing of it."""
        oldest = self.oldest if self._doubtful else None
        return oldest is None or oldest > self._doubtful

    def _take(self, posted: Posted) -> bool:
        """True if it was not acknowledged yet; now it is."""
        if self._unacknowledged.pop(posted.sequence, None) is None:
            return False
        self.waiting_bytes -= len(posted.record.value or b"")
        return True

    def last_success_age(self) -> float:
        """The age of the oldest record that waits, so that silence with nothing to say is no trouble."""
        return self.oldest_age()


def _nobody(topic: str, partition: int, end: int) -> None:
    pass


def _nothing() -> None:
    pass
