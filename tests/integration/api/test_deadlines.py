"""Jobs that have to start in time, and do not."""

from datetime import datetime

import orjson
import pytest

from jobstream.contracts.events import EventKind
from jobstream.contracts.jobs import Job
from jobstream.ids import new_id
from jobstream_api.domain.flow import Lane
from tests.integration.api.doors import announce, failed, read_all, report, submit
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

LANE = Lane("default", "example", (("a-limit", ""),)).to_text()
QUICK = {"reaper_interval_s": 0.2, "reaper_hold_off_s": 0.0, "reaper_grace_s": 0.5}


@pytest.fixture
async def client(space, start_inside):
    await announce(space, "example")
    client = await start_inside(roles=("http", "applier", "intake"))
    await eventually(lambda: client.process.catalogue.known("example"), what="the type is known")
    return client


async def _read(client, job, **params) -> dict:
    return (await client.get(f"/jobs/{job['id']}", params=params)).json()


def _span(job, since) -> float:
    return (datetime.fromisoformat(job["start_before"]) - datetime.fromisoformat(job[since])).total_seconds()


async def test_it_counts_from_when_the_job_is_due_and_its_record_tells_it(space, client):
    now = await submit(client, start_within_s=90.5)
    held = await submit(client, start_within_s=90, delay_s=600)
    past = await submit(client, start_within_s=90, run_at="1999-12-31T00:00:00Z")
    free = await submit(client)
    assert (_span(now, "created_at"), _span(held, "run_at"), _span(past, "created_at")) == (90.5, 90.0, 90.0)
    assert free["start_before"] is None
    for job in (now, held, past, free):
        assert await _read(client, job) == job
    records = {job.id: job for job in map(_job_in, await read_all(space, space.topics.jobs(), at_least=3))}
    assert {str(job_id): job.start_before for job_id, job in records.items()} == {
        now["id"]: datetime.fromisoformat(now["start_before"]),
        past["id"]: datetime.fromisoformat(past["start_before"]),
        free["id"]: None,
    }


def _job_in(record) -> Job:
    return Job.read(orjson.loads(record.value))


async def test_what_the_relay_leaves_behind_tells_it_too(space, client):
    """The row of the outbox is written by the database, the record that goes out at once by the api."""
    client.process.relay.hand_over = lambda rows: None
    client.process.parts.submitter._placer._hand_over = lambda rows: None
    job = await submit(client, start_within_s=90.5)
    [row] = await space.fetch("SELECT value FROM outbox")
    read = Job.read(orjson.loads(row["value"]))
    assert (str(read.id), read.start_before) == (job["id"], datetime.fromisoformat(job["start_before"]))


async def test_the_dispatchers_record_tells_it(space, client, start_inside):
    await start_inside(roles=("leader",))
    held = await submit(client, start_within_s=90, delay_s=0.5)
    [record] = await read_all(space, space.topics.jobs(), at_least=1)
    assert _job_in(record).start_before == datetime.fromisoformat(held["start_before"])


async def test_a_direct_record_may_ask_for_it(space, client):
    job_id = new_id()
    body = {"id": str(job_id), "type": "example", "payload": {}, "start_within_s": 90}
    await space.produce([body])
    job = {"id": str(job_id)}
    await eventually(lambda: _known(client, job))
    assert _span(await _read(client, job), "created_at") == 90.0


async def _known(client, job) -> bool:
    return (await client.get(f"/jobs/{job['id']}")).status_code == 200


