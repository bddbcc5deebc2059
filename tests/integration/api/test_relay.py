"""From the outbox to Kafka, whatever happens on the way."""

import asyncio
import secrets
import time
from datetime import UTC, datetime, timedelta

import httpx2
import orjson
import pytest

from jobstream.contracts.headers import header
from jobstream.ids import id_floor, new_id
from jobstream.kafka.publisher import Publisher
from jobstream.telemetry import Event, subscribe
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import outbox
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services.outbox_floor import OutboxFloor
from jobstream_api.services.relay import Relay
from jobstream_api.services.sweep import Sweep
from tests.integration.api.doors import announce, read_all
from tests.integration.api.topics import create
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

SEED = {"payload": {"task": "example"}}


def _row(topic: str, value: bytes = b"{}", key: bytes = b"k") -> OutboxRow:
    return OutboxRow(new_id(), None, topic, key, [("n", b"1")], value, datetime.now(UTC))


@pytest.fixture
async def relay(space):
    """A relay with a sweep that looks often, and what writes rows for them."""
    settings = space.settings(relay_sweep_after_s=0.002)
    database = Database(settings)
    await database.open()
    relay = Relay(database, Publisher(settings, "test-relay"), dead_topic=space.topics.dead)
    relay.floor = OutboxFloor()
    sweep = Sweep(settings, database, relay, floor=relay.floor)
    await relay.start()

    async def write(rows, *, hand_over=True):
        async with database.transaction() as connection:
            await outbox.insert(connection, rows)
        if hand_over:
            relay.hand_over(rows)

    relay.write = write
    relay.sweep = sweep
    yield relay
    await sweep.stop(5.0)
    await sweep.teardown()  # of single turns too
    await relay.stop(5.0)
    await database.close()


async def _emptied(space, timeout=20.0):
    async def empty():
        return not await space.fetch("SELECT 1 FROM outbox")

    await eventually(empty, timeout=timeout, what="the outbox is empty")


async def test_rows_of_one_key_keep_their_order(space, relay):
    rows = [_row(space.topics.jobs(), b'{"n": %d}' % n) for n in range(500)]
    await relay.write(rows[:250])
    await relay.write(rows[250:])
    await _emptied(space)
    records = await read_all(space, space.topics.jobs(), at_least=500)
    assert [orjson.loads(record.value)["n"] for record in records] == list(range(500))
    assert relay.held == 0


async def test_the_sweep_takes_what_nobody_handed_over(space, relay):
    await relay.write([_row(space.topics.jobs()) for _ in range(2500)], hand_over=False)
    await relay.sweep.start()
    await _emptied(space)
    assert len(await read_all(space, space.topics.jobs(), at_least=2500)) == 2500


async def test_beyond_the_backlog_rows_are_left_to_the_sweep(space):
    settings = space.settings()
    database = Database(settings)
    await database.open()
    relay = Relay(database, Publisher(settings, "test-relay"), dead_topic=space.topics.dead, backlog=10)
    await relay.start()
    try:
        rows = [_row(space.topics.jobs()) for _ in range(30)]
        async with database.transaction() as connection:
            await outbox.insert(connection, rows)
        relay.hand_over(rows)
        assert relay.room == 0

        async def left():
            return len(await space.fetch("SELECT 1 FROM outbox")) == 20

        await eventually(left, what="the ten that had room are out")
    finally:
        await relay.stop(5.0)
        await database.close()


@pytest.mark.kafka_only
@pytest.mark.parametrize("kind", ["too large", "unknown topic", "neither key nor value"])
async def test_a_poison_row_delays_no_neighbour_and_is_parked(space, relay, kind):
    job_id = new_id()
    await space.execute("INSERT INTO jobs (id, type, queue, payload) VALUES ($1, 'example', 'default', '{}')", job_id)
    poison = {
        "too large": OutboxRow(
            new_id(), job_id, space.topics.jobs(), b"k", None, secrets.token_bytes(3_000_000), datetime.now(UTC)
        ),
        "unknown topic": OutboxRow(
            new_id(), job_id, space.topics.jobs("nowhere"), b"k", None, b"{}", datetime.now(UTC)
        ),
        "neither key nor value": OutboxRow(new_id(), job_id, space.topics.jobs(), None, None, None, datetime.now(UTC)),
    }[kind]
    # 9 refusals behind it: a test has no time for the waits between them.
    await relay.write([poison], hand_over=False)
    await space.execute("UPDATE outbox SET failures = 9")
    relay.hand_over([poison])
    slowest = 0.0
    for n in range(20):
        began = time.monotonic()
        good = _row(space.topics.jobs(), b'{"n": %d}' % n)
        await relay.write([good])

        async def out(good=good):
            return not await space.fetch("SELECT 1 FROM outbox WHERE id = $1", good.id)

        await eventually(out, timeout=10, every=0.01, what="a good neighbour is out")
        slowest = max(slowest, time.monotonic() - began)
    assert slowest < 2.0
    await _emptied(space, timeout=60)
    [letter] = await space.fetch("SELECT topic, partition, reason, job_id, value FROM dead_letters")
    assert (letter["topic"], letter["reason"], letter["job_id"]) == ("outbox", "unpublishable", job_id)
    [job] = await space.fetch("SELECT status, last_error, errors, finished_at FROM jobs")
    assert job["status"] == "FAILED"
    assert job["last_error"].startswith("unpublishable: ")
    assert orjson.loads(job["errors"])[0]["code"] == "unpublishable"
    records = await read_all(space, space.topics.jobs(), at_least=20)
    numbers = [orjson.loads(record.value)["n"] for record in records]
    assert sorted(set(numbers)) == list(range(20))


