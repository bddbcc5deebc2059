"""Which partition a record goes to."""

import random

import pytest
from aiokafka.partitioner import DefaultPartitioner

from jobstream.kafka.batches import Outgoing, partition_of


@pytest.mark.parametrize("key", [b"", b"k", b"customer-7", b"\xff\x00\x80", "Ünal".encode(), b"0123456789abcdef" * 16])
def test_a_key_that_orders_goes_where_every_kafka_client_puts_it(key):
    partitions = list(range(12))
    assert partition_of(Outgoing(key, b"v", []), 12) == DefaultPartitioner()(key, partitions, partitions)


def test_a_key_that_orders_nothing_goes_to_the_same_partition_each_time_and_all_get_their_share():
    rng = random.Random(7)
    keys = [f"{rng.getrandbits(128):032x}".encode() for _ in range(12_000)]
    shares = [0] * 12
    for key in keys:
        partition = partition_of(Outgoing(key, b"v", [], spread=True), 12)
        assert partition == partition_of(Outgoing(key, b"v", [], spread=True), 12)
        shares[partition] += 1
    assert min(shares) > 800
    assert max(shares) < 1_200
