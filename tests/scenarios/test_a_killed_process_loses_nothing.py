"""kill -9 of workers and apis, and jobs that kill their workers."""

import asyncio
import random
from collections import Counter, defaultdict

import pytest

from tests.support.eventually import eventually
from tests.support.space import Space

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


async def submit(client, jobs: list[dict]) -> list[str]:
    answer = await client.post("/jobs/batch", json={"jobs": jobs})
    assert answer.status_code == 201, answer.text[:500]
    return [item["job"]["id"] for item in answer.json()["items"]]


async def test_a_worker_killed_in_the_middle_of_a_thousand_jobs_loses_none_and_repeats_no_recorded_one(space: Space):
    rng = random.Random(11)
    api, (first, _) = await space.start_all(workers=2)
    async with space.http(api) as client:
        jobs = [{"payload": {"task": "sleeper", "seconds": round(rng.uniform(0.2, 3.0), 2)}} for _ in range(1000)]
        await submit(client, jobs)
        await eventually(lambda: len(space.runs()) > 250, timeout=60)
        recorded = {row["id"] for row in await space.fetch("SELECT id FROM jobs WHERE status = 'COMPLETED'")}
        await first.kill()
        killed_at = max(run["at"] for run in space.runs())
        await space.start_worker()
        await space.until_all("COMPLETED", 1000, timeout=120)
    again = {run["job_id"] for run in space.runs() if run["what"] == "start" and run["at"] > killed_at}
    assert not {str(job_id) for job_id in recorded} & again
    finished = Counter(run["job_id"] for run in space.runs() if run["what"] == "end")
    # The killed worker ran at most its 100 slots and what it had just finished.
    assert sum(count - 1 for count in finished.values()) <= 5
    starts = Counter(run["job_id"] for run in space.runs() if run["what"] == "start")
    assert sum(count - 1 for count in starts.values()) <= 110


async def test_an_api_killed_between_commit_and_publish_publishes_after_its_restart(space: Space):
    api = await space.start_api(JOBSTREAM_UNKNOWN_TYPES="accept", JOBSTREAM_FAILPOINT="api.after_commit_before_publish")
    async with space.http(api) as client:
        sends = [client.post("/jobs", json={"payload": {"task": "instant", "n": n}}) for n in range(20)]
        answers = await asyncio.gather(*sends, return_exceptions=True)
    assert await api.gone(10) is not None
    committed = await space.count("jobs")
    waiting = await space.count("outbox")
    answered = sum(1 for answer in answers if not isinstance(answer, BaseException) and answer.status_code == 201)
    assert committed == waiting
    assert answered <= committed
    assert committed > 0
    await space.start_all(JOBSTREAM_RELAY_SWEEP_AFTER_S="1")
    await space.until_all("COMPLETED", committed, timeout=30)
    await eventually(lambda: outbox_empty(space), timeout=10)
    assert Counter(run["job_id"] for run in space.runs()).most_common(1)[0][1] == 1


async def outbox_empty(space: Space) -> bool:
    return await space.count("outbox") == 0


@pytest.mark.parametrize("worker", ["the same", "another"])
async def test_an_api_killed_between_acknowledge_and_delete_runs_nothing_twice(space: Space, worker: str):
    api, [first] = await space.start_all(JOBSTREAM_RELAY_SWEEP_AFTER_S="1")
    await api.stop()
    api = await space.start_api(JOBSTREAM_FAILPOINT="api.after_ack_before_delete")
    async with space.http(api) as client:
        sends = [client.post("/jobs", json={"payload": {"task": "instant", "n": n}}) for n in range(20)]
        await asyncio.gather(*sends, return_exceptions=True)
    assert await api.gone(10) is not None
    committed = await space.count("jobs")
    assert committed > 0
    if worker == "another":
        # It knows nothing of what the first one did and committed.
        await eventually(lambda: space.runs(), what="what reached Kafka runs")
        await first.stop()
        await space.start_worker()
    await space.start_api(JOBSTREAM_RELAY_SWEEP_AFTER_S="1")
    await space.until_all("COMPLETED", committed, timeout=30)
    await eventually(lambda: outbox_empty(space), timeout=10)
    assert Counter(run["job_id"] for run in space.runs()).most_common(1)[0][1] == 1


async def test_a_worker_killed_between_the_outcome_and_the_commit_causes_no_second_run(space: Space):
    api = await space.start_api()
    worker = await space.start_worker(JOBSTREAM_FAILPOINT="worker.before_commit:3")
    async with space.http(api) as client:
        await eventually(lambda: known(client, "instant"))
        await space.produce([{"payload": {"task": "instant", "n": n}} for n in range(300)])
        await eventually(lambda: worker.exit_code is not None or feed(space), timeout=60, every=0.3)
        total = await space.count("jobs")
        await space.start_worker()
        await eventually(lambda: all_completed(space), timeout=60)
    assert total > 0
    runs = Counter(run["job_id"] for run in space.runs())
    assert [job for job, count in runs.items() if count > 1] == []


async def known(client, name: str) -> bool:
    return any(entry["type"] == name for entry in (await client.get("/job-types")).json()["items"])


async def feed(space: Space) -> bool:
    """A few more, so that there is something to commit."""
    await space.produce([{"payload": {"task": "instant"}} for _ in range(10)])
    return False


async def all_completed(space: Space) -> bool:
    statuses = await space.statuses()
    assert set(statuses) == {"COMPLETED"}, statuses
    return True


async def test_a_job_that_kills_its_worker_ends_failed_and_its_neighbours_complete(space: Space):
    api, workers = await space.start_all(workers=1)
    async with space.http(api) as client:
        ids = await submit(client, [{"payload": {"task": "sleeper", "seconds": 0.3}} for _ in range(30)])
        killer = (await client.post("/jobs", json={"payload": {"task": "killer"}})).json()["id"]
        ids += await submit(client, [{"payload": {"task": "sleeper", "seconds": 0.3}} for _ in range(30)])
        current = workers[0]

        async def over() -> bool:
            nonlocal current
            if current.exit_code is not None:
                current = await space.start_worker(ready=False)
            statuses = await space.statuses()
            assert statuses == {"COMPLETED": 60, "FAILED": 1}, statuses
            return True

        await eventually(over, timeout=150, every=0.5)
        job = (await client.get(f"/jobs/{killer}")).json()
    assert job["status"] == "FAILED"
    assert job["attempt"] == 3
    assert {error["code"] for error in job["errors"]} == {"lease_lost"}
    starts: defaultdict[str, int] = defaultdict(int)
    for run in space.runs():
        starts[run["job_id"]] += run["what"] == "start"
    # The first start may come before a lease stands and so be free; after that each one is charged.
    assert starts[killer] <= 4
