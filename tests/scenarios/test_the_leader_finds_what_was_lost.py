"""The leader: lost jobs, forgotten offsets, and its own succession."""

from uuid import UUID

import pytest
from aiokafka.protocol.admin import DeleteGroupsRequest

from jobstream.ids import new_id
from jobstream.kafka.clients import make_admin
from jobstream.kafka.ends import Ends
from jobstream_worker.settings import WorkerSettings
from tests.support.eventually import eventually
from tests.support.space import Space

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


async def test_a_job_that_kafka_lost_is_published_again_with_the_same_attempt(space: Space):
    job_id = new_id()
    await space.execute(
        "INSERT INTO jobs (id, type, queue, payload, created_at, dispatched_at)"
        " VALUES ($1, 'instant', 'default', '{}', now() - interval '5 minutes', now() - interval '5 minutes')",
        job_id,
    )
    await space.start_all(JOBSTREAM_REPUBLISH_AFTER_S="2")
    await space.until_all("COMPLETED", 1, timeout=60)
    (job,) = await space.fetch("SELECT attempt, dispatch FROM jobs")
    assert (job["attempt"], job["dispatch"]) == (1, 1)
    assert len(space.runs()) == 1


async def test_a_backlog_is_not_taken_for_lost(space: Space):
    api, _ = await space.start_all(workers=1, JOBSTREAM_REPUBLISH_AFTER_S="1", JOBSTREAM_WORKER_CONCURRENCY="2")
    async with space.http(api) as client:
        jobs = [{"payload": {"task": "sleeper", "seconds": 0.5}} for _ in range(40)]
        assert (await client.post("/jobs/batch", json={"jobs": jobs})).status_code == 201
        await space.until_all("COMPLETED", 40, timeout=60)
        metrics = (await client.get("/metrics")).text
    assert "jobstream_jobs_republished_total 0.0" in metrics
    assert sum(1 for run in space.runs() if run["what"] == "start") == 40


async def test_a_paused_queue_with_an_unread_record_holds_up_the_rescue_in_no_other_queue(space: Space):
    api, _ = await space.start_all(JOBSTREAM_REPUBLISH_AFTER_S="2")
    async with space.http(api) as client:
        assert (await client.post("/queues/low/pause")).status_code == 200
        low = []

        async def held() -> bool:
            sent = (await client.post("/jobs", json={"payload": {"task": "instant"}, "queue": "low"})).json()
            low.append(sent["id"])
            found = (await client.get(f"/jobs/{sent['id']}", params={"wait": 3})).json()
            return found["status"] == "PENDING"

        await eventually(held, timeout=30, what="it is paused")
        for _ in range(2):
            lost = await lose(space, "default")
            job = (await client.get(f"/jobs/{lost}", params={"wait": 20})).json()
            assert (job["status"], job["attempt"]) == ("COMPLETED", 1)
        lost_there = await lose(space, "low")
        lost = await lose(space, "default")
        assert (await client.get(f"/jobs/{lost}", params={"wait": 20})).json()["status"] == "COMPLETED"
        assert "jobstream_jobs_republished_total 3.0" in (await client.get("/metrics")).text
        assert (await client.get(f"/jobs/{low[-1]}")).json()["status"] == "PENDING"
        assert (await client.get(f"/jobs/{lost_there}")).json()["status"] == "PENDING"

        assert (await client.post("/queues/low/resume")).status_code == 200
        await space.until_all("COMPLETED", len(low) + 4, timeout=40)
        assert "jobstream_jobs_republished_total 4.0" in (await client.get("/metrics")).text
    assert len(space.runs()) == len(low) + 4


async def lose(space: Space, queue: str) -> UUID:
    """A job that was dispatched just now, and of which Kafka has no record."""
    job_id = new_id()
    await space.execute(
        "INSERT INTO jobs (id, type, queue, payload, dispatched_at) VALUES ($1, 'instant', $2, '{}', now())",
        job_id,
        queue,
    )
    return job_id


async def test_offsets_that_kafka_forgot_are_put_back_and_nothing_runs_again(space: Space):
    api, (worker,) = await space.start_all()
    await space.produce([{"payload": {"task": "instant"}} for _ in range(50)])
    await space.until_all("COMPLETED", 50)
    ends = Ends(space.settings(), "test-offsets")
    group = space.settings(WorkerSettings).worker_group

    async def copied() -> bool:
        rows = await space.fetch(
            "SELECT sum(next_offset)::int AS total FROM consumer_offsets WHERE consumer = $1", f"kafka:{group}"
        )
        return rows[0]["total"] == 50

    await eventually(copied, timeout=60, every=0.5)
    await worker.stop()
    await api.stop()
    before = await ends.committed(group)
    await forget(space, group)
    assert await ends.committed(group) == {}

    api = await space.start_api()
    await eventually(lambda: restored(ends, group, before), timeout=30)
    await space.start_worker()
    await space.produce([{"payload": {"task": "instant"}}])
    await space.until_all("COMPLETED", 51)
    await ends.close()
    assert len(space.runs()) == 51


async def forget(space: Space, group: str) -> None:
    """What Kafka does with a group that has had no member for a week."""
    admin = await make_admin(space.settings(), "test-forget")
    name = space.prefix + group
    answer = await admin._send_request(DeleteGroupsRequest([name]), await admin.find_coordinator(name))
    assert answer.results[0][1] == 0, answer
    await admin.close()


async def restored(ends: Ends, group: str, before: dict) -> bool:
    now = await ends.committed(group)
    assert {place: entry[0] for place, entry in now.items()} == {place: entry[0] for place, entry in before.items()}
    return True


async def test_when_the_leader_is_killed_another_api_takes_over_and_held_jobs_go_on(space: Space):
    first, _ = await space.start_all()
    second = await space.start_api()
    for job in range(10):
        await space.produce([{"payload": {"task": "instant", "n": job}, "delay_s": 10}])
    await eventually(lambda: held(space, 10))
    (before,) = await space.fetch("SELECT holder, term FROM leader")
    assert f":{first.pid}:" in before["holder"]
    await first.kill()
    await space.until_all("COMPLETED", 10, timeout=60)
    (after,) = await space.fetch("SELECT holder, term FROM leader")
    assert f":{second.pid}:" in after["holder"]
    assert after["term"] == before["term"] + 1
    assert len(space.runs()) == 10


async def held(space: Space, number: int) -> bool:
    rows = await space.fetch("SELECT count(*) FROM jobs WHERE dispatch_at IS NOT NULL")
    return rows[0][0] == number


async def test_waiting_works_on_an_api_that_applies_nothing(space: Space):
    await space.start_all()
    front = await space.start_api(JOBSTREAM_API_ROLES="http")
    async with space.http(front) as client:
        await eventually(lambda: knows(client))
        sent = (await client.post("/jobs", json={"payload": {"task": "sleeper", "seconds": 0.5}})).json()
        job = (await client.get(f"/jobs/{sent['id']}", params={"wait": 10})).json()
    assert job["status"] == "COMPLETED"


async def knows(client) -> bool:
    return any(entry["type"] == "sleeper" for entry in (await client.get("/job-types")).json()["items"])
