"""PostgreSQL and the brokers by themselves: their data outlive a restart, and they end when told."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from jobstream.kafka import topics
from jobstream.kafka.probe import brokers_answering
from jobstream.local.broker import Broker
from jobstream.local.embedded import Embedded
from jobstream.local.kafka import Kafka
from jobstream.local.postgres import Postgres
from jobstream.local.processes import Command, Family, Process
from jobstream.local.state import StateDir
from jobstream.settings import Settings
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

SMALL = ("-Xms128m", "-Xmx384m")


@pytest.fixture
async def home(tmp_path) -> AsyncIterator[tuple[StateDir, Family]]:
    state = StateDir(tmp_path / "state").acquire()
    family = Family(state.children_file)
    yield state, family
    await family.close()
    state.release()


def settings(broker: Broker, **more: object) -> Settings:
    return Settings(_env_file=None, kafka_bootstrap_servers=broker.bootstrap_servers, **more)  # type: ignore[call-arg,arg-type]


async def produce(broker: Broker, topic: str, *values: bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap_servers, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
    finally:
        await producer.stop()


async def consume(broker: Broker, topic: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=broker.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(20):
            return [(await consumer.getone()).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_postgres_keeps_its_rows_its_port_and_its_password(home):
    state, family = home
    first = Postgres(state, family)
    await first.start()
    url = await first.make_database()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept (n int)")
    await connection.execute("INSERT INTO kept VALUES (42)")
    assert await connection.fetchval("SHOW synchronous_commit") == "on"
    assert int(await connection.fetchval("SHOW server_version_num")) >= 180000
    await connection.close()
    await first.stop()

    second = Postgres(state, family)
    await second.start()
    assert await second.make_database() == url
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT n FROM kept") == 42
    await connection.close()


async def test_postgres_takes_no_one_without_the_password(home):
    postgres = Postgres(*home)
    await postgres.start()
    url = await postgres.make_database()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(url, password="guessed")


async def test_postgres_comes_back_after_a_crash(home):
    state, family = home
    postgres = Postgres(state, family)
    await postgres.start()
    await postgres.make_database()
    assert postgres.process is not None
    postgres.process.kill()
    await postgres.process.wait(5)
    again = Postgres(state, family)
    await again.start()
    await again.make_database()


@pytest.mark.parametrize("kind", [pytest.param(Kafka, marks=pytest.mark.kafka_only), Embedded])
async def test_a_broker_keeps_its_records_and_its_port(home, kind):
    broker = kind(*home)
    await broker.start()
    await topics.apply(settings(broker, topic_prefix="kept."))
    await produce(broker, "kept.jobs.created", b"one", b"two")
    await broker.stop()
    assert await brokers_answering(broker.bootstrap_servers) == 0

    again = kind(*home)
    await again.start()
    assert again.bootstrap_servers == broker.bootstrap_servers
    assert await topics.plan(settings(again, topic_prefix="kept.")) == []
    await produce(again, "kept.jobs.created", b"three")
    assert await consume(again, "kept.jobs.created", 3) == [b"one", b"two", b"three"]


@pytest.mark.kafka_only
async def test_three_kafka_brokers_outlive_the_loss_of_one(home):
    state, family = home
    kafka = Kafka(state, family, size=3, jvm=SMALL)
    await kafka.start()
    assert await brokers_answering(f"127.0.0.1:{kafka.nodes[2].port}") == 3
    wanted = settings(kafka, topic_replication=3, topic_partitions=3)
    await topics.apply(wanted)
    await produce(kafka, "jobs.created", b"before")
    victim = kafka.nodes[1]
    assert victim.process is not None
    victim.process.kill()
    await victim.process.wait(5)
    await produce(kafka, "jobs.created", b"meanwhile")
    await victim.start()
    await kafka.wait_ready()
    assert await consume(kafka, "jobs.created", 2) == [b"before", b"meanwhile"]


async def test_an_idle_consumer_of_the_embedded_broker_is_calm_and_still_woken_at_once(home):
    broker = Embedded(*home)
    await broker.start()
    await topics.apply(settings(broker))
    consumer = AIOKafkaConsumer("jobs.created", bootstrap_servers=broker.bootstrap_servers, fetch_max_wait_ms=10_000)
    await consumer.start()
    try:
        await consumer.getmany(timeout_ms=100)
        processes = [psutil.Process(process.pid) for process in broker.processes]
        before = sum(sum(process.cpu_times()[:2]) for process in processes)
        await consumer.getmany(timeout_ms=2_000)
        assert sum(sum(process.cpu_times()[:2]) for process in processes) - before < 0.2
        began = time.monotonic()
        await produce(broker, "jobs.created", b"wake up")
        assert (await asyncio.wait_for(consumer.getone(), 5)).value == b"wake up"
        assert time.monotonic() - began < 2.0
    finally:
        await consumer.stop()


async def test_a_broker_that_runs_already_is_used_and_left_running(home):
    from jobstream.local.broker import start_broker

    state, family = home
    own = Embedded(state, family)
    await own.start()
    external = await start_broker(own.bootstrap_servers, state, family, tell=print)
    assert external.kind == "external"
    assert external.env == {"JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS": own.bootstrap_servers}
    await external.stop()
    assert await brokers_answering(own.bootstrap_servers) == 1


async def test_without_java_the_embedded_broker_is_taken_and_the_reason_told(home, monkeypatch, tmp_path):
    from jobstream.local.broker import start_broker

    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    told: list[str] = []
    broker = await start_broker(None, *home, tell=told.append)
    assert broker.kind == "embedded"
    (line,) = told
    assert line.startswith("no Apache Kafka: there is no java")
    await eventually(lambda: brokers_answering(broker.bootstrap_servers), timeout=5)


MEMBER = """
import asyncio, sys
from aiokafka import AIOKafkaConsumer

async def main():
    consumer = AIOKafkaConsumer(
        "jobs.created", bootstrap_servers=sys.argv[1], group_id="g", session_timeout_ms=6000, heartbeat_interval_ms=1000
    )
    await consumer.start()
    while True:
        print(len(consumer.assignment()), flush=True)
        await consumer.getmany(timeout_ms=200)

asyncio.run(main())
"""


@pytest.mark.parametrize("kind", [pytest.param(Kafka, marks=pytest.mark.kafka_only), Embedded])
async def test_a_killed_member_is_expelled_after_its_session_timeout(home, kind, tmp_path):
    broker = kind(*home)
    await broker.start()
    await topics.apply(settings(broker))

    def member(name: str) -> tuple[Process, Path]:
        log = tmp_path / f"{name}.log"
        return home[1].spawn(Command(name, [sys.executable, "-c", MEMBER, broker.bootstrap_servers], log=log)), log

    def partitions(log: Path) -> str:
        return (log.read_text().splitlines() or [""])[-1]

    first, log = member("first")
    await eventually(lambda: partitions(log) == "12", timeout=30)
    first.kill()
    await first.wait(5)
    began = time.monotonic()
    _, log = member("second")
    await eventually(lambda: partitions(log) == "12", timeout=30)
    assert time.monotonic() - began < 15
