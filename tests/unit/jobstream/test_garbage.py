"""What the collector is told."""

import gc

import pytest

from jobstream import garbage


@pytest.fixture
def settled():
    before = gc.get_threshold()
    garbage.settle()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_what_stays_is_set_aside_and_a_batch_starts_no_collection(settled):
    assert gc.get_freeze_count() > 1_000
    before = [generation["collections"] for generation in gc.get_stats()]
    batch = [{"number": number, "parts": [number]} for number in range(20_000)]
    assert [generation["collections"] for generation in gc.get_stats()] == before
    assert len(batch) == 20_000


def test_cycles_are_still_found(settled):
    class Node:
        found = 0
        me: object

        def __del__(self) -> None:
            Node.found += 1

    for _ in range(120_000):
        node = Node()
        node.me = node
    assert Node.found > 50_000