@pytest.mark.kafka_only
async def test_a_refused_row_is_tried_again_later_and_not_lost(space, relay):
    await relay.write([_row(space.topics.jobs("later"))])

    async def counted():
        return await space.fetch("SELECT 1 FROM outbox WHERE failures > 0")

    await eventually(counted, timeout=40, what="the refusal is counted")
    assert relay.held == 0
    await create(space, space.topics.jobs("later"))
    await relay.sweep.start()
    await _emptied(space, timeout=40)
    assert len(await read_all(space, space.topics.jobs("later"), at_least=1)) == 1


@pytest.mark.slow
async def test_without_kafka_submits_are_taken_and_readiness_says_so(space, start_inside):
    client = await start_inside(
        kafka_bootstrap_servers="127.0.0.1:1", unknown_types="accept", roles=("http", "leader"), relay_sweep_after_s=0.2
    )
    answers = await asyncio.gather(*(client.post("/jobs", json=SEED) for _ in range(50)))
    assert {answer.status_code for answer in answers} == {201}
    assert len(await space.fetch("SELECT 1 FROM outbox")) == 50

    async def told():
        answer = await client.get("/readyz")
        reasons = answer.json()["reasons"]
        return answer.status_code == 503 and any(reason.startswith("relay") for reason in reasons)

    await eventually(told, timeout=20, every=0.5, what="readiness names the relay")
    assert [row["failures"] for row in await space.fetch("SELECT DISTINCT failures FROM outbox")] == [0]


async def test_a_row_that_was_committed_below_the_floor_is_found_by_the_next_whole_pass(space, relay):
    late = _row(space.topics.jobs())._replace(id=id_floor(datetime.now(UTC) - timedelta(hours=1)))
    await relay.sweep.turn()
    assert relay.floor.id.int > late.id.int
    await relay.write([late], hand_over=False)
    await relay.sweep.turn()
    assert not relay.holds(late.id), "it was not looked for there"
    relay.floor.fall()
    await relay.sweep.turn()
    await _emptied(space)


@pytest.mark.parametrize(
    ("point", "copies"), [("api.after_commit_before_publish", 1), ("api.after_ack_before_delete", 2)]
)
async def test_killed_on_the_way_everything_is_published_after_the_restart(space, point, copies):
    await announce(space, "example")
    env = {"JOBSTREAM_API_ROLES": "http,leader", "JOBSTREAM_RELAY_SWEEP_AFTER_S": "0.5"}
    doomed = await space.start_api(JOBSTREAM_FAILPOINT=point, **env)
    async with space.http(doomed) as client:

        async def known():
            return (await client.get("/job-types")).json()["items"]

        await eventually(known, what="the type is known")
        async with asyncio.TaskGroup() as group:
            calls = [group.create_task(_post(client)) for _ in range(10)]
    assert await doomed.gone(20) == -9
    assert sum(call.result() == 201 for call in calls) <= 10
    left = {str(row["job_id"]) for row in await space.fetch("SELECT job_id FROM outbox")}
    stored = {str(row["id"]) for row in await space.fetch("SELECT id FROM jobs")}
    assert left
    await space.start_api(**env)
    began = time.monotonic()
    await _emptied(space)
    assert time.monotonic() - began < 10
    records = await read_all(space, space.topics.jobs(), at_least=len(stored))
    ids = [header(record.headers, "ce_subject").decode() for record in records]
    assert set(ids) == stored
    assert max(ids.count(job_id) for job_id in left) == copies
    # A repeat carries the same event id, so that consumers can tell.
    events = {(header(record.headers, "ce_subject"), header(record.headers, "ce_id")) for record in records}
    assert len(events) == len(stored)


async def _post(client):
    try:
        return (await client.post("/jobs", json=SEED)).status_code
    except httpx2.TransportError:
        return None


@pytest.mark.kafka_only
async def test_many_rows_for_a_topic_that_is_not_there_are_counted_and_hold_up_no_other(space, relay):
    nowhere = [_row(space.topics.jobs("nowhere")) for _ in range(300)]
    good = [_row(space.topics.jobs()) for _ in range(300)]
    await relay.write([*nowhere, *good])

    async def counted():
        return [row["n"] for row in await space.fetch("SELECT count(*) AS n FROM outbox WHERE failures = 1")] == [300]

    await eventually(counted, timeout=30, what="each refusal is counted once")
    assert len(await space.fetch("SELECT 1 FROM outbox")) == 300
    assert relay.held == 0


@pytest.mark.kafka_only
async def test_of_a_batch_that_kafka_refuses_only_the_row_to_blame_is_counted(space, relay):
    poison = _row(space.topics.jobs(), secrets.token_bytes(3_000_000), key=b"0")
    rows = [_row(space.topics.jobs(), key=b"%d" % (n % 5)) for n in range(200)]
    refused = []

    def hear(event, fields):
        if event is Event.OUTBOX_PUBLISH_FAILED and "outbox_id" in fields:
            refused.append(fields["outbox_id"])

    end = subscribe(hear)
    try:
        await relay.write([*rows[:100], poison, *rows[100:]])

        async def only_it_is_left():
            left = await space.fetch("SELECT id, failures FROM outbox")
            return [(row["id"], row["failures"]) for row in left] == [(poison.id, 1)]

        await eventually(only_it_is_left, timeout=30, what="the refusal is counted, and all others are out")
    finally:
        end()
    assert refused == [str(poison.id)], "no other was counted on its way"
