"""What an acknowledge tells of records that wait; the broker is played by hand."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest_asyncio

from jobstream.errors import BrokerUnavailable
from jobstream.kafka.batches import Batch, Outgoing
from jobstream.kafka.outbound import Outbound
from jobstream.settings import Settings
from tests.support.eventually import eventually


class Broker:
    """Takes batches, one for each call, and answers when told."""

    def __init__(self) -> None:
        self.sent: list[tuple[list[bytes | None], asyncio.Future[Any]]] = []

    async def send_many(self, topic: str, records: list[Outgoing]) -> list[Batch]:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.sent.append(([record.value for record in records], answer))
        return [Batch(0, list(range(len(records))), answer)]

    def reopen(self) -> None:
        """Nothing is closed."""

    async def stop(self, deadline_s: float) -> None:
        """Nothing is open."""

    def land(self, number: int, offset: int) -> None:
        """The batch of that number stands at ``offset``."""
        self.sent[number][1].set_result(SimpleNamespace(offset=offset))


@pytest_asyncio.fixture
async def outbound():
    made = Outbound(Settings(_env_file=None), "me")
    made._publisher = Broker()  # type: ignore[assignment]
    await made.start()
    yield made
    await made.stop(1.0)


async def until(condition) -> None:
    await eventually(condition, timeout=5, every=0.001)


def post(outbound: Outbound, name: str, places: list[tuple[str, int]]) -> None:
    outbound.post("t", Outgoing(b"k", name.encode(), []), lambda _partition, offset: places.append((name, offset)))


async def test_records_of_a_batch_are_acknowledged_one_by_one_in_order(outbound):
    broker: Any = outbound._publisher
    places: list[tuple[str, int]] = []
    ends = []
    outbound.landed = lambda _topic, _partition, end: ends.append((end, list(places)))
    for name in "abc":
        post(outbound, name, places)
    await until(lambda: broker.sent)
    assert outbound.waiting == outbound.waiting_bytes == 3
    broker.land(0, 10)
    await until(lambda: places)
    assert places == [("a", 10), ("b", 11), ("c", 12)]
    assert ends == [(13, [])], "told before the records' own callbacks"
    assert outbound.waiting == outbound.waiting_bytes == 0
    assert await outbound.flush(1.0)


async def test_a_place_that_the_broker_does_not_tell_is_told_as_unknown(outbound):
    places: list[tuple[str, int]] = []
    for name in "ab":
        post(outbound, name, places)
    broker: Any = outbound._publisher
    await until(lambda: broker.sent)
    broker.land(0, -1)
    await until(lambda: places)
    assert places == [("a", -1), ("b", -1)]


async def test_a_callback_that_fails_keeps_no_other_from_hearing(outbound):
    broker: Any = outbound._publisher
    places: list[tuple[str, int]] = []
    outbound.post("t", Outgoing(b"k", b"a", []), lambda _partition, _offset: 1 // 0)
    post(outbound, "b", places)
    await until(lambda: broker.sent)
    broker.land(0, 5)
    await until(lambda: places)
    assert places == [("b", 6)]


async def test_after_a_failed_round_the_floor_waits_for_all_that_it_may_have_written(outbound):
    """The round may have written a record lower down without our hearing of it."""
    broker: Any = outbound._publisher
    places: list[tuple[str, int]] = []
    ends: list[int] = []
    outbound.landed = lambda _topic, _partition, end: ends.append(end)
    post(outbound, "a", places)
    await until(lambda: len(broker.sent) == 1)
    post(outbound, "b", places)
    await until(lambda: len(broker.sent) == 2)
    broker.sent[1][1].set_exception(BrokerUnavailable("gone"))
    await until(lambda: len(broker.sent) == 3)
    assert broker.sent[2][0] == [b"a", b"b"], "everything unacknowledged goes again"
    broker.land(0, 20)
    await until(lambda: places == [("a", 20)])
    assert ends == [0], "b may stand at 21 since the failed round"
    broker.land(2, 22)
    await until(lambda: len(places) == 2)
    assert places == [("a", 20), ("b", 23)]
    assert ends == [0, 24]
