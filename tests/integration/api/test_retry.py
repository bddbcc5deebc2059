"""An operator's retry: the next attempt, with all its retries anew."""

import asyncio

import orjson
import pytest

from jobstream.contracts.events import EventKind
from jobstream.contracts.jobs import Job
from jobstream.ids import new_id
from tests.integration.api.doors import announce, failed, read_all, report
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def client(space, start_inside):
    await announce(space, "example", max_retries=2)
    client = await start_inside(roles=("http", "applier"))
    await eventually(lambda: client.process.catalogue.known("example"), what="the type is known")
    return client


async def _end(space, client, job, event=EventKind.FAILED, **fields):
    await report(space, job, event, **fields)
    ended = (await client.get(f"/jobs/{job['id']}", params={"wait": 20})).json()
    assert ended["status"] == event.value.upper()
    return ended


async def test_a_failed_job_runs_again_with_all_its_retries(space, client):
    job = (await client.post("/jobs", json={"payload": {"task": "example"}})).json()
    assert job["max_retries"] == 2
    ended = await _end(space, client, job, **failed("first"))
    answer = await client.post(f"/jobs/{job['id']}/retry")
    assert answer.status_code == 200
    again = answer.json()
    assert (again["status"], again["attempt"], again["retries"], again["max_retries"]) == ("PENDING", 2, 1, 3)
    assert (again["started_at"], again["finished_at"], again["worker"], again["result"]) == (None, None, None, None)
    assert again["errors"] == ended["errors"]
    assert again["last_error"] == "RuntimeError: first"
    records = await read_all(space, space.topics.jobs(), at_least=2)
    published = Job.read(orjson.loads(records[-1].value))
    assert (str(published.id), published.attempt, published.dispatch, published.max_retries) == (job["id"], 2, 2, 3)

    await _end(space, client, job, attempt=2, dispatch=2, **failed("second"))
    third = (await client.post(f"/jobs/{job['id']}/retry")).json()
    # The allowance stays what it was at first; it does not grow with each retry.
    assert (third["attempt"], third["max_retries"]) == (3, 4)
    kinds = await space.fetch("SELECT kind, attempt FROM job_events ORDER BY id")
    assert [(row["kind"], row["attempt"]) for row in kinds] == [("retried", 2), ("retried", 3)]


async def test_a_cancelled_job_may_be_retried(space, client):
    job = (await client.post("/jobs", json={"payload": {"task": "example"}, "max_retries": 0})).json()
    await _end(space, client, job, EventKind.CANCELLED)
    again = (await client.post(f"/jobs/{job['id']}/retry")).json()
    assert (again["status"], again["max_retries"]) == ("PENDING", 1)


async def test_a_job_that_did_not_end_so_is_409(space, client):
    job = (await client.post("/jobs", json={"payload": {"task": "example"}})).json()
    pending = await client.post(f"/jobs/{job['id']}/retry")
    assert (pending.status_code, pending.json()["code"]) == (409, "not_retryable")
    await _end(space, client, job, EventKind.COMPLETED, result=1)
    completed = await client.post(f"/jobs/{job['id']}/retry")
    assert completed.status_code == 409
    assert "COMPLETED" in completed.json()["detail"]
    assert (await client.get(f"/jobs/{job['id']}")).json()["attempt"] == 1


async def test_two_operators_at_once_make_one_attempt(space, client):
    job = (await client.post("/jobs", json={"payload": {"task": "example"}})).json()
    await _end(space, client, job, **failed())
    answers = await asyncio.gather(*(client.post(f"/jobs/{job['id']}/retry") for _ in range(10)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 9
    assert (await client.get(f"/jobs/{job['id']}")).json()["attempt"] == 2


async def test_an_unknown_job_is_404(client):
    answer = await client.post("/jobs/01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e/retry")
    assert answer.status_code == 404


async def test_a_run_that_was_announced_before_it_began_has_its_start_though_it_ended_at_once(
    space, inside, start_inside
):
    job = (await inside.post("/jobs", json={"payload": {"task": "example"}})).json()
    run = new_id()
    await report(space, job, EventKind.RUNNING, run_id=run, started_at=None, finished_at=None, lease_s=30.0)
    await report(space, job, EventKind.COMPLETED, run_id=run)
    await start_inside(roles=("applier",))  # both are one batch
    ended = (await inside.get(f"/jobs/{job['id']}", params={"wait": 20})).json()
    assert (ended["status"], ended["started_at"]) == ("COMPLETED", ended["finished_at"])
