"""Managed queues: priorities, ageing, shares between tenants."""

import asyncio
import time
from collections import Counter

import pytest

from tests.support.eventually import eventually
from tests.support.flow import submit
from tests.support.space import Space

pytestmark = pytest.mark.integration

SLOTS = 10


async def manage(client, **fields: object) -> None:
    answer = await client.patch("/queues/default", json={"mode": "managed", **fields})
    assert answer.status_code == 200, answer.text


async def test_a_new_job_of_the_top_starts_within_a_second_of_a_free_slot(space: Space):
    api, _ = await space.start_all(workers=2, JOBSTREAM_WORKER_CONCURRENCY=str(SLOTS // 2))
    async with space.http(api) as client:
        await manage(client)
        backlog = [{"type": "sleeper", "payload": {"n": n, "seconds": 0.5}} for n in range(1_000)]
        for _ in range(5):
            await submit(client, backlog)
        await eventually(lambda: len(space.runs()) >= 3 * SLOTS, what="the backlog is being worked off")
        asked = time.time()
        top = (await client.post("/jobs", json={"payload": {"task": "instant"}, "priority": 9})).json()
        done = (await client.get(f"/jobs/{top['id']}", params={"wait": 20})).json()
    assert done["status"] == "COMPLETED"
    [began] = [run["at"] for run in space.runs() if run["job_id"] == top["id"]]
    # One may have been free when it came.
    freed = min((run["at"] for run in space.runs() if run["what"] == "end" and run["at"] > asked), default=asked)
    assert began - max(freed, asked) < 1.0


async def test_priorities_decide_in_both_doors(space: Space):
    api, _ = await space.start_all(JOBSTREAM_WORKER_CONCURRENCY="1")
    async with space.http(api) as client:
        await manage(client)
        await submit(client, [{"type": "sleeper", "payload": {"n": -1, "seconds": 2.0}}])
        await eventually(lambda: space.runs(), what="the only slot is taken")
        await submit(
            client, [{"type": "sleeper", "payload": {"n": n, "seconds": 0.01}, "priority": n} for n in (3, 0, 7)]
        )
        await space.produce([{"type": "sleeper", "payload": {"n": 5, "seconds": 0.01}, "priority": 5}])
        await space.until_all("COMPLETED", 5)
    assert [run["n"] for run in space.runs() if run["what"] == "start"] == [-1, 7, 5, 3, 0]


async def test_newer_jobs_of_the_top_go_first_for_as_long_as_it_is_set(space: Space):
    bound_s, slack_s = 2.0, 0.7
    api, _ = await space.start_all(JOBSTREAM_WORKER_CONCURRENCY="1", JOBSTREAM_PRIORITY_BOUND_S=str(bound_s))
    top = {"type": "sleeper", "priority": 9, "payload": {"seconds": 0.05}}
    async with space.http(api) as client:
        await manage(client)
        await submit(client, [top | {"payload": {"n": 0, "seconds": 1.0}}])
        await eventually(lambda: space.runs(), what="the only slot is taken")
        await submit(client, [{"type": "sleeper", "payload": {"n": -1, "seconds": 0.05}}])
        came, n = {-1: time.time()}, 0
        while time.time() < came[-1] + 2 * bound_s:
            came[n := n + 1] = time.time()
            await submit(client, [top | {"payload": {"n": n, "seconds": 0.05}}])
            await asyncio.sleep(0.02)
        await space.until_all("COMPLETED", n + 2)
    order = [run["n"] for run in space.runs() if run["what"] == "start"][1:]
    place = order.index(-1)
    waited = [came[n] - came[-1] for n in order if n != -1]
    assert max(waited[:place]) == pytest.approx(bound_s, abs=slack_s)
    assert min(waited[place:]) == pytest.approx(bound_s, abs=slack_s)


async def test_tenants_have_their_shares_by_weight(space: Space):
    api, _ = await space.start_all(workers=2, JOBSTREAM_WORKER_CONCURRENCY="4")
    async with space.http(api) as client:
        await manage(client, fair_by="$.tenant", weights={"big": 3})
        each = [
            {"type": "keyed", "key": f"{tenant}-{n}", "payload": {"n": n, "tenant": tenant, "seconds": 0.05}}
            for tenant in ("big", "small", "other")
            for n in range(300)
        ]
        await submit(client, each)
        await eventually(lambda: len(space.runs()) >= 500, timeout=60, what="a good part has run")
    had = Counter(run["key"].split("-")[0] for run in space.runs()[:500] if run["what"] == "start")
    total = sum(had.values())
    for tenant, share in {"big": 0.6, "small": 0.2, "other": 0.2}.items():
        assert had[tenant] / total == pytest.approx(share, rel=0.1), had


async def test_a_paused_queue_and_a_paused_type_hold_within_two_seconds_and_go_on(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        for pause, resume, job_type in (
            ("/queues/default/pause", "/queues/default/resume", "instant"),
            ("/job-types/keyed/pause", "/job-types/keyed/resume", "keyed"),
        ):
            assert (await client.post(pause)).status_code == 200
            paused = time.time()
            fresh = [{"type": job_type, "payload": {"n": n, "seconds": 0.01}} for n in range(20)]

            async def held(jobs=fresh) -> bool:
                sent = await submit(client, jobs)
                found = (await client.get(f"/jobs/{sent[0]['id']}")).json()
                return found["status"] == "PENDING" and (found["waiting_for"] or {}).get("reason") == "paused"

            await eventually(held, timeout=2.0, every=0.3, what="it is paused")
            await eventually(lambda at=paused: time.time() > at + 2.0, what="two seconds are over")
            before = len(space.runs())
            await submit(client, fresh)
            later = time.time() + 1.0
            await eventually(lambda at=later: time.time() > at, what="a moment is over")
            assert len(space.runs()) == before
            assert (await client.post(resume)).status_code == 200

            async def done() -> bool:
                statuses = await space.statuses()
                return set(statuses) == {"COMPLETED"}

            await eventually(done, timeout=20, what="all of it has run")
