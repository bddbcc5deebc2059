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
    """Every connection of aiokafka's. The first question of a client, for metadata, is answered when a test lets it.

    Attributes:
        asked: that question was sent.
        answer: it may be answered.
    """

    def __init__(self) -> None:
        self.made: list[AIOKafkaConnection] = []
        self.asked = asyncio.Event()
        self.answer = asyncio.Event()

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
            await wires.answer.wait()
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


async def cut_off(starting, wires, *, answer=True):
    """Cancel a start that waits for its first answer, which then comes."""
    task = asyncio.create_task(starting)
    await wires.asked.wait()
    task.cancel()
    if answer:
        asyncio.get_running_loop().call_soon(wires.answer.set)  # after the cancellation
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_aiokafka_itself_does_not_close_the_connection_of_a_start_cut_off(settings, wires):
    producer = make_producer(settings, "cut-off")
    await cut_off(producer.start(), wires)
    await producer.stop()
    assert wires.open, "start_client need not wait: see its docstring"


@pytest.mark.parametrize(
    "start",
    [
        lambda settings: start_client(make_producer(settings, "cut-off")),
        lambda settings: start_client(make_consumer(settings, "cut-off", group_id=None)),
        lambda settings: make_admin(settings, "cut-off"),
        lambda settings: Ends(settings, "cut-off").ends(["any"]),
        lambda settings: Publisher(settings, "cut-off").ping(),
        lambda settings: KafkaClient(settings).start(),
    ],
)
async def test_what_is_cut_off_in_its_start_is_closed(settings, wires, start):
    before = asyncio.all_tasks()
    await cut_off(start(settings), wires)
    assert wires.made
    assert not wires.open
    assert asyncio.all_tasks() == before


async def test_a_follower_that_starts_too_late_is_closed(settings, wires, monkeypatch):
    monkeypatch.setattr("jobstream.kafka.follower._ANSWER_S", 0.1)
    starting = asyncio.create_task(TopicFollower(settings, "cut-off", "any").start())
    await wires.asked.wait()
    asyncio.get_running_loop().call_later(0.2, wires.answer.set)
    with pytest.raises(BrokerUnavailable):
        await starting
    assert wires.made
    assert not wires.open


async def test_without_an_answer_a_cancelled_start_ends_all_the_same(settings, wires, monkeypatch):
    monkeypatch.setattr("jobstream.kafka.clients._FIRST_ANSWER_S", 0.05)
    async with asyncio.timeout(5):
        await cut_off(start_client(make_producer(settings, "cut-off")), wires, answer=False)


async def test_cancelled_again_a_start_waits_for_no_answer(settings, wires):
    task = asyncio.create_task(start_client(make_producer(settings, "cut-off")))
    await wires.asked.wait()
    starting = next(other for other in asyncio.all_tasks() if other.get_name() == "start a client of Kafka")
    for _ in range(2):
        task.cancel()
        await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait([starting])
    assert starting.cancelled()


async def test_a_client_whose_start_was_cut_off_starts_when_it_is_asked_again(space, wires):
    client = KafkaClient(space.settings(Settings))
    with pytest.raises(RuntimeError, match="not connected"):
        await client.publish({"task": "example"})
    await cut_off(client.start(), wires)
    await client.start()
    assert await client.publish({"task": "example"})
    await client.close()
    await client.close()
