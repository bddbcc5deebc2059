"""Retries: what fails and then works, what never works, what must not be tried again."""

from datetime import datetime

import pytest

from tests.support.eventually import eventually
from tests.support.space import Space

pytestmark = pytest.mark.integration


async def test_two_failures_and_a_success_end_completed_with_both_errors(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        sent = (await client.post("/jobs", json={"payload": {"task": "flaky_test", "failures": 2}})).json()
        job = (await client.get(f"/jobs/{sent['id']}", params={"wait": 20})).json()
    assert (job["status"], job["retries"], job["attempt"]) == ("COMPLETED", 2, 3)
    assert [(error["attempt"], error["message"]) for error in job["errors"]] == [
        (1, "attempt 1 fails"),
        (2, "attempt 2 fails"),
    ]
    assert job["result"] == {"attempts": 3}


async def test_what_always_fails_is_seen_retrying_and_then_failed(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        sent = (await client.post("/jobs", json={"payload": {"task": "doomed_test"}})).json()
        seen = set()

        async def ended():
            job = (await client.get(f"/jobs/{sent['id']}")).json()
            seen.add(job["status"])
            return job["status"] == "FAILED" and job

        job = await eventually(ended, timeout=30, every=0.02)
    assert "RETRYING" in seen
    assert seen <= {"PENDING", "RUNNING", "RETRYING", "FAILED"}
    assert job["last_error"] == "RuntimeError: never works"
    assert (job["retries"], len(job["errors"]), job["finished_at"] is not None) == (2, 3, True)
    assert [run["attempt"] for run in space.runs()] == [1, 2, 3]


async def test_fail_is_final_at_once(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        sent = (await client.post("/jobs", json={"payload": {"task": "fatal"}})).json()
        job = (await client.get(f"/jobs/{sent['id']}", params={"wait": 10})).json()
    assert (job["status"], job["retries"]) == ("FAILED", 0)
    assert "cannot ever work" in job["last_error"]
    assert len(space.runs()) == 1


async def test_a_handler_sets_its_own_wait(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        sent = (await client.post("/jobs", json={"payload": {"task": "asks_again", "after": 1.0}})).json()
        job = (await client.get(f"/jobs/{sent['id']}", params={"wait": 20})).json()
    assert (job["status"], job["retries"]) == ("COMPLETED", 1)
    first, second = space.runs()
    assert 1.0 <= second["at"] - first["at"] < 4.0


async def test_a_snooze_uses_no_attempt(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        body = {"payload": {"task": "snoozer", "marker": str(space.folder / "marker")}}
        sent = (await client.post("/jobs", json=body)).json()
        job = (await client.get(f"/jobs/{sent['id']}", params={"wait": 20})).json()
    assert (job["status"], job["retries"], job["errors"]) == ("COMPLETED", 0, [])
    assert len(space.runs()) == 2


async def test_cancel_and_timeout_are_told_apart_from_failure(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        quit_id = (await client.post("/jobs", json={"payload": {"task": "quitter"}})).json()["id"]
        late_id = (await client.post("/jobs", json={"payload": {"task": "overtime"}})).json()["id"]
        gave_up = (await client.get(f"/jobs/{quit_id}", params={"wait": 10})).json()
        late = (await client.get(f"/jobs/{late_id}", params={"wait": 10})).json()
    assert gave_up["status"] == "CANCELLED"
    assert late["status"] == "FAILED"
    assert late["errors"][0]["code"] == "timeout"


async def test_an_operator_retries_what_failed(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        sent = (await client.post("/jobs", json={"payload": {"task": "fatal"}})).json()
        await client.get(f"/jobs/{sent['id']}", params={"wait": 10})
        again = await client.post(f"/jobs/{sent['id']}/retry")
        assert again.status_code == 200
        assert again.json()["attempt"] == 2
        job = (await client.get(f"/jobs/{sent['id']}", params={"wait": 10})).json()
        assert (job["status"], job["retries"], len(job["errors"])) == ("FAILED", 1, 2)
        done = (await client.post("/jobs", json={"payload": {"task": "instant"}})).json()
        await client.get(f"/jobs/{done['id']}", params={"wait": 10})
        refused = await client.post(f"/jobs/{done['id']}/retry")
        assert refused.status_code == 409
        assert refused.headers["content-type"] == "application/problem+json"


async def test_a_job_of_later_waits_for_its_time_through_both_doors(space: Space):
    api, _ = await space.start_all()
    async with space.http(api) as client:
        sent = (await client.post("/jobs", json={"payload": {"task": "instant"}, "delay_s": 1.5})).json()
        await space.produce([{"payload": {"task": "instant"}, "delay_s": 1.5}])
        assert sent["status"] == "PENDING"
        assert sent["run_at"] is not None
        await space.until_all("COMPLETED", 2, timeout=60)
        jobs = (await client.get("/jobs")).json()["items"]
    for job in jobs:
        assert datetime.fromisoformat(job["started_at"]) >= datetime.fromisoformat(job["run_at"]), job
        assert job["retries"] == 0
    assert len(space.runs()) == 2
