"""Caps on backlogs: one for each limit and key, whatever else the jobs differ in."""

import asyncio

import httpx2
import pytest

from jobstream_api.repositories import backlogs
from tests.integration.api.doors import announce
from tests.support.eventually import eventually
from tests.support.flow import put_limit

pytestmark = pytest.mark.integration


def job(customer: str = "a", **fields):
    return {"type": "example", "payload": {"customer": customer} | fields.pop("payload", {})} | fields


async def sent(client, *jobs):
    answer = await client.post("/jobs/batch", json={"jobs": jobs})
    return [item["status"] for item in answer.json()["items"]]


async def capped(client, most: int = 3, **fields):
    """Two limits by different keys; that which comes later by name has the cap."""
    await put_limit(client, "a-domain", kind="concurrency", limit=1, key="$.domain", types=["example"])
    asked = {"kind": "concurrency", "limit": 1, "key": "$.customer", "types": ["example"]} | fields
    await put_limit(client, "few", **asked, max_waiting=most)


async def test_a_client_that_varies_another_field_has_room_once(space, inside):
    await capped(inside)
    lanes = [job(payload={"domain": str(n)}) for n in range(14)]
    assert await sent(inside, *lanes) == [201] * 3 + [429] * 11
    assert await sent(inside, job(queue="high"), job("b"), job("b", queue="low")) == [429, 201, 201]
    single = await inside.post("/jobs", json=lanes[13])
    assert (single.status_code, single.json()["code"]) == (429, "backlog_full")
    assert "'a' wait for the limit 'few'" in single.json()["detail"]
    await space.execute("UPDATE jobs SET dispatch_at = NULL WHERE payload->>'domain' = '1'")
    assert [(await inside.post("/jobs", json=lanes[13])).status_code for _ in range(2)] == [201, 429]


async def test_types_and_tenants_share_one_cap(space, inside):
    await announce(space, "other")
    await eventually(lambda: inside.process.catalogue.known("other"), what="the type is known")
    await capped(inside, types=["example", "other"])
    await inside.patch("/queues/high", json={"managed": True, "fair_by": "$.tenant"})
    mixed = [job(), job() | {"type": "other"}, *(job(queue="high", payload={"tenant": n}) for n in (1, 2))]
    assert await sent(inside, *mixed) == [201] * 3 + [429]


async def test_jobs_that_wait_for_their_time_count(space, inside):
    await capped(inside)
    assert await sent(inside, job(delay_s=3600), job(run_at="2027-01-01T00:00:00Z")) == [201, 201]
    assert [(await inside.post("/jobs", json=job(delay_s=60))).status_code for _ in range(2)] == [201, 429]
    assert await sent(inside, job(), job("b")) == [429, 201]
    await space.execute("UPDATE jobs SET status = 'CANCELLED', lane = NULL, dispatch_at = NULL")
    assert await sent(inside, job()) == [201]


async def test_a_job_that_two_limits_cap_needs_room_at_both(inside):
    await capped(inside, 4)
    await put_limit(inside, "all", kind="rate", limit=1, types=["example"], max_waiting=6)
    assert await sent(inside, *(job(c) for c in "aaaaabbb")) == [201] * 4 + [429] + [201] * 2 + [429]


async def test_many_who_look_at_once_in_two_processes_fill_it_and_no_more(space):
    await announce(space, "example")
    apis = await asyncio.gather(*(space.start_api(JOBSTREAM_API_ROLES="http") for _ in range(2)))
    clients = [httpx2.AsyncClient(base_url=api.url, timeout=60) for api in apis]
    try:
        await capped(clients[0], 20)

        async def told():
            answers = await asyncio.gather(*(client.post("/jobs", json=job("told")) for client in clients))
            return {answer.status_code for answer in answers} == {429}

        await eventually(told, what="both know the type and the cap")
        singles = (clients[n % 2].post("/jobs", json=job(payload={"domain": str(n % 7)})) for n in range(150))
        batches = (clients[n % 2].post("/jobs/batch", json={"jobs": [job()] * 10}) for n in range(10))
        answers = await asyncio.gather(*singles, *batches)
    finally:
        for client in clients:
            await client.aclose()
    assert {answer.status_code for answer in answers} <= {201, 207, 422, 429}
    [row] = await space.fetch("SELECT count(*) AS jobs FROM jobs WHERE payload->>'customer' = 'a'")
    assert row["jobs"] == 20


async def test_a_cap_counts_what_waited_before_it_was_set_and_what_came_as_records(space, start_inside):
    await announce(space, "example")
    client = await start_inside(roles=("http", "leader", "intake"))
    await eventually(lambda: client.process.catalogue.known("example"), what="the type is known")
    await put_limit(client, "a-domain", kind="concurrency", limit=1, key="$.domain", types=["example"])
    fields = {"kind": "concurrency", "limit": 1, "key": "$.customer", "types": ["example"]}
    await put_limit(client, "few", **fields)
    assert await sent(client, *(job(payload={"domain": str(n)}) for n in range(4))) == [201] * 4
    await put_limit(client, "few", **fields, max_waiting=3)

    async def listed():
        return await space.count("backlog_lanes") >= 3

    await eventually(listed, what="the lanes are listed")
    assert await sent(client, job(payload={"domain": "new"})) == [429]


async def test_lanes_without_jobs_are_forgotten(space, inside):
    await capped(inside, 1000)
    assert await sent(inside, *(job(payload={"domain": str(n)}) for n in range(50))) == [201] * 50
    assert await space.count("backlog_lanes") == 50
    await space.execute("UPDATE jobs SET lane = NULL, dispatch_at = NULL WHERE payload->>'domain' > '2'")
    # It has its permit, and may come back.
    await space.execute("UPDATE jobs SET dispatch_at = NULL WHERE payload->>'domain' = '2'")
    [left] = await space.fetch("SELECT count(*) AS lanes FROM jobs WHERE lane IS NOT NULL")
    assert left["lanes"] < 17
    assert await sent(inside, job(payload={"domain": "0"})) == [201]
    assert await space.count("backlog_lanes") == left["lanes"]
    await space.execute("UPDATE jobs SET lane = NULL, dispatch_at = NULL")
    async with space.connection() as connection:
        await backlogs.tidy_all(connection)
    assert await space.count("backlog_lanes") == 0