async def test_a_queued_job_that_nobody_starts_is_failed(space, client, start_inside):
    job = await submit(client, start_within_s=0.5, max_retries=5)
    in_time = await submit(client, start_within_s=3600)
    await start_inside(roles=("leader",), **QUICK)
    ended = await _read(client, job, wait=30)
    assert (ended["status"], ended["attempt"], ended["start_before"]) == ("FAILED", 1, None)
    assert ended["last_error"].startswith("it had not started by ")
    [error] = ended["errors"]
    assert (error["code"], error["attempt"], error["worker"]) == ("deadline_exceeded", 1, None)
    assert (await _read(client, in_time))["status"] == "PENDING"
    # A worker that comes to it all the same changes nothing.
    await report(space, job, EventKind.COMPLETED, result=1)
    await report(space, in_time, EventKind.COMPLETED, result=1)
    assert (await _read(client, in_time, wait=20))["status"] == "COMPLETED"
    assert (await _read(client, job))["status"] == "FAILED"


async def test_a_held_job_is_failed_without_kafka(space, client, start_inside):
    job = await submit(client, start_within_s=1, delay_s=3600)
    await space.execute("UPDATE jobs SET lane = $1, dispatch_at = 'infinity', start_before = now()", LANE)
    await start_inside(roles=("leader",), **QUICK | {"reaper_hold_off_s": 60.0})
    ended = await _read(client, job, wait=30)
    assert (ended["status"], ended["errors"][0]["code"]) == ("FAILED", "deadline_exceeded")
    [row] = await space.fetch("SELECT lane, dispatch_at FROM jobs")
    assert (row["lane"], row["dispatch_at"]) == (None, None)


async def test_a_start_that_is_not_applied_yet_counts(space, client, start_inside, inside):
    """The reaper waits for what lies on the status topic before it says that a job is late."""
    job = await submit(client, start_within_s=1)
    await client.process.supervisor.stop(10)  # its applier is away
    await report(space, job, EventKind.RUNNING, finished_at=None, lease_s=60.0)
    await space.execute("UPDATE jobs SET start_before = now() - interval '1 minute'")
    leader = await start_inside(roles=("leader",), **QUICK)
    await eventually(lambda: leader.process.leader.leading)
    await start_inside(roles=("applier",))

    async def running():
        return (await _read(inside, job))["status"] == "RUNNING"

    await eventually(running)
    assert (await _read(inside, job))["start_before"] is None


@pytest.mark.parametrize(
    ("event", "fields", "kept"),
    [
        (EventKind.DEFERRED, {"started_at": None, "finished_at": None, "delay_s": 3600.0}, True),
        (EventKind.RELEASED, {"started_at": None}, True),
        (EventKind.RELEASED, {}, False),
        (EventKind.SNOOZED, {"delay_s": 3600.0}, False),
        (EventKind.FAILED, {"retryable": True, "delay_s": 3600.0, "error": failed()["error"]}, False),
        (EventKind.FAILED, failed(), False),
        (EventKind.COMPLETED, {"result": 1}, False),
        (EventKind.RUNNING, {"finished_at": None, "lease_s": 60.0}, False),
        (EventKind.RUNNING, {"started_at": None, "finished_at": None, "lease_s": 60.0}, True),
    ],
)
async def test_only_who_has_not_started_still_has_to_start_in_time(space, client, event, fields, kept):
    job = await submit(client, start_within_s=3600)
    await report(space, job, event, **fields)

    async def told():
        [row] = await space.fetch("SELECT rank, start_before FROM jobs")
        return row if row["rank"] > 0 else None

    row = await eventually(told)
    assert (row["start_before"] is not None) == kept


async def test_a_worker_that_comes_too_late_fails_the_job(space):
    api, _ = await space.start_all(JOBSTREAM_REAPER_INTERVAL_S="600")
    async with space.http(api) as client:
        job = new_id()
        late = {"id": str(job), "type": "instant", "payload": {}, "start_within_s": 0.000001}
        await space.produce([late])
        await eventually(lambda: _known(client, {"id": str(job)}))
        ended = await _read(client, {"id": str(job)}, wait=20)
    assert (ended["status"], ended["errors"][0]["code"]) == ("FAILED", "deadline_exceeded")
    assert ended["errors"][0]["worker"] is not None
    assert (ended["attempt"], ended["started_at"]) == (1, None)
    assert space.runs() == []
