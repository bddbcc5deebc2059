"""Reading and listing jobs."""

import asyncio
from uuid import uuid4

import pytest

from jobstream.contracts.events import EventKind
from jobstream_api.repositories import listings
from tests.integration.api.doors import announce, failed, report
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration


async def _submit(client, count, **fields):
    jobs = [{"payload": {"task": "example", "n": n}, **fields} for n in range(count)]
    items = (await client.post("/jobs/batch", json={"jobs": jobs})).json()["items"]
    return [item["job"]["id"] for item in items]


async def _walk(client, **params):
    """All items of a list, page by page, and how many pages there were."""
    items, pages, cursor = [], 0, None
    while True:
        page = (await client.get("/jobs", params=params | ({"cursor": cursor} if cursor else {}))).json()
        items += page["items"]
        pages += 1
        cursor = page["next_cursor"]
        if cursor is None:
            return items, pages


async def test_an_unknown_job_is_404(inside):
    answer = await inside.get(f"/jobs/{uuid4()}")
    assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")


async def test_a_list_is_newest_first_and_complete_over_its_pages(space, inside):
    ids = set(await _submit(inside, 130)) | set(await _submit(inside, 5))
    items, pages = await _walk(inside, limit=50)
    assert [len(items), pages] == [135, 3]
    assert {item["id"] for item in items} == ids
    keys = [(item["created_at"], item["id"]) for item in items]
    assert keys == sorted(keys, reverse=True)


async def test_a_full_last_page_has_no_next(inside):
    await _submit(inside, 4)
    assert await _walk(inside, limit=2) != ([], 0)
    _, pages = await _walk(inside, limit=2)
    assert pages == 2


async def test_jobs_that_arrive_while_paging_disturb_nothing(inside):
    before = set(await _submit(inside, 40))
    first = (await inside.get("/jobs", params={"limit": 25})).json()
    await _submit(inside, 10)
    rest = (await inside.get("/jobs", params={"limit": 25, "cursor": first["next_cursor"]})).json()
    assert {item["id"] for item in first["items"] + rest["items"]} == before
    assert rest["next_cursor"] is None


async def test_filters(space, start_inside):
    await announce(space, "example", "other")
    client = await start_inside(roles=("http", "applier"))
    await eventually(lambda: client.process.catalogue.known("other"), what="the types are known")
    plain = await _submit(client, 3)
    tagged = await _submit(client, 2, tags=["blue", 'it\'s "odd", {}'])
    keyed = await _submit(client, 2, key="customer %7")
    high = await _submit(client, 1, queue="high")
    other = [(await client.post("/jobs", json={"payload": {}, "type": "other"})).json()["id"]]
    done = (await client.get(f"/jobs/{plain[0]}")).json()
    await report(space, done, EventKind.COMPLETED, result=1)
    broken = (await client.get(f"/jobs/{plain[1]}")).json()
    await report(space, broken, EventKind.FAILED, **failed())
    for job in (done, broken):
        await client.get(f"/jobs/{job['id']}", params={"wait": 20})

    async def found(**params):
        answer = await client.get("/jobs", params=params)
        assert answer.status_code == 200, answer.text
        return sorted(item["id"] for item in answer.json()["items"])

    assert await found(status="COMPLETED") == [plain[0]]
    assert await found(status="FAILED") == [plain[1]]
    assert await found(status="RUNNING") == []
    assert await found(status="RETRYING") == []
    assert len(await found(status="PENDING")) == 7
    assert await found(tag="blue") == sorted(tagged)
    assert await found(tag='it\'s "odd", {}') == sorted(tagged)
    assert await found(tag="blu") == []
    assert await found(key="customer %7") == sorted(keyed)
    assert await found(key="customer _7") == []
    assert await found(queue="high") == high
    assert await found(type="other") == other
    assert await found(type="other", queue="high") == []
    at = (await client.get(f"/jobs/{keyed[0]}")).json()["created_at"]
    assert sorted(await found(created_before=at) + await found(created_after=at)) == await found()
    assert keyed[0] in await found(created_after=at)


async def test_a_list_that_takes_too_long_says_what_to_do(space, inside, monkeypatch):
    monkeypatch.setattr(listings, "JOBS_TIMEOUT", "200ms")
    async with inside.process.database.transaction() as connection:
        await connection.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
        answer = await inside.get("/jobs", params={"status": "FAILED"})
    assert (answer.status_code, answer.json()["code"]) == (503, "list_too_slow")
    assert "created_after" in answer.json()["detail"]
    assert (await inside.get("/jobs")).status_code == 200


async def test_times_at_the_edges_of_the_calendar(inside):
    for value in ("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00"):
        for name in ("created_after", "created_before"):
            answer = await inside.get("/jobs", params={name: value})
            assert answer.status_code in (200, 422), f"{name}={value}: {answer.text}"


async def test_waiting_ends_when_the_job_ends(space, start_inside):
    await announce(space, "example")
    # The one applies, the other only serves: both must wake.
    applies, serves = await start_inside(roles=("http", "applier")), await start_inside()
    for client in (applies, serves):
        await eventually(lambda client=client: client.process.catalogue.known("example"), what="the type is known")
    job = (await serves.post("/jobs", json={"payload": {"task": "example"}})).json()
    waiting = [
        asyncio.create_task(client.get(f"/jobs/{job['id']}", params={"wait": 30})) for client in (applies, serves)
    ]
    await eventually(lambda: len(applies.process.waiters) and len(serves.process.waiters), what="both wait")
    await report(space, job, EventKind.COMPLETED, result={"output": "success"})
    async with asyncio.timeout(15):
        answers = await asyncio.gather(*waiting)
    assert [answer.json()["status"] for answer in answers] == ["COMPLETED"] * 2
    assert [answer.json()["result"] for answer in answers] == [{"output": "success"}] * 2
    assert len(applies.process.waiters) == len(serves.process.waiters) == 0


async def test_waiting_ends_when_time_is_over(inside):
    job = (await inside.post("/jobs", json={"payload": {"task": "example"}})).json()
    loop = asyncio.get_running_loop()
    began = loop.time()
    answer = await inside.get(f"/jobs/{job['id']}", params={"wait": 0.3})
    assert 0.25 < loop.time() - began < 5
    assert (answer.status_code, answer.json()["status"]) == (200, "PENDING")


async def test_waiting_callers_are_answered_at_shutdown(space, start_inside):
    client = await start_inside(unknown_types="accept")
    job = (await client.post("/jobs", json={"payload": {"task": "example"}})).json()
    waiting = asyncio.create_task(client.get(f"/jobs/{job['id']}", params={"wait": 60}))
    await eventually(lambda: len(client.process.waiters), what="it waits")
    client.process.drain()
    async with asyncio.timeout(5):
        assert (await waiting).json()["status"] == "PENDING"
    ready = await client.get("/readyz")
    assert ready.status_code == 503
    assert "this process is stopping" in ready.json()["reasons"]
