"""Without its database the api says 503 with Retry-After, never a wrong 2xx, and heals by itself."""

import asyncio

import pytest

from tests.integration.api.doors import announce
from tests.support.eventually import eventually
from tests.support.gate import Gate

pytestmark = pytest.mark.integration

SEED = {"payload": {"task": "example"}}


@pytest.fixture
async def gate(space):
    gate = Gate(space.cluster.database_url)
    await gate.open()
    yield gate
    await gate.shut()


@pytest.fixture
async def behind(space, gate, start_inside):
    """An api whose database is behind the gate."""
    await announce(space, "example")
    client = await start_inside(database_url=gate.database_url)
    await eventually(lambda: client.process.catalogue.known("example"), what="the type is known")
    return client


async def test_a_database_that_is_away_is_503_everywhere_and_heals(space, gate, behind):
    job = (await behind.post("/jobs", json=SEED)).json()
    await gate.shut()
    calls = [
        behind.post("/jobs", json=SEED),
        behind.post("/jobs", json=SEED, headers={"Idempotency-Key": "a"}),
        behind.post("/jobs/batch", json={"jobs": [SEED, SEED]}),
        behind.get(f"/jobs/{job['id']}"),
        behind.get(f"/jobs/{job['id']}", params={"wait": 1}),
        behind.post(f"/jobs/{job['id']}/retry"),
        behind.get("/jobs"),
        behind.get("/workers"),
        behind.get("/dead-letters"),
    ]
    async with asyncio.timeout(30):
        answers = await asyncio.gather(*calls)
    for answer in answers:
        assert answer.status_code == 503, answer.request.url
        assert answer.json()["code"] == "unavailable"
        assert int(answer.headers["retry-after"]) > 0
    # What needs no database goes on.
    assert (await behind.get("/job-types")).status_code == 200
    assert (await behind.get("/healthz")).status_code == 200
    assert (await behind.post("/jobs", json={"payload": {"task": "nobody"}})).status_code == 422
    assert (await behind.get("/readyz")).status_code == 503
    await gate.open()

    async def healed():
        return (await behind.post("/jobs", json=SEED)).status_code == 201

    await eventually(healed, timeout=15, what="submits are taken again")

    async def ready():
        return (await behind.get("/readyz")).status_code == 200

    await eventually(ready, timeout=15, what="readiness is back")

    async def emptied():
        return not await space.fetch("SELECT 1 FROM outbox")

    await eventually(emptied, what="the outbox is empty")


async def test_every_2xx_is_a_stored_job_while_connections_break(space, gate, behind):
    taken: list[str] = []
    unknown = 0
    over = asyncio.Event()

    async def submit():
        nonlocal unknown
        while not over.is_set():
            answer = await behind.post("/jobs", json=SEED)
            if answer.status_code == 201:
                taken.append(answer.json()["id"])
            else:
                assert answer.status_code == 503
                unknown += 1
                await asyncio.sleep(0.02)

    callers = [asyncio.create_task(submit()) for _ in range(8)]
    for _ in range(5):
        before = len(taken)
        await eventually(lambda before=before: len(taken) > before, every=0.01, what="submits are taken")
        await gate.shut()
        before = unknown
        await eventually(lambda before=before: unknown > before, every=0.01, what="submits are not taken")
        await gate.open()
    over.set()
    await asyncio.gather(*callers)
    stored = {str(row["id"]) for row in await space.fetch("SELECT id FROM jobs")}
    assert set(taken) <= stored
    assert len(stored) <= len(taken) + unknown


@pytest.mark.slow
async def test_a_frozen_database_hangs_nobody_for_ever(space, gate, behind):
    gate.freeze()
    async with asyncio.timeout(45):
        answers = await asyncio.gather(*(behind.post("/jobs", json=SEED) for _ in range(20)), behind.get("/jobs"))
    assert {answer.status_code for answer in answers} == {503}
    await gate.open()

    async def healed():
        return (await behind.post("/jobs", json=SEED)).status_code == 201

    await eventually(healed, timeout=45, what="submits are taken again")
