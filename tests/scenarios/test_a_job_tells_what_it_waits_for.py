"""GET /jobs/{id} says why a job has not started."""

from typing import Any

import httpx2
import pytest

from tests.support.eventually import eventually
from tests.support.flow import put_limit, submit
from tests.support.space import Space

pytestmark = pytest.mark.integration


async def waits_for(client: httpx2.AsyncClient, job: dict[str, Any], reason: str) -> dict[str, Any]:
    """What a job waits for, once that is ``reason``."""

    async def told() -> dict[str, Any] | None:
        found: dict[str, Any] | None = (await client.get(f"/jobs/{job['id']}")).json()["waiting_for"]
        return found if found and found["reason"] == reason else None

    return await eventually(told, what=f"it waits for {reason}")


def sleepers(count: int, seconds: float) -> list[dict[str, Any]]:
    return [{"type": "sleeper", "payload": {"n": n, "seconds": seconds}} for n in range(count)]


async def test_its_limits_or_its_time(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        await put_limit(client, "one", kind="concurrency", limit=1, types=["sleeper"])
        await put_limit(client, "hourly", kind="rate", limit=1, period_s=3600, types=["instant"])
        _, second = await submit(client, sleepers(2, 3))
        first, late = await submit(client, [{"type": "instant", "payload": {}}] * 2)
        later = (await client.post("/jobs", json={"type": "instant", "payload": {}, "delay_s": 60})).json()
        await client.get(f"/jobs/{first['id']}", params={"wait": 10})
        assert (await waits_for(client, second, "concurrency_limit"))["limit"] == "one"
        assert (await waits_for(client, late, "rate_limit"))["until"] is not None
        assert (await waits_for(client, later, "schedule"))["until"] == later["run_at"]


async def test_a_free_place_in_a_worker_or_its_turn_in_a_managed_queue(space: Space):
    api, _ = await space.start_all(JOBSTREAM_WORKER_CONCURRENCY="1")
    async with space.http(api) as client:
        # Both go to Kafka at once, where only one finds a place.
        await submit(client, sleepers(1, 4))
        await eventually(lambda: space.runs(), what="the only place is taken")
        [queued] = await submit(client, sleepers(1, 0.1))
        assert "free place" in (await waits_for(client, queued, "worker"))["detail"]
        assert (await client.patch("/queues/default", json={"mode": "managed"})).status_code == 200
        behind = (await submit(client, sleepers(10, 0.3)))[-1]
        assert "others" in (await waits_for(client, behind, "turn"))["detail"]
        await space.until_all("COMPLETED", 12)
        assert (await client.get(f"/jobs/{behind['id']}")).json()["waiting_for"] is None


async def test_a_worker_that_knows_its_type(space: Space):
    api = await space.start_api(JOBSTREAM_UNKNOWN_TYPES="accept")
    async with space.http(api) as client:
        [job] = await submit(client, [{"type": "instant", "payload": {}}])
        assert "instant" in (await waits_for(client, job, "no_worker"))["detail"]
        await space.start_worker()
        await space.until_all("COMPLETED", 1)
