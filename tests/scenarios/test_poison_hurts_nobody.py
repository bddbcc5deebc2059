"""Every kind of poison on both topics: one dead letter each, and the next good record within five seconds."""

import time
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from jobstream.contracts.headers import ORIGIN_HEADER
from jobstream.kafka.clients import make_admin
from jobstream.kafka.follower import TopicFollower
from tests.support.eventually import eventually
from tests.support.poison import DIRECT_ONLY, POISON
from tests.support.space import Space

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


async def test_poison_on_the_job_topic_is_dead_lettered_once_and_stalls_nothing(space: Space):
    api, (worker,) = await space.start_all()
    every = POISON + DIRECT_ONLY
    places = {}
    for poison in every:
        ((_, offset),) = await space.produce([poison.body], partition=0)
        places[offset] = poison
        await space.produce([{"payload": {"task": "instant", "after": poison.name}}], partition=0)
    began = time.monotonic()
    await space.produce([{"payload": {"task": "instant", "last": True}}], partition=0)
    await space.until_all("COMPLETED", len(every) + 1, timeout=30)
    assert time.monotonic() - began < 5.0
    await eventually(lambda: all_buried(space, len(every)))
    letters = await space.fetch("SELECT * FROM dead_letters")
    assert {row["offset"]: row["reason"] for row in letters} == {offset: p.code for offset, p in places.items()}
    assert {row["topic"] for row in letters} == {space.topics.jobs()}
    assert all(row["value"] == places[row["offset"]].body for row in letters)
    await eventually(lambda: outbox_empty(space))
    dead = await read_all(space, space.topics.dead)
    origins = [int(dict(record.headers)["jobstream_origin_offset"]) for record in dead]
    assert sorted(origins) == sorted(places)
    assert all(record.value == places[int(dict(record.headers)["jobstream_origin_offset"])].body for record in dead)
    assert worker.exit_code is None
    assert api.exit_code is None


async def test_poison_on_the_status_topic_is_dead_lettered_and_stalls_nothing(space: Space):
    api, _ = await space.start_all()
    run = {"run_id": str(uuid4()), "worker": "w", "at": "2026-01-01T00:00:00Z", "type": "instant"}
    poison = [case.body for case in POISON if case.name not in ("large payload", "over the size limit")]
    poison += [
        b'{"event": "exploded", "id": "%s"}' % str(uuid4()).encode(),
        b'{"event": "worker.heartbeat"}',
        b'{"event": "completed", "id": 7}',
        b'{"event": "completed", "id": "%s", "attempt": -1}' % str(uuid4()).encode(),
    ]
    await space.produce(poison, topic=space.topics.status, partition=0)
    await space.produce([{"event": "completed", "id": str(uuid4()), **run}], topic=space.topics.status, partition=0)
    async with space.http(api) as client:
        began = time.monotonic()
        for _ in range(10):
            sent = (await client.post("/jobs", json={"payload": {"task": "instant"}})).json()
            done = (await client.get(f"/jobs/{sent['id']}", params={"wait": 5})).json()
            assert done["status"] == "COMPLETED"
        assert time.monotonic() - began < 5.0
        # Events that do not fit their row change nothing: another attempt, and RUNNING after the end.
        stale = [
            {"event": "failed", "id": done["id"], "attempt": 9, **run},
            {"event": "running", "id": done["id"], "lease_s": 5, **run},
            {"event": "failed", "id": done["id"], **run},
        ]
        await space.produce(stale, topic=space.topics.status)
        await eventually(lambda: all_buried(space, len(poison) + 1))
        assert (await client.get(f"/jobs/{done['id']}")).json() == done
    reasons = [row["reason"] for row in await space.fetch("SELECT reason FROM dead_letters")]
    assert reasons.count("unknown_job") == 1


