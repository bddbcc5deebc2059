"""At most one such job: every earlier one counts, also if others were stored since."""

import asyncio
from uuid import UUID

import httpx2
import pytest

from jobstream.contracts.events import EventKind
from jobstream_api.domain.retention import Retention
from jobstream_api.infrastructure.partitions import partition_name, week_of
from jobstream_api.repositories import retention
from tests.integration.api.doors import failed, report
from tests.integration.api.uniques import completed, job, known_types
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

DAY_S = 86_400.0
KEPT = Retention(completed_s=DAY_S, failed_s=DAY_S, cancelled_s=DAY_S, results_s=0.0, dead_letters_s=DAY_S)


async def _running(space, client, made):
    await report(space, made, EventKind.RUNNING, finished_at=None, lease_s=60.0)

    async def running():
        return (await client.get(f"/jobs/{made['id']}")).json()["status"] == "RUNNING"

    await eventually(running, what="it runs")


async def _made(client, **unique):
    answer = await client.post("/jobs", json=job(**unique))
    assert answer.status_code == 201, answer.text
    return answer.json()


async def _met(client, **unique):
    """The job that such a one meets; None: it is stored."""
    answer = await client.post("/jobs", json=job(**unique))
    assert answer.status_code in (201, 409)
    return answer.json().get("job_id")


async def test_an_earlier_job_that_runs_is_met_though_another_was_stored_since(space, client):
    running = {"states": ["RUNNING"]}
    first, second = await _made(client, **running), await _made(client, **running)
    await _running(space, client, first)
    assert await _met(client, **running) == first["id"]
    await completed(space, client, first)
    third = await _made(client, **running)
    await _running(space, client, second)
    assert await _met(client, **running) == second["id"]
    assert await _met(client, states=["COMPLETED"]) == first["id"]
    assert await _met(client) == third["id"]


async def test_an_earlier_job_that_completed_is_met_inside_the_windows_of_both(space, client):
    hour = {"states": ["COMPLETED"], "window_s": 3600}
    first, second = await _made(client, **hour), await _made(client, **hour)
    await completed(space, client, first)
    assert await _met(client, **hour) == first["id"]
    # Known to be over by now; then its own window is, and that of who asks.
    assert await _met(client, **hour) == first["id"]
    await space.execute("UPDATE unique_earlier SET claimed_at = now() - interval '20 minutes'")
    assert await _met(client, **hour | {"window_s": 600}) is None
    assert await _met(client, **hour) == first["id"]
    await space.execute("UPDATE unique_earlier SET expires_at = now() - interval '1 second' WHERE ended IS NOT NULL")
    assert await _met(client, **hour) is None
    await completed(space, client, second)
    assert await _met(client, **hour) == second["id"]


async def test_jobs_with_other_rules_in_between_hide_nobody(space, client):
    first = await _made(client)
    second = await _made(client, states=["RUNNING"])
    await completed(space, client, second)
    assert await _met(client) == first["id"]
    items = (await client.post("/jobs/batch", json={"jobs": [job(states=["RUNNING"])] * 3 + [job()]})).json()["items"]
    assert [item["status"] for item in items] == [201, 201, 201, 409]
    # Each of the three is met once the others are over.
    for item in items[:3]:
        await completed(space, client, item["job"])
    assert await _met(client) == first["id"]
    await completed(space, client, first)
    assert await _met(client) is None


async def test_a_job_that_is_retried_is_met_again(space, client):
    first = await _made(client)
    await report(space, first, EventKind.FAILED, **failed())
    await client.get(f"/jobs/{first['id']}", params={"wait": 20})
    second = await _made(client)
    await completed(space, client, second)
    assert (await client.post(f"/jobs/{first['id']}/retry")).status_code == 200
    assert await _met(client) == first["id"]


async def test_claims_are_forgotten_with_their_jobs_and_those_of_others_stay(space, client):
    async def swept():
        await space.execute("UPDATE jobs SET finished_at = now() - interval '1 year' WHERE finished_at IS NOT NULL")
        async with space.connection() as connection:
            table = partition_name(week_of(await retention.now(connection)))
            await retention.page(connection, table, UUID(int=0), KEPT)
            await retention.earlier_claims(connection, UUID(int=0))
            await retention.unique_claims(connection)

    running = {"states": ["RUNNING"]}
    first, second = await _made(client, **running), await _made(client, **running)
    await completed(space, client, second)
    await swept()
    assert (await space.count("jobs"), await space.count("unique_claims"), await space.count("unique_earlier")) == (
        1,
        1,
        1,
    )
    assert await _met(client) == first["id"]
    await completed(space, client, first)
    # One that was forgotten just when it lost its claim.
    await space.execute(
        "INSERT INTO unique_earlier (job_id, hash, claimed_at, ended) "
        "SELECT gen_random_uuid(), hash, now(), 'COMPLETED' FROM unique_claims"
    )
    for _ in range(2):
        assert await _met(client, states=["COMPLETED"]) == first["id"]
    await swept()
    assert (await space.count("unique_claims"), await space.count("unique_earlier")) == (0, 0)


async def test_one_that_the_database_refuses_hides_nobody(space, inside):
    await space.execute("ALTER TABLE jobs ADD CHECK (payload->>'value' IS DISTINCT FROM 'bad')")
    first = await _made(inside)
    bad = job(states=["RUNNING"])
    bad["payload"]["value"] = "bad"
    assert (await inside.post("/jobs", json=bad)).json()["code"] == "unstorable"
    assert await _met(inside) == first["id"]


async def test_fifty_at_once_that_count_running_jobs_meet_the_one_that_runs(space, client):
    running = {"states": ["RUNNING"]}
    made = [await _made(client, **running) for _ in range(5)]
    await _running(space, client, made[1])
    apis = await asyncio.gather(*(space.start_api(JOBSTREAM_API_ROLES="http") for _ in range(2)))
    clients = [httpx2.AsyncClient(base_url=api.url, timeout=60) for api in apis]
    try:
        await known_types(*clients)
        met = await asyncio.gather(*(_met(clients[n % 2], **running) for n in range(50)))
        assert set(met) == {made[1]["id"]}
        for one in made:
            await completed(space, client, one)
        met = await asyncio.gather(*(_met(clients[n % 2]) for n in range(50)))
        assert met.count(None) == 1
        assert len(set(met)) == 2
    finally:
        for client in clients:
            await client.aclose()
