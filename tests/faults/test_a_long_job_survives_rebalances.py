"""A job that runs on while workers come and go."""

from collections import Counter

import pytest

from jobstream.kafka.ends import Ends
from jobstream_worker.settings import WorkerSettings
from tests.support.eventually import eventually
from tests.support.space import Space

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]


async def test_a_two_minute_job_survives_ten_rebalances_in_one_run_and_its_lag_is_zero(space: Space):
    api, _ = await space.start_all(workers=1)
    ends = Ends(space.settings(), "test-lag")
    async with space.http(api) as client:
        sent = (await client.post("/jobs", json={"payload": {"task": "sleeper", "seconds": 120}})).json()
        await eventually(lambda: len(space.runs()) == 1)

        async def committed() -> bool:
            return await lag(space, ends) == 0

        await eventually(committed, timeout=5, what="the offset of the job that runs is committed")
        for _ in range(5):
            # Each joins and leaves: two rebalances.
            guest = await space.start_worker()
            assert await lag(space, ends) == 0
            await guest.stop()
            assert await lag(space, ends) == 0
        job = (await client.get(f"/jobs/{sent['id']}")).json()
        assert job["status"] == "RUNNING"
        assert job["progress"] > 0
        await space.until_all("COMPLETED", 1, timeout=150)
        job = (await client.get(f"/jobs/{sent['id']}")).json()
    await ends.close()
    assert (job["retries"], job["errors"]) == (0, [])
    assert Counter(run["what"] for run in space.runs()) == {"start": 1, "end": 1}


async def lag(space: Space, ends: Ends) -> int:
    topic = space.topics.jobs()
    committed = await ends.committed(space.settings(WorkerSettings).worker_group)
    return sum(end - committed.get(place, (0, ""))[0] for place, end in (await ends.ends([topic])).items())
