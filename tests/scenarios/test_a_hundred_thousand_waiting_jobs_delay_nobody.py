"""Backlogs of a hundred thousand: of jobs that wait for their time, and of jobs that wait for their turn."""

import random
import time

import httpx2
import pytest

from tests.support.eventually import eventually
from tests.support.flow import submit
from tests.support.space import Space

pytestmark = pytest.mark.integration

MANY = 100_000
BATCH = 5_000


async def fill(client: httpx2.AsyncClient, job: dict) -> None:
    """Submit it a hundred thousand times."""
    for _ in range(MANY // BATCH):
        await submit(client, [job] * BATCH)


async def test_jobs_start_within_a_second_of_their_time(space: Space):
    api, _ = await space.start_all(workers=2)
    rng = random.Random(11)
    async with space.http(api) as client:
        await fill(client, {"type": "instant", "payload": {}, "delay_s": 86_400})
        jobs = [{"type": "instant", "payload": {}, "delay_s": rng.uniform(1.0, 6.0)} for _ in range(400)]
        due = {job["id"]: job["run_at"] for job in await submit(client, jobs)}
    await eventually(lambda: len(space.runs()) >= len(jobs), timeout=30, what="all that were due have run")
    began = {run["job_id"]: run["at"] for run in space.runs()}
    rows = await space.fetch(
        "SELECT id, extract(epoch FROM run_at)::float8 AS at FROM jobs WHERE id = ANY($1)", list(due)
    )
    late = sorted(began[str(row["id"])] - row["at"] for row in rows)
    assert late[0] > -0.005, "none is early"
    assert late[int(0.99 * len(late))] < 1.0


async def test_a_job_of_the_top_starts_within_a_second_of_a_free_slot(space: Space):
    api, _ = await space.start_all(workers=2, JOBSTREAM_WORKER_CONCURRENCY="5")
    async with space.http(api) as client:
        assert (await client.patch("/queues/low", json={"mode": "managed"})).status_code == 200
        await fill(client, {"type": "sleeper", "queue": "low", "payload": {"seconds": 0.5}})
        await eventually(lambda: len(space.runs()) >= 40, what="the backlog is being worked off")
        for _ in range(3):
            asked = time.time()
            body = {"type": "instant", "queue": "low", "payload": {}, "priority": 9}
            top = (await client.post("/jobs", json=body)).json()
            done = (await client.get(f"/jobs/{top['id']}", params={"wait": 20})).json()
            assert done["status"] == "COMPLETED"
            runs = space.runs()
            [began] = [run["at"] for run in runs if run["job_id"] == top["id"]]
            freed = min(run["at"] for run in runs if run["what"] == "end" and run["at"] > asked)
            assert began - max(freed, asked) < 1.0
