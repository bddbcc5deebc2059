"""Moving held jobs: earlier, later, and not once they have gone."""

from datetime import UTC, datetime, timedelta

import pytest

from jobstream.contracts.events import EventKind
from jobstream.ids import new_id
from jobstream_api.domain.flow import Lane
from tests.integration.api.doors import failed, read_all, report, submit
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration

LANE = Lane("default", "example", (("a-limit", ""),)).to_text()


async def _move(client, job, **fields) -> dict:
    answer = await client.patch(f"/jobs/{job['id']}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def _row(space, job) -> dict:
    [row] = await space.fetch("SELECT *, now() AS now FROM jobs WHERE id = $1::text::uuid", job["id"])
    return dict(row)


@pytest.mark.parametrize("when", [{"run_at": None}, {"delay_s": 0}, {"run_at": "1999-12-31T00:00:00Z"}, {"delay_s": 1}])
async def test_a_job_that_is_moved_to_now_goes_to_kafka_now(space, client, start_inside, when):
    await start_inside(roles=("leader",))
    job = await submit(client, delay_s=3600)
    asked = datetime.now(UTC)
    moved = await _move(client, job, **when)
    due = datetime.fromisoformat(moved["run_at"])
    assert abs((due - asked).total_seconds() - (when.get("delay_s") or 0)) < 2
    [record] = await read_all(space, space.topics.jobs(), at_least=1)
    assert record.key == job["id"].encode()
    row = await _row(space, job)
    assert (row["dispatch"], row["dispatch_at"]) == (1, None)
    assert row["dispatched_at"] >= due


async def test_a_job_that_is_moved_to_later_goes_later(space, client, start_inside):
    soon = await submit(client, delay_s=2)
    moved = await _move(client, soon, delay_s=3600)
    other = await submit(client, delay_s=2)
    await start_inside(roles=("leader",))
    [record] = await read_all(space, space.topics.jobs(), at_least=1)
    assert record.key == other["id"].encode()
    row = await _row(space, soon)
    assert row["dispatch_at"] == row["run_at"] == datetime.fromisoformat(moved["run_at"])
    assert row["dispatch_at"] - row["now"] > timedelta(minutes=59)


async def test_the_next_attempt_is_moved_and_run_at_stays(space, client):
    job = await submit(client)
    await report(space, job, EventKind.FAILED, retryable=True, delay_s=3600.0, error=failed()["error"])

    async def retrying():
        return (await client.get(f"/jobs/{job['id']}")).json()["status"] == "RETRYING"

    await eventually(retrying)
    moved = await _move(client, job, delay_s=60)
    assert (moved["status"], moved["run_at"]) == ("RETRYING", None)
    row = await _row(space, job)
    assert timedelta(seconds=55) < row["dispatch_at"] - row["now"] <= timedelta(seconds=60)


async def test_how_long_it_may_wait_for_its_start_moves_with_it(space, client):
    job = await submit(client, delay_s=600, start_within_s=90)
    moved = await _move(client, job, delay_s=3600)
    span = datetime.fromisoformat(moved["start_before"]) - datetime.fromisoformat(moved["run_at"])
    assert span == timedelta(seconds=90)
    assert (await _move(client, job, priority=3))["start_before"] == moved["start_before"]


async def test_a_record_that_is_handed_back_after_its_job_was_moved_does_not_move_it_back(space, client, start_inside):
    await start_inside(roles=("intake",))
    job = {"id": str(new_id()), "type": "example", "payload": {}}
    due = datetime.now(UTC) + timedelta(seconds=30)
    await space.produce([{**job, "run_at": due.isoformat()}])

    async def taken_in():
        return (await client.get(f"/jobs/{job['id']}")).status_code == 200

    await eventually(taken_in, what="it has a row")
    moved = await _move(client, job, delay_s=3600)
    early = {"reason": "early", "delay_s": 29.0, "started_at": None, "finished_at": None}
    await report(space, job, EventKind.DEFERRED, **early)
    other = await submit(client)
    await report(space, other, EventKind.COMPLETED)
    await client.get(f"/jobs/{other['id']}", params={"wait": 20})

    async def handed_back():
        row = await _row(space, job)
        return row if row["rank"] == 2 else None

    row = await eventually(handed_back, what="the report is applied")
    assert row["dispatch_at"] == datetime.fromisoformat(moved["run_at"])


async def test_the_priority_alone_leaves_the_time(space, client):
    job = await submit(client, delay_s=3600)
    before = await _row(space, job)
    await _move(client, job, priority=7)
    row = await _row(space, job)
    assert (row["priority"], row["dispatch_at"], row["run_at"]) == (7, before["dispatch_at"], before["run_at"])
    assert row["rank_at"] is None


async def test_a_job_at_a_gate_goes_there_again_when_it_is_due(space, client):
    job = await submit(client, delay_s=3600)
    await space.execute("UPDATE jobs SET lane = $1, dispatch_at = 'infinity', rank_at = run_at", LANE)
    await _move(client, job, priority=2)
    [still] = await space.fetch(
        "SELECT dispatch_at = 'infinity' AS waits, run_at - rank_at = interval '800 seconds' AS ranked FROM jobs"
    )
    assert (still["waits"], still["ranked"]) == (True, True)
    await _move(client, job, delay_s=60)
    row = await _row(space, job)
    assert (row["lane"], row["dispatch_at"]) == (LANE, row["run_at"])
    assert row["run_at"] - row["rank_at"] == timedelta(seconds=800)


async def test_a_job_that_has_gone_is_409_and_told_what_to_do(space, client):
    job = await submit(client)
    gone = await client.patch(f"/jobs/{job['id']}", json={"delay_s": 60})
    assert (gone.status_code, gone.json()["code"]) == (409, "not_held")
    assert "/cancel" in gone.json()["detail"]
    await report(space, job, EventKind.FAILED, **failed())
    await client.get(f"/jobs/{job['id']}", params={"wait": 20})
    over = await client.patch(f"/jobs/{job['id']}", json={"delay_s": 60})
    assert (over.status_code, over.json()["code"]) == (409, "not_held")
    assert "FAILED" in over.json()["detail"]
    assert "/retry" in over.json()["detail"]


async def test_an_unknown_job_is_404(client):
    assert (await client.patch(f"/jobs/{new_id()}", json={"delay_s": 60})).status_code == 404
