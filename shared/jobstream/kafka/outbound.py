"""Records on their way out: kept until Kafka has acknowledged them, whatever happens to the producer.

Posting costs no task: records go through one queue, and what follows an acknowledge is a callback.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from jobstream.contracts.headers import Headers
from jobstream.kafka.clients import make_producer
from jobstream.kafka.closing import close_producer
from jobstream.settings import Settings
from jobstream.telemetry import Event, emit
from jobstream.wakeful import WakefulLoop

Acknowledged = Callable[[int, int], None]
"""Called with the partition and the offset that a record got; the offset is -1 if the broker did not tell."""

_GATHER_S = 0.002
"""While records come one after another, how long the next ones are gathered before they are sent."""
_PAUSE_S = 0.5
_CLOSE_S = 5.0


class Posted:
    """A record that was posted."""

    __slots__ = ("acknowledged", "headers", "key", "posted_at", "sequence", "topic", "value")

    def __init__(
        self,
        sequence: int,
        topic: str,
        key: bytes,
        value: bytes,
        headers: Headers,
        acknowledged: Acknowledged | None,
        posted_at: float,
    ) -> None:
        self.sequence = sequence
        self.topic = topic
        self.key = key
        self.value = value
        self.headers = headers
        self.acknowledged = acknowledged
        self.posted_at = posted_at


class Outbound(WakefulLoop):
    """Posts records with one idempotent producer, and with a new one where the old has failed for good.

    A record that was on its way when the producer failed may then stand on the topic twice.
    """

    name = "outbound"

    def __init__(self, settings: Settings, client_id: str) -> None:
        super().__init__()
        self._settings = settings
        self._client_id = client_id
        self._sequence = 0
        self._unacknowledged: dict[int, Posted] = {}
        self._queue: deque[Posted] = deque()
        self._empty = asyncio.Event()
        self._empty.set()
        self._failure: BaseException | None = None
        self.rebuilds = 0
        self.acknowledges = 0

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
        while not self.stopping.is_set():
            producer = make_producer(self._settings, self._client_id, linger_ms=0)
            self._failure = None
            self._queue = deque(self._unacknowledged.values())
            self.wake()
            try:
                await producer.start()
                await self._pump(producer)
            except (KafkaError, OSError) as error:
                self.rebuilds += 1
                emit(Event.KAFKA_CLIENT_REBUILT, client=self._client_id, error=repr(error))
                await self.pause(_PAUSE_S)
            finally:
                await close_producer(producer, 0.1 if self.stopping.is_set() else _CLOSE_S)

    async def _pump(self, producer: AIOKafkaProducer) -> None:
        while not self.stopping.is_set():
            await self.idle()
            while self._queue and not self.stopping.is_set():
                record = self._queue[0]
                if await self._send(producer, record):
                    self._queue.popleft()
                if self._failure is not None:
                    break
            if self._failure is not None:
                raise self._failure
            await asyncio.sleep(_GATHER_S)

    async def _send(self, producer: AIOKafkaProducer, record: Posted) -> bool:
        """Hand a record to the producer. False if it took none for a while."""
        try:
            future = await producer.send(record.topic, record.value, record.key, headers=record.headers)
        except KafkaTimeoutError:
            emit(Event.KAFKA_TROUBLE, what="sending", error="the producer's buffer is full")
            return False
        future.add_done_callback(lambda done: self._settled(record, done))
        return True

    def _settled(self, record: Posted, done: "asyncio.Future[Any]") -> None:
        if done.cancelled():
            return
        error = done.exception()
        if error is not None:
            self._failure = error
            self.wake()
            return
        if self._unacknowledged.pop(record.sequence, None) is None:
            return  # a producer before this one had brought it through
        if not self._unacknowledged:
            self._empty.set()
        self.acknowledges += 1
        if record.acknowledged is not None:
            place = done.result()
            record.acknowledged(place.partition, place.offset)

    def last_success_age(self) -> float:
        """The age of the oldest record that waits, so that silence with nothing to say is no trouble."""
        return self.oldest_age()
