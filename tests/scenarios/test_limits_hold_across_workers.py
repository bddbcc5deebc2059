"""Limits: exact over four workers and two apis, used as far as they allow, and nobody else's concern."""

import asyncio
import time

import pytest

from tests.support.eventually import eventually
from tests.support.flow import most_at_once, most_in_a_window, put_limit, starts, submit
from tests.support.space import Space

pytestmark = pytest.mark.integration


async def test_no_more_run_at_once_than_a_concurrency_limit_allows(space: Space):
    api, _ = await space.start_all(workers=4)
    other = await space.start_api()
    async with space.http(api) as client, space.http(other) as second:
        await put_limit(client, "few", kind="concurrency", limit=3, types=["keyed"])
        half = [{"type": "keyed", "payload": {"n": n, "seconds": 0.1}} for n in range(30)]
        await asyncio.gather(submit(client, half), submit(second, half))
        await space.until_all("COMPLETED", 60)
    assert most_at_once(space.runs()) == 3
    began = starts(space.runs())
    assert began[-1] - began[0] < 60 * 0.1 / 3 * 3, "the places that come free are given on"


@pytest.mark.parametrize(
    ("limit", "period_s", "burst", "jobs"), [(40, 2.0, 10, 220), (10, 1.0, 1, 60)], ids=["a burst", "one by one"]
)
async def test_no_window_holds_more_starts_than_a_rate_and_its_burst_and_nearly_all_are_used(
    space: Space, limit: int, period_s: float, burst: int, jobs: int
):
    api, _ = await space.start_all(workers=4)
    other = await space.start_api()
    async with space.http(api) as client, space.http(other) as second:
        await put_limit(client, "slow", kind="rate", limit=limit, period_s=period_s, burst=burst, types=["instant"])
        half = [{"type": "instant", "payload": {}}] * (jobs // 2)
        await asyncio.gather(submit(client, half), submit(second, half))
        await space.until_all("COMPLETED", jobs)
    began = starts(space.runs())
    assert most_in_a_window(began, period_s) <= limit + burst
    # While there is a backlog, so without the last ones, and without what the burst let pass at once.
    steady = began[burst : -jobs // 10]
    assert len(steady) / (steady[-1] - steady[0]) >= 0.95 * limit / period_s


async def test_each_key_has_a_limit_to_itself_and_jobs_without_a_limit_pass_by(space: Space):
    api, _ = await space.start_all(workers=2)
    async with space.http(api) as client:
        await put_limit(client, "each", kind="concurrency", limit=1, key="$.customer", types=["keyed"])
        await submit(
            client,
            [
                {"type": "keyed", "key": f"{customer}-{n}", "payload": {"n": n, "seconds": 0.2, "customer": customer}}
                for n in range(10)
                for customer in "abc"
            ],
        )
        asked = time.monotonic()
        free = (await client.post("/jobs", json={"payload": {"task": "instant"}})).json()
        done = (await client.get(f"/jobs/{free['id']}", params={"wait": 10})).json()
        assert (done["status"], time.monotonic() - asked < 1.5) == ("COMPLETED", True)
        await space.until_all("COMPLETED", 31)
    runs = [run for run in space.runs() if run.get("key")]
    for customer in "abc":
        assert most_at_once(run for run in runs if run["key"].startswith(customer)) == 1
    assert most_at_once(runs) > 1


async def test_two_types_share_a_limit_and_a_change_takes_hold_in_two_seconds(space: Space):
    api, _ = await space.start_all(workers=2)
    async with space.http(api) as client:
        await put_limit(client, "shared", kind="concurrency", limit=1, types=["keyed", "sleeper"])
        jobs = [{"type": "keyed", "payload": {"n": n, "seconds": 0.5}} for n in range(20)]
        jobs += [{"type": "sleeper", "payload": {"n": n, "seconds": 0.5}} for n in range(20)]
        await submit(client, jobs)
        await eventually(lambda: len(space.runs()) >= 4, what="some have run")
        assert most_at_once(space.runs()) == 1
        await put_limit(client, "shared", kind="concurrency", limit=20, types=["keyed", "sleeper"])
        changed = time.time()
        await space.until_all("COMPLETED", 40)
    later = [run for run in space.runs() if run["at"] < changed + 2.0]
    assert most_at_once(later) >= 10


async def test_a_limit_survives_the_end_of_every_process(space: Space):
    api, [worker] = await space.start_all()
    async with space.http(api) as client:
        await put_limit(client, "few", kind="concurrency", limit=2, types=["keyed"])
        await submit(client, [{"type": "keyed", "payload": {"n": n, "seconds": 0.3}} for n in range(20)])
    await eventually(lambda: len(space.runs()) >= 3, what="some have begun")
    await asyncio.gather(api.kill(), worker.stop())
    before = len(starts(space.runs()))
    await space.start_all(workers=2)
    await space.until_all("COMPLETED", 20)
    assert before < 20
    assert most_at_once(space.runs()) <= 2


async def test_records_of_a_limited_type_obey_the_same_limit(space: Space):
    api, _ = await space.start_all(workers=2)
    async with space.http(api) as client:
        await put_limit(client, "few", kind="concurrency", limit=2, types=["keyed"])
        await space.produce([{"type": "keyed", "payload": {"n": n, "seconds": 0.2}} for n in range(20)])
        await submit(client, [{"type": "keyed", "payload": {"n": n, "seconds": 0.2}} for n in range(20, 30)])
        await space.until_all("COMPLETED", 30)
    assert most_at_once(space.runs()) <= 2


async def test_a_submit_is_refused_while_too_many_of_its_key_wait(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        fields = {"kind": "concurrency", "limit": 1, "key": "$.customer", "types": ["sleeper"]}
        await put_limit(client, "few", **fields, max_waiting=5)
        jobs = [{"type": "sleeper", "payload": {"seconds": 5, "customer": customer}} for customer in "aaaaaaaaab"]
        answer = await client.post("/jobs/batch", json={"jobs": jobs})
        verdicts = [item["status"] for item in answer.json()["items"]]
        assert (answer.status_code, verdicts) == (207, [201] * 5 + [429] * 4 + [201])

        async def full() -> bool:
            again = await client.post("/jobs", json=jobs[0])
            if again.status_code == 429:
                assert again.json()["code"] == "backlog_full"
                assert int(again.headers["Retry-After"]) >= 1
            return again.status_code == 429

        await eventually(full, what="what waits is counted")
