"""Two doors, one job, a recorded outcome."""

import time

import pytest

from jobstream.ids import record_id
from tests.support.eventually import eventually
from tests.support.space import Space

pytestmark = pytest.mark.integration
PROGRESS = "SELECT consumer, topic, partition, next_offset FROM consumer_offsets WHERE consumer !~ ':'"
TAKEN_IN = "SELECT 1 FROM consumer_offsets WHERE consumer = 'jobstream-intake' HAVING sum(next_offset) = $1"
EXAMPLE = {"payload": {"task": "example", "value": 42}}


async def test_a_job_over_http_is_pending_then_completed_within_a_second(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        await client.post("/jobs", json=EXAMPLE)  # the first one warms the connections up
        began = time.monotonic()
        answer = await client.post("/jobs", json=EXAMPLE)
        job = answer.json()
        assert answer.status_code == 201
        assert answer.headers["location"].endswith(f"/jobs/{job['id']}")
        assert (job["status"], job["retries"], job["result"], job["last_error"]) == ("PENDING", 0, None, None)
        done = (await client.get(f"/jobs/{job['id']}", params={"wait": 5})).json()
        assert done["status"] == "COMPLETED"
        assert done["result"] == {"output": "success"}
        assert time.monotonic() - began < 1.0


async def test_a_bare_record_on_the_topic_is_listed_and_completed_within_a_second(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        await space.produce([b'{"payload":{"task":"example","value":41}}'])
        await space.until_all("COMPLETED", 1)
        began = time.monotonic()
        await space.produce([b'{"payload":{"task":"example","value":42}}'])

        async def listed():
            items = (await client.get("/jobs", params={"limit": 1})).json()["items"]
            return items and items[0]["payload"]["value"] == 42 and items[0]["status"] == "COMPLETED" and items[0]

        job = await eventually(listed, timeout=5, every=0.02)
        assert time.monotonic() - began < 1.0
        assert job["result"] == {"output": "success"}


async def test_records_that_were_taken_in_before_a_worker_came_are_completed(space: Space):
    """Their rows are there when their first status events come, also that of a job that stole a later record's id."""
    await space.start_api()
    now_ms = int(time.time() * 1000)
    stolen = record_id(space.topics.jobs(), 0, 1, now_ms)
    thief = {"id": str(stolen), "payload": {"task": "example", "value": "thief"}}
    await space.produce([thief, EXAMPLE], partition=0, timestamp_ms=now_ms)
    await space.produce([EXAMPLE] * 60)
    await space.until_all("PENDING", 61)
    await space.start_worker()
    await space.until_all("COMPLETED", 61)
    (letter,) = await space.fetch('SELECT reason, partition, "offset" FROM dead_letters')
    assert tuple(letter) == ("conflict", 0, 1)
    (job,) = await space.fetch("SELECT payload->>'value' AS value, attempt FROM jobs WHERE id = $1", stolen)
    assert tuple(job) == ("thief", 1)


async def test_a_row_is_the_same_whether_it_was_taken_in_before_its_job_ended_or_after(space: Space):
    """At first the intake makes the rows and the applier completes them; then the applier makes them, as completed."""
    fields = {"tags": ["a", "b"], "priority": 3, "max_retries": 1, "timeout_s": 9.5}
    records = [{"payload": {"task": "instant", "n": n}, **fields} for n in range(30)]
    records += [{"payload": {"task": "example", "value": value}, "key": "k"} for value in range(5)]
    number = len(records)
    api = await space.start_api(JOBSTREAM_API_ROLES="http,intake")
    await space.produce(records)
    await space.until_all("PENDING", number)
    await api.stop()
    api = await space.start_api(JOBSTREAM_API_ROLES="http,applier")
    await space.start_worker()
    await space.until_all("COMPLETED", number)
    await space.produce(records)
    await space.until_all("COMPLETED", 2 * number)

    rows = [dict(row) for row in await space.fetch("SELECT * FROM jobs ORDER BY id")]
    taken_in, reported = rows[:number], rows[number:]
    assert all(row["dispatched_at"] == row["created_at"] for row in reported)
    for row in rows:
        del row["lease_s"]  # stays of a run whose start was applied before its end
        assert row["created_at"] <= row["started_at"] <= row["finished_at"]
        for own in ("id", "created_at", "dispatched_at", "started_at", "finished_at", "run_id"):
            assert row.pop(own) is not None
    assert sorted(taken_in, key=str) == sorted(reported, key=str)

    before = await space.fetch("SELECT j.*, j.xmin FROM jobs j ORDER BY id")
    await api.stop()
    await space.start_api()
    await eventually(lambda: space.fetch(TAKEN_IN, 2 * number), timeout=30)
    assert await space.fetch("SELECT j.*, j.xmin FROM jobs j ORDER BY id") == before
    assert await space.count("dead_letters") == 0


async def test_rows_that_a_failover_lost_come_back_without_a_restart(space: Space):
    """The applier's last transactions are gone, the intake's are there: what the api remembers of them is wrong."""
    await space.start_all()
    await space.produce([{"payload": {"task": "instant", "n": n}} for n in range(300)])
    await space.until_all("COMPLETED", 300)
    await eventually(lambda: space.fetch(TAKEN_IN, 300), timeout=30)
    await space.execute("DELETE FROM jobs")
    await space.execute("DELETE FROM consumer_offsets WHERE consumer = 'jobstream-applier'")

    await space.produce([{"payload": {"task": "instant", "n": 300}}])
    await space.until_all("COMPLETED", 301)
    assert await space.count("dead_letters") == 0


async def test_reading_both_topics_again_from_the_beginning_changes_no_row(space: Space):
    api, workers = await space.start_all()
    async with space.http(api) as client:
        await space.produce([{"payload": {"task": "instant", "n": n}} for n in range(50)])
        await space.produce([{"payload": {"task": "flaky_test", "failures": 1}}, b"poison"])
        for _ in range(20):
            assert (await client.post("/jobs", json=EXAMPLE)).status_code == 201
        await space.until_all("COMPLETED", 71)
    await workers[0].stop()
    await api.stop()
    before = await space.fetch("SELECT j.*, j.xmin FROM jobs j ORDER BY id")
    letters = await space.fetch("SELECT * FROM dead_letters")
    assert len(letters) == 1
    offsets = await space.fetch(PROGRESS)
    assert sum(row["next_offset"] for row in offsets) > 100

    await space.execute("UPDATE consumer_offsets SET next_offset = 0, after_offset = -1 WHERE consumer !~ ':'")
    await space.start_api()

    async def read_again() -> bool:
        now = await space.fetch(PROGRESS)
        places = {(row[0], row[1], row[2]): row[3] for row in now}
        return all(places[row[0], row[1], row[2]] >= row[3] for row in offsets)

    await eventually(read_again, timeout=30)
    assert await space.fetch("SELECT j.*, j.xmin FROM jobs j ORDER BY id") == before
    assert await space.fetch("SELECT * FROM dead_letters") == letters
    assert [row[0] for row in await space.fetch("SELECT count(*) FROM outbox")] == [0]
