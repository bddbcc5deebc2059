"""How a worker reads the control topic."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from jobstream.contracts.control import CancelOrder, Gates
from jobstream.errors import BrokerUnavailable
from jobstream.ids import new_id
from jobstream.telemetry import Event, subscribe
from jobstream_worker import control_watch
from jobstream_worker.control_watch import ControlWatch
from jobstream_worker.counts import Counts
from jobstream_worker.settings import WorkerSettings
from tests.support.eventually import eventually

NOW = datetime.now(UTC)


class Heard:
    """What a watch had obeyed."""

    def __init__(self) -> None:
        self.orders: list[CancelOrder] = []
        self.gates: list[Gates | None] = []
        self.known = asyncio.Event()

    def obey(self, orders: list[CancelOrder], gates: Gates | None) -> None:
        self.orders += orders
        self.gates.append(gates)

    def caught_up(self) -> None:
        self.known.set()


class Topic:
    """A topic in memory, and the followers that were made of it."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.grown = asyncio.Event()
        self.away = False
        self.followers: list[Follower] = []

    def append(self, *values: bytes | None) -> None:
        self.values += values
        self.grown.set()

    def follow(self, *_: Any, **__: Any) -> "Follower":
        self.followers.append(Follower(self))
        return self.followers[-1]


class Follower:
    """Reads it, two records at a time."""

    def __init__(self, topic: Topic) -> None:
        self._topic = topic
        self._at = 0
        self.deaf = False
        self.stopped = False

    async def start(self) -> None:
        self._at = len(self._topic.values)

    async def stop(self, _deadline_s: float = 1.0) -> None:
        self.stopped = True

    def rewind(self, starts: list[int]) -> None:
        assert starts == []
        self._at = 0

    async def ends(self) -> list[int]:
        if self._topic.away:
            raise BrokerUnavailable("away")
        return [len(self._topic.values)]

    async def reached(self, ends: list[int]) -> bool:
        return self._at >= ends[0]

    async def read(self, timeout_s: float) -> list[Any]:
        try:
            async with asyncio.timeout(timeout_s):
                while self.deaf or self._at == len(self._topic.values):
                    self._topic.grown.clear()
                    await self._topic.grown.wait()
        except TimeoutError:
            return []
        values = self._topic.values[self._at : self._at + 2]
        begin, self._at = self._at, self._at + len(values)
        return [SimpleNamespace(offset=begin + n, value=value) for n, value in enumerate(values)]


@pytest.fixture
async def stand(monkeypatch):
    """A watch of a topic, not started."""
    topic, heard, counts = Topic(), Heard(), Counts()
    monkeypatch.setattr(control_watch, "TopicFollower", topic.follow)
    monkeypatch.setattr(control_watch, "RETRY", SimpleNamespace(ceiling=lambda _tries: 0.01))
    watch = ControlWatch(WorkerSettings(_env_file=None), "me", "jobs.control", heard, counts)  # type: ignore[arg-type]
    yield SimpleNamespace(topic=topic, heard=heard, counts=counts, watch=watch)
    async with asyncio.timeout(1):
        await watch.stop()


def order() -> CancelOrder:
    return CancelOrder(id=new_id(), dispatch=1, at=NOW)


async def test_it_reads_from_the_beginning_and_goes_on_with_what_comes(stand):
    given = [order() for _ in range(5)]
    stand.topic.append(*(each.to_json() for each in given[:4]))
    await stand.watch.start()
    await asyncio.wait_for(stand.heard.known.wait(), 2)
    assert stand.heard.orders == given[:4]
    stand.topic.append(given[4].to_json())
    await eventually(lambda: stand.heard.orders == given)
    assert stand.counts.orders == 5


async def test_an_empty_topic_is_known_at_once(stand):
    await stand.watch.start()
    await asyncio.wait_for(stand.heard.known.wait(), 2)
    assert stand.heard.gates == []


async def test_of_gates_read_together_the_newest_counts(stand):
    stand.watch.take(
        [
            SimpleNamespace(offset=n, value=Gates(version=version, at=NOW).to_json())
            for n, version in enumerate((3, 5, 4))
        ]
    )
    assert [gates.version for gates in stand.heard.gates] == [5]


@pytest.mark.parametrize("value", [None, b"", b"{", b"[]", b"{}", b'{"control":"dance"}', b'{"control":"cancel"}'])
async def test_what_cannot_be_read_is_counted_and_passed_over(stand, value):
    told = []
    end = subscribe(lambda event, fields: told.append((event, fields["offset"])))
    try:
        stand.topic.append(value, order().to_json())
        await stand.watch.start()
        await eventually(lambda: stand.heard.orders)
    finally:
        end()
    assert told == [(Event.CONTROL_IGNORED, 0)]
    assert stand.counts.control_ignored == 1


async def test_while_kafka_is_away_nothing_is_known_and_afterwards_all_is_read_again(stand):
    stand.topic.append(order().to_json())
    stand.topic.away = True
    await stand.watch.start()
    await eventually(lambda: len(stand.topic.followers) > 2)
    assert not stand.heard.known.is_set()
    assert all(follower.stopped for follower in stand.topic.followers[:-1])
    stand.topic.away = False
    await asyncio.wait_for(stand.heard.known.wait(), 2)
    assert len(stand.heard.orders) == 1


async def test_a_reader_that_has_silently_stopped_is_replaced(stand, monkeypatch):
    for name, seconds in (("READ_S", 0.02), ("CATCH_UP_S", 0.02), ("ASK_EVERY_S", 0.05), ("SILENCE_S", 0.05)):
        monkeypatch.setattr(control_watch, name, seconds)
    await stand.watch.start()
    await asyncio.wait_for(stand.heard.known.wait(), 2)
    stand.topic.followers[0].deaf = True
    stand.topic.append(order().to_json())
    await eventually(lambda: stand.heard.orders)
    assert stand.topic.followers[0].stopped


async def test_it_stops_at_once_while_it_waits_for_records(stand):
    await stand.watch.start()
    await asyncio.wait_for(stand.heard.known.wait(), 2)
    async with asyncio.timeout(0.5):
        await stand.watch.stop()
    assert stand.topic.followers[0].stopped