async def test_a_type_that_no_worker_has_fails_with_a_dead_letter_that_can_be_redriven(space: Space):
    api, _ = await space.start_all()
    await space.produce([{"payload": {"task": "of_tomorrow"}}])
    await space.until_all("FAILED", 1)
    (letter,) = await space.fetch("SELECT * FROM dead_letters")
    assert letter["reason"] == "unknown_type"
    async with space.http(api) as client:
        (job,) = (await client.get("/jobs")).json()["items"]
        assert job["errors"][0]["code"] == "unknown_type"
        assert "of_tomorrow" in job["last_error"]
        assert str(letter["job_id"]) == job["id"]
        assert (await client.post(f"/jobs/{job['id']}/retry")).status_code == 200


async def test_the_same_id_with_another_payload_is_a_conflict(space: Space):
    await space.start_all()
    job_id = str(uuid4())
    record = {"id": job_id, "payload": {"task": "instant", "n": 1}}
    await space.produce([record], partition=0)
    await space.until_all("COMPLETED", 1)
    await space.produce([record, {"id": job_id, "payload": {"task": "instant", "n": 2}}], partition=0)
    await eventually(lambda: all_buried(space, 1))
    (letter,) = await space.fetch("SELECT * FROM dead_letters")
    assert letter["reason"] == "conflict"
    (job,) = await space.fetch("SELECT payload::text FROM jobs")
    assert '"n": 1' in job["payload"]


async def test_a_record_whose_timestamp_is_no_time_is_no_trap(space: Space):
    """Seconds for milliseconds, or microseconds: jobs where that is harmless, else dead letters with the reason."""
    await space.start_all()
    in_three_weeks = (datetime.now(UTC) + timedelta(days=21)).isoformat()
    for timestamp in (0, int(time.time())):
        await space.produce([{"payload": {"task": "instant"}, "run_at": in_three_weeks}], timestamp_ms=timestamp)
    await space.until_all("PENDING", 2)
    rows = await space.fetch("SELECT dispatch_at FROM jobs")
    assert {row["dispatch_at"].isoformat() for row in rows} == {in_three_weeks}
    await take_any_timestamp(space, space.topics.jobs())
    await space.produce([{"payload": {"task": "instant"}, "delay_s": 1}], timestamp_ms=150_000_000_000_000)
    await eventually(lambda: all_buried(space, 1))
    (letter,) = await space.fetch("SELECT * FROM dead_letters")
    assert (letter["reason"], letter["field"]) == ("future_timestamp", None)
    assert "the record's timestamp is in the future" in letter["detail"]
    assert await space.statuses() == {"PENDING": 2}


async def test_one_idempotency_key_on_a_topic_is_one_job(space: Space):
    await space.start_all()
    record = {"payload": {"task": "instant"}, "idempotency_key": "order-7"}
    await space.produce([record] * 5)
    await space.produce([{"payload": {"task": "instant"}, "idempotency_key": "order-8"}])
    await space.until_all("COMPLETED", 2)


async def test_a_forged_origin_makes_no_row_and_harms_nobody(space: Space):
    api, (worker,) = await space.start_all()
    await space.produce([b"not even json"], headers=[(ORIGIN_HEADER, b"api")], partition=0)
    await space.produce([{"payload": {"task": "instant"}}], partition=0)
    await space.until_all("COMPLETED", 1)
    assert worker.exit_code is None
    assert api.exit_code is None


async def take_any_timestamp(space: Space, topic: str) -> None:
    """Kafka before 4.0 takes them all; since then only up to an hour ahead, unless it is told otherwise."""
    admin = await make_admin(space.settings(), "test-admin")
    try:
        settings = {"message.timestamp.after.max.ms": str(2**63 - 1)}
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, settings)])
    finally:
        await admin.close()


async def all_buried(space: Space, number: int) -> bool:
    assert await space.count("dead_letters") == number
    return True


async def outbox_empty(space: Space) -> bool:
    return await space.count("outbox") == 0


async def read_all(space: Space, topic: str) -> list:
    follower = TopicFollower(space.settings(), "test-reader", topic)
    await follower.start()
    follower.rewind([])
    records = []
    while batch := await follower.read(1.0):
        records += batch
    await follower.stop()
    return records
