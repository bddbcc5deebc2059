"""Records as whole batches: which go together, and what may go at all."""

import asyncio
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.partitioner import murmur2
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from jobstream.contracts.headers import Headers
from jobstream.errors import RecordRefused
from jobstream.kafka.clients import PRODUCER_MAX_REQUEST

Acknowledgement = asyncio.Future[Any]
"""Done once the record stands on all in-sync replicas: topic, partition, offset. See `failure`."""

_CERTAINLY_FITS = PRODUCER_MAX_REQUEST // 2
"""A value of at most so many bytes needs no second look at its size, with its key and headers."""


class Outgoing(NamedTuple):
    """A record for ``Publisher.send_many``.

    Attributes:
        spread: the key orders nothing (a job's own id), so any partition will do, as long as it is the
            same one each time: a hash in C, at a fiftieth of the price. Otherwise the partition is the
            one that Kafka's own clients choose for the key.
    """

    key: bytes | None
    value: bytes | None
    headers: Headers
    spread: bool = False


class Batch(NamedTuple):
    """Records that were sent as one, with one acknowledgement.

    Attributes:
        places: which of the records given they are, in their order on the partition.
        acknowledgement: its offset is the first record's, the others follow one by one; -1 if the
            broker did not tell.
    """

    partition: int
    places: list[int]
    acknowledgement: Acknowledgement


def partition_of(record: Outgoing, count: int) -> int:
    """Where a record goes on a topic with ``count`` partitions."""
    if record.key is None:
        return zlib.crc32(record.value or b"") % count
    return (zlib.crc32(record.key) if record.spread else _murmur2(record.key)) % count


@lru_cache(maxsize=10_000)
def _murmur2(key: bytes) -> int:
    return int(murmur2(key)) & 0x7FFFFFFF


def refusal(record: Outgoing) -> RecordRefused | None:
    """Why a record can never be sent, or None."""
    if record.value is None:
        return RecordRefused("it has neither key nor value") if record.key is None else None
    if len(record.value) <= _CERTAINLY_FITS:
        return None
    size = DefaultRecordBatchBuilder.estimate_size_in_bytes(record.key, record.value, record.headers)
    if size <= PRODUCER_MAX_REQUEST:
        return None
    return RecordRefused(f"it has {size} bytes, at most {PRODUCER_MAX_REQUEST} are sent")


def filled(producer: AIOKafkaProducer, records: Sequence[Outgoing], places: list[int], most: int) -> tuple[Any, int]:
    """A closed batch of the first of ``places``, and how many it took: ``most``, or what has room in it."""
    batch = producer.create_batch()
    taken = 0
    for place in places[:most]:
        record = records[place]
        if batch.append(timestamp=None, key=record.key, value=record.value, headers=record.headers) is None:
            break
        taken += 1
    batch.close()  # nothing else is put into it, and it is sent without lingering
    return batch, taken
