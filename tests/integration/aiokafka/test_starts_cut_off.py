"""A client whose start is cut off, by a deadline or at shutdown, leaves no connection open."""

import asyncio

import pytest
from aiokafka.conn import AIOKafkaConnection
from aiokafka.protocol.metadata import MetadataRequest

from jobstream.client import KafkaClient
from jobstream.errors import BrokerUnavailable
from jobstream.kafka.clients import make_admin, make_consumer, make_producer, start_client
from jobstream.kafka.ends import Ends
from jobstream.kafka.follower import TopicFollower
from jobstream.kafka.publisher import Publisher
from jobstream.settings import Settings


class Wires:
    """Every connection of aiokafka's. The first question of a client, for metadata, is answered late.

    Attributes:
        asked: that question was sent.
    """

    def __init__(self) -> None:
        self.made: list[AIOKafkaConnection] = []
        self.asked = asyncio.Event()

    @property
    def open(self) -> list[AIOKafkaConnection]:
        return [wire for wire in self.made if wire.connected()]


@pytest.fixture
def wires(monkeypatch):
    wires = Wires()
    send, connect = AIOKafkaConnection.send, AIOKafkaConnection.connect

    async def sent(wire, request, *more, **options):
        if isinstance(request, MetadataRequest):
            wires.asked.set()
            await asyncio.sleep(0.2)
        return await send(wire, request, *more, **options)

    async def connected(wire):
        wires.made.append(wire)
        return await connect(wire)

    monkeypatch.setattr(AIOKafkaConnection, "send", sent)
    monkeypatch.setattr(AIOKafkaConnection, "connect", connected)
    yield wires
    for wire in wires.open:
        wire.close()


@pytest.fixture
def settings(bare):
    return Settings(kafka_bootstrap_servers=bare.servers)


async def cut_off(starting, wires):
    """Cancel a start that waits for its first answer."""
    task = asyncio.create_task(starting)
    await wires.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_aiokafka_itself_forgets_the_connection_of_a_start_cut_off(settings, wires):
    producer = make_producer(settings, "cut-off")
    await cut_off(producer.start(), wires)
    await producer.stop()
    assert wires.open, "start_client can go: see its docstring"


@pytest.mark.parametrize("make", [make_producer, lambda *given: make_consumer(*given, group_id=None)])
async def test_started_by_start_client_it_closes_whole(settings, wires, make):
    client = make(settings, "cut-off")
    await cut_off(start_client(client), wires)
    await client.stop()
    assert wires.made
    assert not wires.open


@pytest.mark.parametrize(
    "start",
    [
        lambda settings: make_admin(settings, "cut-off"),
        lambda settings: Ends(settings, "cut-off").ends(["any"]),
        lambda settings: Publisher(settings, "cut-off").ping(),
        lambda settings: KafkaClient(settings).__aenter__(),
    ],
)
async def test_what_starts_clients_closes_them_when_it_is_cut_off(settings, wires, start):
    await cut_off(start(settings), wires)
    assert wires.made
    assert not wires.open


async def test_a_follower_that_starts_too_late_is_closed(settings, wires, monkeypatch):
    monkeypatch.setattr("jobstream.kafka.follower._ANSWER_S", 0.1)
    with pytest.raises(BrokerUnavailable):
        await TopicFollower(settings, "cut-off", "any").start()
    assert wires.made
    assert not wires.open


async def test_without_an_answer_a_cancelled_start_ends_all_the_same(settings, wires, monkeypatch):
    monkeypatch.setattr("jobstream.kafka.clients._FIRST_ANSWER_S", 0.05)
    producer = make_producer(settings, "cut-off")
    await cut_off(start_client(producer), wires)
    await producer.stop()


async def test_cancelled_again_a_start_ends_at_once(settings, wires):
    producer = make_producer(settings, "cut-off")
    task = asyncio.create_task(start_client(producer))
    await wires.asked.wait()
    starting = next(other for other in asyncio.all_tasks() if other.get_name() == "start a client of Kafka")
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait([starting])
    assert starting.cancelled()
    await producer.stop()
