"""One idempotent producer that outlives its own failures.

Findings about aiokafka 0.14 that shape this (tests/integration/api pins them): an idempotent
producer retries without end, so callers bring their own deadline; and a batch that the broker
refuses has used up its sequence numbers, so every later batch of that partition fails until the
producer is replaced. So after any failure that is not about the record alone, it is.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from aiokafka import AIOKafkaProducer
from aiokafka import errors as kafka

from jobstream.errors import BrokerUnavailable, RecordRefused
from jobstream.kafka.batches import Acknowledgement, Batch, Outgoing, filled, partition_of, refusal
from jobstream.kafka.clients import make_producer, start_client
from jobstream.kafka.closing import close_producer
from jobstream.settings import Settings
from jobstream.telemetry import Event, emit

START_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 5.0
_PING_TIMEOUT_S = 5.0
_FIND_TIMEOUT_S = 5.0
_REFUSALS: tuple[type[BaseException], ...] = (
    kafka.MessageSizeTooLargeError,
    kafka.RecordListTooLargeError,
    kafka.InvalidTopicError,
    kafka.UnknownTopicOrPartitionError,
    kafka.InvalidTimestampError,
    kafka.UnsupportedForMessageFormatError,
    kafka.PolicyViolationError,
    AssertionError,  # neither key nor value
    TypeError,
    ValueError,
)
"""What is wrong with the record itself: sending it again gives the same."""


_PASSING = (kafka.KafkaTimeoutError, kafka.TopicAuthorizationFailedError)
"""Errors of a send after which the producer is as good as before."""


def failure(error: BaseException) -> RecordRefused | BrokerUnavailable:
    """What an error of an acknowledgement means to the caller."""
    if isinstance(error, RecordRefused | BrokerUnavailable):
        return error
    if isinstance(error, _REFUSALS):
        return RecordRefused(f"{type(error).__name__}: {error}")
    return BrokerUnavailable(f"not published: {error!r}")


class Publisher:
    """Publishes records; replaces its producer when that can go no further.

    Order holds per key while the producer lives. One event loop, any number of callers.
    """

    def __init__(self, settings: Settings, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._producer: AIOKafkaProducer | None = None
        self._topics: set[str] = set()
        self._broken = False
        self._closed = False
        self._renewing = asyncio.Lock()
        self._acknowledged_at = time.monotonic()

    def reopen(self) -> None:
        """Allow sending again after ``stop``; the first ``send_many`` connects."""
        self._closed = False

    async def stop(self, deadline_s: float = _STOP_TIMEOUT_S) -> None:
        """Send what waits, within ``deadline_s`` seconds; what is left then fails."""
        self._closed = True
        async with self._renewing:
            producer, self._producer = self._producer, None
            if producer is not None:
                await _close(producer, deadline_s)

    async def send_many(self, topic: str, records: Sequence[Outgoing], *, apart: bool = False) -> list[Batch]:
        """Hand records to the producer, whole batches at a time.

        Returns once the producer has all of them, which is soon while the broker keeps up. Order holds
        per partition: within the call, and against every call made after it returned. What fails
        fails in the acknowledgements, with an aiokafka error; ``failure`` says what it means. Some batches
        may stand while others fail. An acknowledgement may take for ever while no broker answers: wait
        with a deadline.

        Args:
            apart: each record in a batch of its own, so that one that the broker refuses fails alone.

        Returns:
            Batches that together hold every record once.
        """
        try:
            producer = await self._ready()
            count = len(producer.client.cluster.partitions_for_topic(topic) or ())
            if topic not in self._topics or count == 0:
                count = await self._find(producer, topic)
        except BrokerUnavailable as error:
            return [_failed(list(range(len(records))), error)]
        except RecordRefused as error:  # there is no such topic: each record by itself is refused
            return [_failed([place], error) for place in range(len(records))]
        per_partition: dict[int, list[int]] = {}
        batches = []
        for place, record in enumerate(records):
            refused = refusal(record)
            if refused is None:
                partition = partition_of(record, count)
                per_partition.setdefault(partition, []).append(place)
            else:
                batches.append(_failed([place], refused))
        # All partitions one batch each, then the next: the producer sends one batch of each at once.
        queues = list(per_partition.items())
        while queues:
            for partition, places in queues:
                try:
                    batch, taken = filled(producer, records, places, 1 if apart else len(places))
                except (TypeError, ValueError) as error:  # of a header, say: only alone is it known whose
                    taken = 1 if apart else len(places)
                    batches.append(_failed(places[:taken], error))
                    del places[:taken]
                    continue
                acknowledgement = await self._send_batch(producer, batch, topic, partition)
                if acknowledgement.done() and not apart:
                    taken = len(places)  # not taken; what comes after it must not overtake it
                batches.append(Batch(partition, places[:taken], acknowledgement))
                del places[:taken]
            queues = [(partition, places) for partition, places in queues if places]
        return batches

    async def _send_batch(self, producer: AIOKafkaProducer, batch: Any, topic: str, partition: int) -> Acknowledgement:
        try:
            future: Acknowledgement = await producer.send_batch(batch, topic, partition=partition)
        except Exception as error:
            if isinstance(failure(error), BrokerUnavailable) and not isinstance(error, _PASSING):
                self._suspect(producer)
            return _failure_of(error)
        future.add_done_callback(lambda done: self._on_done(producer, done))
        return future

    async def ping(self) -> None:
        """Ask a broker for its metadata.

        Raises:
            BrokerUnavailable: no answer in time.
        """
        try:
            async with asyncio.timeout(_PING_TIMEOUT_S):
                producer = await self._ready()
                answered = await producer.client.force_metadata_update()
        except TimeoutError as error:
            raise BrokerUnavailable(f"no broker answered within {_PING_TIMEOUT_S:.0f} s") from error
        if not answered:
            raise BrokerUnavailable("no broker answers")

    def quiet_for(self) -> float:
        """Seconds since the last acknowledge."""
        return time.monotonic() - self._acknowledged_at

    async def _find(self, producer: AIOKafkaProducer, topic: str) -> int:
        """How many partitions a topic has. aiokafka would look for an unknown one much longer."""
        try:
            async with asyncio.timeout(_FIND_TIMEOUT_S):
                partitions = await producer.partitions_for(topic)
        except (TimeoutError, kafka.UnknownTopicOrPartitionError) as error:
            await self.ping()
            raise RecordRefused(f"the topic {topic} does not exist") from error
        except kafka.KafkaError as error:
            raise failure(error) from error
        self._topics.add(topic)
        return len(partitions)

    def _on_done(self, producer: AIOKafkaProducer, future: Acknowledgement) -> None:
        if future.cancelled():
            return
        if future.exception() is None:
            self._acknowledged_at = time.monotonic()
        else:
            # Also after a refusal: the refused batch left a gap in the partition's sequence.
            self._suspect(producer)

    def _suspect(self, producer: AIOKafkaProducer) -> None:
        if producer is self._producer:
            self._broken = True

    async def _ready(self) -> AIOKafkaProducer:
        if self._producer is not None and not self._broken:
            return self._producer
        async with self._renewing:
            if self._closed:
                raise BrokerUnavailable("the publisher is stopped")
            if self._producer is not None and not self._broken:
                return self._producer
            old, self._producer, self._broken = self._producer, None, False
            self._topics.clear()
            if old is not None:
                await _close(old, _STOP_TIMEOUT_S)
            self._producer = await self._open()
            if old is not None:
                emit(Event.KAFKA_CLIENT_REBUILT, client=self._client_id)
            return self._producer

    async def _open(self) -> AIOKafkaProducer:
        producer = make_producer(self._settings, self._client_id)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                await start_client(producer)
        except Exception as error:
            raise BrokerUnavailable(f"no broker answers at {self._settings.kafka_bootstrap_servers}") from error
        return producer


def _failure_of(error: BaseException) -> Acknowledgement:
    future: Acknowledgement = asyncio.get_running_loop().create_future()
    future.set_exception(error)
    return future


def _failed(places: list[int], error: BaseException) -> Batch:
    return Batch(-1, places, _failure_of(error))


async def _close(producer: AIOKafkaProducer, deadline_s: float) -> None:
    """Flush and close within the deadline, then fail what is left: aiokafka would never tell of it."""
    await close_producer(producer, deadline_s)
    producer._message_accumulator.fail_all(kafka.ProducerClosed())
