"""Cancelling: terminal at once in the row, an order to the workers, and nothing changes it any more."""

import asyncio
from datetime import UTC, datetime

import orjson
import pytest

from jobstream.contracts.control import CancelOrder
from jobstream.contracts.events import EventKind
from jobstream.ids import new_id
from jobstream_api.domain.flow import Lane
from tests.integration.api.doors import announce, failed, read_all, report, submit
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration


@pytest.fixture
async def client(space, start_inside):
    await announce(space, "example", "other")
    client = await start_inside(roles=("http", "applier"))
    await eventually(lambda: client.process.catalogue.known("other"), what="the types are known")
    return client


async def _cancel(client, job, body=None) -> dict:
    answer = await client.post(f"/jobs/{job['id']}/cancel", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _orders(space, at_least=0) -> list[CancelOrder]:
    records = await read_all(space, space.topics.control, at_least=at_least)
    orders = [CancelOrder.read(orjson.loads(record.value)) for record in records]
    assert [record.key for record in records] == [str(order.id).encode() for order in orders]
    return orders


async def _run(space, client, job) -> None:
    await report(space, job, EventKind.RUNNING, finished_at=None, lease_s=60.0)

    async def runs():
        return (await client.get(f"/jobs/{job['id']}")).json()["status"] == "RUNNING"

    await eventually(runs)


async def _applied(space, client) -> None:
    """Wait until every event that was reported so far is applied: a later job's end is."""
    marker = await submit(client)
    for partition in range(4):
        said = {
            "event": "completed",
            "id": marker["id"],
            "run_id": str(new_id()),
            "worker": "a-worker",
            "at": datetime.now(UTC).isoformat(),
            "type": "example",
        }
        await space.produce([said], topic=space.topics.status, key=marker["id"].encode(), partition=partition)

    async def passed():
        rows = await space.fetch("SELECT count(*) FROM consumer_offsets WHERE consumer = 'jobstream-applier'")
        ends = await space.fetch(
            "SELECT sum(next_offset)::int AS total FROM consumer_offsets WHERE consumer = 'jobstream-applier'"
        )
        records = await read_all(space, space.topics.status)
        return rows[0]["count"] == 4 and ends[0]["total"] >= len(records)

    await eventually(passed, what="the applier has read everything")


async def _row(space, job) -> dict:
    [row] = await space.fetch("SELECT * FROM jobs WHERE id = $1::text::uuid", job["id"])
    return dict(row)


async def test_a_held_job_is_cancelled_and_its_workers_need_not_know(space, client):
    job = await submit(client, delay_s=3600, start_within_s=60)
    cancelled = await _cancel(client, job)
    assert (cancelled["status"], cancelled["last_error"], cancelled["errors"]) == ("CANCELLED", None, [])
    assert cancelled["finished_at"] is not None
    assert cancelled["start_before"] is None
    row = await _row(space, job)
    assert (row["dispatch_at"], row["rank"], row["started_at"]) == (None, 2, None)
    assert await _orders(space) == []
    [event] = await space.fetch("SELECT job_id, kind, attempt, detail::text FROM job_events")
    assert (str(event["job_id"]), event["kind"], event["attempt"]) == (job["id"], "cancelled", 1)
    assert orjson.loads(event["detail"]) == {"reason": None, "from": "PENDING"}


async def test_a_queued_job_is_cancelled_and_its_workers_are_told(space, client):
    job = await submit(client)
    cancelled = await _cancel(client, job, {"reason": "ordered twice"})
    assert (cancelled["status"], cancelled["last_error"]) == ("CANCELLED", "cancelled: ordered twice")
    [order] = await _orders(space, at_least=1)
    assert (str(order.id), order.dispatch, order.reason) == (job["id"], 1, "ordered twice")
    assert abs((order.at - datetime.fromisoformat(cancelled["finished_at"])).total_seconds()) < 1
    [event] = await space.fetch("SELECT detail::text FROM job_events")
    assert orjson.loads(event["detail"]) == {"reason": "ordered twice", "from": "PENDING"}
    row = await _row(space, job)
    assert (row["lane"], row["lease_expires_at"], row["watch_at"]) == (None, None, None)


async def test_a_running_job_is_cancelled_and_what_its_worker_still_says_changes_nothing(space, client):
    job = await submit(client)
    await _run(space, client, job)
    cancelled = await _cancel(client, job, {})
    assert (cancelled["status"], cancelled["worker"]) == ("CANCELLED", "a-worker")
    assert (await _row(space, job))["lease_expires_at"] is None
    assert len(await _orders(space, at_least=1)) == 1
    await report(space, job, EventKind.HEARTBEAT, finished_at=None, lease_s=60.0)
    await report(space, job, EventKind.COMPLETED, result={"late": True})
    await _applied(space, client)
    assert (await client.get(f"/jobs/{job['id']}")).json() == cancelled


async def test_a_job_between_two_attempts_is_cancelled_and_keeps_why_the_first_failed(space, client):
    job = await submit(client)
    await report(space, job, EventKind.FAILED, retryable=True, delay_s=3600.0, error=failed("first")["error"])

    async def retrying():
        return (await client.get(f"/jobs/{job['id']}")).json()["status"] == "RETRYING"

    await eventually(retrying)
    cancelled = await _cancel(client, job)
    assert (cancelled["status"], cancelled["last_error"]) == ("CANCELLED", "RuntimeError: first")
    assert len(cancelled["errors"]) == 1
    assert await _orders(space) == []


async def test_cancelling_twice_is_cancelling_once(space, client):
    job = await submit(client)
    first = await _cancel(client, job, {"reason": "one"})
    assert await _cancel(client, job, {"reason": "two"}) == first
    assert len(await _orders(space, at_least=1)) == 1
    assert await space.count("job_events") == 1


@pytest.mark.parametrize(("event", "fields"), [(EventKind.COMPLETED, {"result": 1}), (EventKind.FAILED, failed())])
async def test_what_has_ended_otherwise_is_409(space, client, event, fields):
    job = await submit(client)
    await report(space, job, event, **fields)
    ended = (await client.get(f"/jobs/{job['id']}", params={"wait": 20})).json()
    answer = await client.post(f"/jobs/{job['id']}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (409, "not_cancellable")
    assert event.value.upper() in answer.json()["detail"]
    assert (await client.get(f"/jobs/{job['id']}")).json() == ended


async def test_an_unknown_job_is_404(client):
    answer = await client.post(f"/jobs/{new_id()}/cancel")
    assert (answer.status_code, answer.json()["code"]) == (404, "job_not_found")


async def test_who_waits_for_the_job_is_answered_at_once(client):
    job = await submit(client, delay_s=3600)
    waiting = asyncio.create_task(client.get(f"/jobs/{job['id']}", params={"wait": 30}))
    await eventually(lambda: len(client.process.waiters) == 1)
    await _cancel(client, job)
    answer = await asyncio.wait_for(waiting, 5)
    assert answer.json()["status"] == "CANCELLED"


async def test_a_cancelled_job_may_be_retried(space, client):
    job = await submit(client, start_within_s=3600)
    await _cancel(client, job, {"reason": "by mistake"})
    again = (await client.post(f"/jobs/{job['id']}/retry")).json()
    assert (again["status"], again["attempt"], again["start_before"]) == ("PENDING", 2, None)
    await _cancel(client, job)
    assert [order.dispatch for order in await _orders(space, at_least=2)] == [1, 2]


async def test_a_direct_job_whose_record_lies_in_kafka_is_told_of_though_it_is_held(space, start_inside):
    client = await start_inside(roles=("http", "intake"))
    direct = new_id()
    await space.produce([{"id": str(direct), "type": "example", "payload": {}, "delay_s": 3600}])

    async def there():
        return (await client.get(f"/jobs/{direct}")).status_code == 200

    await eventually(there)
    await _cancel(client, {"id": str(direct)})
    assert [order.id for order in await _orders(space, at_least=1)] == [direct]


async def test_a_record_that_kafka_has_not_got_is_forgotten(space, client):
    job = await submit(client)
    await eventually(lambda: client.process.relay.held == 0)
    # As a process left it that was killed between its commit and the relay's work.
    await space.execute(
        "INSERT INTO outbox (id, job_id, topic, value) VALUES ($1, $2::text::uuid, $3, '{}')",
        new_id(),
        job["id"],
        space.topics.jobs(),
    )
    dead = new_id()
    await space.execute(
        "INSERT INTO outbox (id, job_id, topic, headers, value) VALUES ($1, $2::text::uuid, $3, '[]', '{}')",
        dead,
        job["id"],
        space.topics.dead,
    )
    await _cancel(client, job)
    await eventually(lambda: client.process.relay.held == 0)
    assert [row["id"] for row in await space.fetch("SELECT id FROM outbox")] == [dead]


async def test_fifty_jobs_end_once_whoever_comes_first(space, client):
    jobs = [await submit(client) for _ in range(50)]

    async def complete(job):
        await report(space, job, EventKind.COMPLETED, result=job["id"])

    async def cancel(job):
        answer = await client.post(f"/jobs/{job['id']}/cancel")
        assert answer.status_code in (200, 409), answer.text
        return answer.json().get("status", "COMPLETED")

    said = await asyncio.gather(*(cancel(job) for job in jobs), *(complete(job) for job in jobs))
    await _applied(space, client)
    for job, status in zip(jobs, said, strict=False):
        now = (await client.get(f"/jobs/{job['id']}")).json()
        assert now["status"] == status
        assert now["result"] == (job["id"] if status == "COMPLETED" else None)
    cancelled = said.count("CANCELLED")
    assert len(await _orders(space, at_least=cancelled)) == await space.count("job_events") == cancelled


async def test_a_filter_is_counted_first_and_then_cancels_what_is_under_way(space, client):
    mine = [await submit(client, tags=["import"]) for _ in range(3)]
    held = await submit(client, tags=["import"], delay_s=3600)
    await submit(client, tags=["export"])
    ended = await submit(client, tags=["import"])
    await report(space, ended, EventKind.COMPLETED)
    await client.get(f"/jobs/{ended['id']}", params={"wait": 20})
    await _run(space, client, mine[0])

    counted = await client.post("/jobs/cancel", json={"tag": "import", "dry_run": True})
    assert counted.json() == {"matched": 4, "cancelled": 0, "more": False}
    assert (await space.statuses())["PENDING"] == 4
    few = await client.post("/jobs/cancel", json={"tag": "import", "limit": 1, "dry_run": True})
    assert few.json() == {"matched": 1, "cancelled": 0, "more": True}
    running = await client.post("/jobs/cancel", json={"tag": "import", "status": ["RUNNING"], "reason": "stop"})
    assert running.json() == {"matched": 1, "cancelled": 1, "more": False}
    done = await client.post("/jobs/cancel", json={"tag": "import", "type": "example", "queue": "default"})
    assert done.json() == {"matched": 3, "cancelled": 3, "more": False}
    assert await space.statuses() == {"CANCELLED": 4, "PENDING": 1, "COMPLETED": 1}
    ids = {str(order.id) for order in await _orders(space, at_least=3)}
    assert ids == {job["id"] for job in mine}
    assert held["id"] not in ids
    assert (await client.get(f"/jobs/{mine[0]['id']}")).json()["last_error"] == "cancelled: stop"


@pytest.mark.parametrize("since", [None, "now() - interval '1 hour'"])
async def test_every_filter_restricts_with_the_reapers_mark_and_without(space, client, since):
    await space.execute(
        "INSERT INTO leader (name, holder, term, expires_at, pending_floor)"
        f" VALUES ('api', 'x', 1, now(), {since or 'NULL'})"
    )
    job = await submit(client, type="other", key="k", queue="high", tags=["t"])
    await submit(client)
    at = job["created_at"]
    for filters, number in (
        ({"type": "other"}, 1),
        ({"type": "example"}, 1),
        ({"key": "k"}, 1),
        ({"queue": "high"}, 1),
        ({"tag": "t"}, 1),
        ({"status": ["PENDING"]}, 2),
        ({"status": ["RUNNING", "RETRYING"]}, 0),
        ({"created_after": at}, 2),
        ({"created_before": at}, 0),
        ({"type": "other", "key": "l"}, 0),
    ):
        answer = await client.post("/jobs/cancel", json=filters | {"dry_run": True})
        assert answer.json()["matched"] == number, (filters, answer.text)


async def test_old_jobs_that_are_under_way_are_found_below_the_reapers_mark(space, client):
    old = "now() - interval '3 days'"
    for n, column in enumerate(("dispatch_at", "lease_expires_at", "watch_at", None)):
        status = {"lease_expires_at": "RUNNING"}.get(column or "", "PENDING")
        extra = f", {column}" if column else ""
        await space.execute(
            f"INSERT INTO jobs (id, type, queue, payload, status, created_at, tags{extra})"
            f" VALUES ($1, 'example', 'default', '{{}}', '{status}', {old}, '{{n{n}}}'{', now()' if column else ''})",
            new_id(),
        )
    await space.execute(
        "INSERT INTO leader (name, holder, term, expires_at, pending_floor)"
        " VALUES ('api', 'x', 1, now(), now() - interval '4 days')"
    )
    assert (await client.post("/jobs/cancel", json={"type": "example", "dry_run": True})).json()["matched"] == 4
    await space.execute("UPDATE leader SET pending_floor = now() - interval '1 day'")
    # The last one waits for a first run: the mark never passes such a row, so it is not looked for behind it.
    assert (await client.post("/jobs/cancel", json={"type": "example", "dry_run": True})).json()["matched"] == 3


async def test_many_are_cancelled_in_batches(space, client):
    jobs = [{"payload": {"task": "example"}, "tags": ["bulk"], "delay_s": 3600} for _ in range(2_500)]
    assert (await client.post("/jobs/batch", json={"jobs": jobs})).status_code == 201
    first = await client.post("/jobs/cancel", json={"tag": "bulk", "limit": 2_100})
    assert first.json() == {"matched": 2_100, "cancelled": 2_100, "more": True}
    rest = await client.post("/jobs/cancel", json={"tag": "bulk"})
    assert rest.json() == {"matched": 400, "cancelled": 400, "more": False}
    rows = await space.fetch("SELECT at, count(*) FROM job_events GROUP BY at")
    assert sorted(row["count"] for row in rows) == [100, 400, 1_000, 1_000]  # now() is a transaction's


LANE = Lane("default", "example", (("a-limit", ""),)).to_text()


async def _permit(space, job) -> None:
    await space.execute("UPDATE jobs SET lane = $2 WHERE id = $1::text::uuid", job["id"], LANE)


async def test_a_run_keeps_its_permit_until_its_worker_reports(space, client):
    job = await submit(client)
    await _permit(space, job)
    await _run(space, client, job)
    before = await _row(space, job)
    await _cancel(client, job)
    row = await _row(space, job)
    assert (row["status"], row["lane"]) == ("CANCELLED", LANE)
    assert row["lease_expires_at"] == before["lease_expires_at"]
    await report(space, job, EventKind.CANCELLED, dispatch=2)  # of another dispatch: says nothing of this one
    await _applied(space, client)
    assert (await _row(space, job))["lane"] == LANE
    early = await client.post(f"/jobs/{job['id']}/retry")
    assert (early.status_code, early.json()["code"]) == (409, "run_not_over")
    assert early.headers["retry-after"]
    await report(space, job, EventKind.CANCELLED)

    async def free():
        row = await _row(space, job)
        return (row["lane"], row["lease_expires_at"], row["status"]) == (None, None, "CANCELLED")

    await eventually(free)
    assert (await client.post(f"/jobs/{job['id']}/retry")).status_code == 200


async def test_a_queued_job_keeps_its_permit_for_half_a_minute_at_most(space, client, start_inside):
    job, held = await submit(client), await submit(client, delay_s=3600)
    await _permit(space, job)
    await _permit(space, held)
    await _cancel(client, job)
    await _cancel(client, held)
    assert (await _row(space, held))["lane"] is None
    [left] = await space.fetch(
        "SELECT lane, extract(epoch FROM lease_expires_at - now())::float8 AS s FROM jobs WHERE id = $1::text::uuid",
        job["id"],
    )
    assert left["lane"] == LANE
    assert 0 < left["s"] <= 30
    await space.execute("UPDATE jobs SET lease_expires_at = now() - interval '5 seconds' WHERE lane IS NOT NULL")
    await start_inside(roles=("leader",), reaper_interval_s=0.2)

    async def free():
        row = await _row(space, job)
        return (row["lane"], row["lease_expires_at"], row["status"]) == (None, None, "CANCELLED")

    await eventually(free)
