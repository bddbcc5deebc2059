"""Submitting over HTTP: one transaction, one record, one verdict each."""

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID

import orjson
import pytest

from jobstream.contracts.headers import ORIGIN_HEADER, header
from jobstream.contracts.jobs import Job, is_direct
from tests.integration.api.doors import read_all
from tests.support.eventually import eventually
from tests.support.poison import POISON

pytestmark = pytest.mark.integration

SEED = {"payload": {"task": "example", "value": 42}}


async def test_a_job_is_stored_and_published_once(space, inside):
    answer = await inside.post("/jobs", json=SEED | {"key": "customer-7", "tags": ["a", "b"], "max_retries": 1})
    assert answer.status_code == 201
    job = answer.json()
    read = await inside.get(answer.headers["location"])
    assert read.json() == job
    [record] = await read_all(space, space.topics.jobs(), at_least=1)
    assert record.key == b"customer-7"
    assert not is_direct(record)
    assert header(record.headers, ORIGIN_HEADER) == b"api"
    assert header(record.headers, "ce_subject") == job["id"].encode()
    published = Job.read(orjson.loads(record.value))
    assert (str(published.id), published.attempt, published.dispatch) == (job["id"], 1, 1)
    assert published.payload == SEED["payload"]
    [row] = await space.fetch("SELECT created_at, dispatched_at, dispatch_at, dispatch, tags FROM jobs")
    assert published.created_at == row["created_at"] == row["dispatched_at"]
    assert (row["dispatch_at"], row["dispatch"], row["tags"]) == (None, 1, ["a", "b"])

    async def emptied():
        return not await space.fetch("SELECT 1 FROM outbox")

    await eventually(emptied, what="the outbox is empty")


async def test_a_job_without_a_key_is_keyed_by_its_id(space, inside):
    job = (await inside.post("/jobs", json=SEED | {"queue": "high"})).json()
    [record] = await read_all(space, space.topics.jobs("high"), at_least=1)
    assert record.key == job["id"].encode()


@pytest.mark.parametrize("by", ["delay", "time"])
async def test_a_job_for_later_is_held_without_a_record(space, inside, by):
    at = datetime.now(UTC) + timedelta(hours=1)
    when = {"delay_s": 3600} if by == "delay" else {"run_at": at.isoformat()}
    answer = await inside.post("/jobs", json=SEED | when)
    assert answer.json()["status"] == "PENDING"
    [row] = await space.fetch("SELECT dispatch_at, dispatch, dispatched_at, run_at, created_at FROM jobs")
    assert row["dispatch_at"] == row["run_at"]
    assert row["run_at"] == (row["created_at"] + timedelta(hours=1) if by == "delay" else at)
    assert (row["dispatch"], row["dispatched_at"]) == (0, None)
    assert await space.fetch("SELECT 1 FROM outbox") == []


async def test_many_at_once_share_commits(space, inside):
    answers = await asyncio.gather(*(inside.post("/jobs", json=SEED) for _ in range(300)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 300
    times = await space.fetch("SELECT count(DISTINCT created_at) AS commits, count(*) AS jobs FROM jobs")
    assert times[0]["jobs"] == 300
    assert times[0]["commits"] < 30
    assert len(await read_all(space, space.topics.jobs(), at_least=300)) == 300


async def test_one_bad_row_never_fails_its_neighbours(space, inside):
    # The checks leave nothing for the database to refuse, so it is taught to refuse something.
    await space.execute("ALTER TABLE jobs ADD CHECK (payload->>'value' IS DISTINCT FROM 'bad')")
    values = ["good", "bad", "good", "good", "bad"] * 8
    answers = await asyncio.gather(
        *(inside.post("/jobs", json={"payload": {"task": "example", "value": value}}) for value in values)
    )
    assert [answer.status_code for answer in answers] == [422 if value == "bad" else 201 for value in values]
    assert answers[1].json()["code"] == "unstorable"
    [stored] = await space.fetch("SELECT count(*) AS jobs FROM jobs")
    assert stored["jobs"] == values.count("good")
    batch = await inside.post(
        "/jobs/batch", json={"jobs": [{"payload": {"task": "example", "value": value}} for value in values]}
    )
    assert batch.status_code == 207
    assert [item["status"] for item in batch.json()["items"]] == [422 if value == "bad" else 201 for value in values]


async def test_every_kind_of_poison_stores_nothing(space, inside):
    for poison in POISON:
        if poison.http:
            answer = await inside.post("/jobs", content=poison.body)
            assert 400 <= answer.status_code < 500, poison.name
            assert answer.json()["code"] == poison.code, poison.name
            assert "field" in answer.json(), poison.name
    assert await space.fetch("SELECT 1 FROM jobs UNION ALL SELECT 1 FROM outbox") == []
    assert (await inside.post("/jobs", json=SEED)).status_code == 201


async def test_a_batch_is_one_transaction_with_a_verdict_each(space, inside):
    jobs = [SEED if n % 10 else {"payload": {"task": "nobody"}} for n in range(5000)]
    answer = await inside.post("/jobs/batch", json={"jobs": jobs})
    assert answer.status_code == 207
    items = answer.json()["items"]
    assert [item["status"] for item in items] == [201 if n % 10 else 422 for n in range(5000)]
    [row] = await space.fetch("SELECT count(*) AS jobs, count(DISTINCT created_at) AS commits FROM jobs")
    assert (row["jobs"], row["commits"]) == (4500, 1)
    rows = await space.fetch("SELECT id FROM jobs")
    assert {row["id"] for row in rows} == {UUID(item["job"]["id"]) for item in items if "job" in item}


async def test_clients_that_leave_lose_nothing_and_block_nothing(space, inside):
    callers = [asyncio.create_task(inside.post("/jobs", json=SEED)) for _ in range(200)]

    def committing():
        pool = inside.process.database.counts()
        return pool["idle"] < pool["size"]

    await eventually(committing, timeout=5, every=0, what="the first group is being stored")
    for caller in callers[::2]:
        caller.cancel()
    done = await asyncio.gather(*callers, return_exceptions=True)
    stayed = [answer for answer in done if not isinstance(answer, BaseException)]
    assert 100 <= len(stayed) < 200, "some left"
    assert {answer.status_code for answer in stayed} == {201}
    async with asyncio.timeout(5):
        assert (await inside.post("/jobs", json=SEED)).status_code == 201
    stored = {row["id"] for row in await space.fetch("SELECT id FROM jobs")}
    assert {UUID(answer.json()["id"]) for answer in stayed} <= stored

    async def idle():
        pool = inside.process.database.counts()
        return pool["size"] == pool["idle"] and not await space.fetch("SELECT 1 FROM outbox")

    await eventually(idle, what="the pool is idle and the outbox empty")


async def test_the_row_in_the_outbox_says_what_the_relay_says(space, start_inside):
    # Nothing can be published here, so the row stays to be read.
    client = await start_inside(kafka_bootstrap_servers="127.0.0.1:1", unknown_types="accept")
    await client.post("/jobs", json=SEED | {"key": "k", "tags": ["é"], "max_retries": 2})
    [row] = await space.fetch("SELECT * FROM outbox")
    [lane] = client.process.relay._lanes.values()

    async def waiting():
        return list(lane.rows) + list(lane.again)

    [handed] = await eventually(waiting, what="the row waits for Kafka")
    assert orjson.loads(row["value"]) == orjson.loads(handed.value)
    assert Job.read(orjson.loads(row["value"])).created_at == row["created_at"]
    assert (row["id"], row["topic"], row["key"], row["headers"]) == (handed.id, handed.topic, handed.key, None)
