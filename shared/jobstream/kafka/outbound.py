"""Records on their way out: kept until Kafka has acknowledged them, whatever happens to the producer.

Posting costs no task: records go through one queue, and what follows an acknowledge is a callback.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from jobstream.backoff import Backoff
from jobstream.contracts.headers import Headers
from jobstream.errors import BrokerUnavailable, RecordRefused
from jobstream.kafka.publisher import Acknowledgement, Publisher, failure
from jobstream.settings import Settings
from jobstream.telemetry import Event, emit
from jobstream.wakeful import WakefulLoop

Acknowledged = Callable[[int, int], None]
"""Called with the partition and the offset that a record got; the offset is -1 if the broker did not tell."""

_GATHER_S = 0.002
"""While records come one after another, how long the next ones are gathered before they are sent."""
_RETRY = Backoff(base_s=0.25, cap_s=5.0)


@dataclass(frozen=True, slots=True)
class Posted:
    """A record that was posted, at a monotonic time."""

    sequence: int
    topic: str
    key: bytes
    value: bytes
    headers: Headers
    acknowledged: Acknowledged | None
    posted_at: float


class Outbound(WakefulLoop):
    """Posts records until each is acknowledged, in order, whatever it takes.

    After a failure everything unacknowledged is sent again, so a record may stand on the topic twice.

    Attributes:
        rounds_failed: how often that was.
    """

    name = "outbound"

    def __init__(self, settings: Settings, client_id: str) -> None:
        super().__init__()
        self._publisher = Publisher(settings, client_id, linger_ms=0)
        self._sequence = 0
        self._unacknowledged: dict[int, Posted] = {}
        self._queue: deque[Posted] = deque()
        self._empty = asyncio.Event()
        self._empty.set()
        self._failure: BaseException | None = None
        self._round = 0
        self._tries = 0
        self.rounds_failed = 0

    def post(
        self, topic: str, key: bytes, value: bytes, headers: Headers, acknowledged: Acknowledged | None = None
    ) -> None:
        """Put a record on its way. Records of one key arrive in the order in which they were posted."""
        self._sequence += 1
        record = Posted(self._sequence, topic, key, value, headers, acknowledged, time.monotonic())
        self._unacknowledged[record.sequence] = record
        self._queue.append(record)
        self._empty.clear()
        self.wake()

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
                    emit(Event.KAFKA_TROUBLE, what="sending", error=str(error))
                    self._tries += 1
                    await self.pause(_RETRY.ceiling(self._tries))
        finally:
            await self._publisher.stop(0.1)

    async def _pump(self) -> None:
        while not self.stopping.is_set():
            await self.idle()
            while self._queue and self._failure is None and not self.stopping.is_set():
                record = self._queue[0]
                future = await self._publisher.send(record.topic, record.key, record.value, record.headers)
                future.add_done_callback(partial(self._settled, record, self._round))
                self._queue.popleft()
            if self._failure is not None:
                raise failure(self._failure)
            await asyncio.sleep(_GATHER_S)

    def _settled(self, record: Posted, sent_in: int, done: Acknowledgement) -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            if sent_in == self._round:
                self._failure = error
                self.wake()
            return
        if self._unacknowledged.pop(record.sequence, None) is None:
            return  # an earlier try had brought it through after all
        self._tries = 0
        if not self._unacknowledged:
            self._empty.set()
        if record.acknowledged is not None:
            place = done.result()
            record.acknowledged(place.partition, place.offset)

    def last_success_age(self) -> float:
        """The age of the oldest record that waits, so that silence with nothing to say is no trouble."""
        return self.oldest_age()
