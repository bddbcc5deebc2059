"""Groups that change while jobs run."""

from collections import defaultdict

import pytest

from tests.support.eventually import eventually
from tests.support.space import Space

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


async def shares(client) -> dict[str, dict[str, list[int]]]:
    """Topics and partitions by live worker."""
    workers = (await client.get("/workers")).json()["items"]
    return {worker["id"]: worker["partitions"] for worker in workers if worker["live"]}


async def test_workers_split_the_partitions_and_a_third_takes_its_share(space: Space):
    api, _ = await space.start_all(workers=2)
    topics = [space.topics.jobs(queue) for queue in ("default", "high", "low")]
    async with space.http(api) as client:

        async def split(number: int) -> bool:
            now = await shares(client)
            assert len(now) == number, now
            for topic in topics:
                counts = [len(share.get(topic, [])) for share in now.values()]
                assert sum(counts) == 4, now
                assert max(counts) - min(counts) <= 1, f"{topic}: {now}"
            return True

        await eventually(lambda: split(2), timeout=60, every=0.5)
        third = await space.start_worker()
        await eventually(lambda: split(3), timeout=60, every=0.5)
        await third.stop()
        await eventually(lambda: split(2), timeout=60, every=0.5)


async def test_jobs_of_one_key_run_in_order_under_two_workers_and_rebalances(space: Space):
    api, _ = await space.start_all(workers=2)
    keys = [f"customer-{n}" for n in range(8)]
    async with space.http(api) as client:
        jobs = [{"payload": {"task": "keyed", "n": n, "seconds": 0.15}, "key": key} for n in range(40) for key in keys]
        answer = await client.post("/jobs/batch", json={"jobs": jobs})
        assert answer.status_code == 201, answer.text[:300]
        await eventually(lambda: len(space.runs()) > 60, timeout=60)
        guest = await space.start_worker()
        await eventually(lambda: len(space.runs()) > 300, timeout=60)
        await guest.stop()
        await space.until_all("COMPLETED", len(jobs), timeout=120)
    by_key: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
    for run in sorted(space.runs(), key=lambda run: run["at"]):
        by_key[run["key"]].append((run["what"], run["n"]))
    assert set(by_key) == set(keys)
    for key, story in by_key.items():
        assert story == [(what, n) for n in range(40) for what in ("start", "end")], key


async def test_one_partition_keeps_a_hundred_jobs_running_at_once(space: Space):
    api, _ = await space.start_all(workers=1)
    await space.produce([{"payload": {"task": "sleeper", "seconds": 3}} for _ in range(100)], partition=0)
    await space.until_all("COMPLETED", 100, timeout=60)
    at_once, most = 0, 0
    for run in sorted(space.runs(), key=lambda run: run["at"]):
        at_once += 1 if run["what"] == "start" else -1
        most = max(most, at_once)
    assert most == 100
    assert api.exit_code is None
