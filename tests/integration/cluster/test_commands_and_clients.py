"""The job commands and the Python clients, on a running system."""

import asyncio
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from jobstream import Client, KafkaClient, SyncClient
from jobstream.client import ApiError, JobNotFound, StillRunning
from jobstream.contracts.status import JobStatus
from jobstream.errors import InvalidInput
from jobstream.settings import Settings
from tests.support.eventually import eventually
from tests.support.space import Running, Space

pytestmark = pytest.mark.integration


@pytest.fixture
async def api(space: Space) -> Running:
    """An api with one worker."""
    running, _ = await space.start_all()
    return running


async def jobstream(api: Running, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "jobstream.cli", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "JOBSTREAM_API_URL": api.url},
    )


def job_in(done: "subprocess.CompletedProcess[str]") -> dict[str, Any]:
    return dict(json.loads(done.stdout))


async def test_the_job_commands(api):
    submitted = await jobstream(api, "submit", '{"task": "example", "value": 42}', "--wait", "20", "-o", "json")
    assert submitted.returncode == 0, submitted.stderr
    job = job_in(submitted)
    assert (job["status"], job["result"]) == ("COMPLETED", {"output": "success"})

    got = await jobstream(api, "get", job["id"])
    assert got.returncode == 0
    assert "COMPLETED" in got.stdout
    assert job["id"] in got.stdout

    from_stdin = await jobstream(api, "submit", "instant", "-", "--tag", "blue", "-o", "json", given='{"n": 1}')
    assert job_in(from_stdin)["tags"] == ["blue"]
    listed = await jobstream(api, "list", "--tag", "blue", "-o", "json")
    assert [item["id"] for item in job_in(listed)["items"]] == [job_in(from_stdin)["id"]]


async def test_exit_codes_tell_what_became_of_a_job(api):
    failed = await jobstream(api, "submit", "fatal", "--wait", "20", "-o", "json")
    assert failed.returncode == 4
    job_id = job_in(failed)["id"]
    watched = await jobstream(api, "watch", job_id, "-o", "json")
    assert watched.returncode == 4
    assert json.loads(watched.stdout.splitlines()[-1])["status"] == "FAILED"

    again = await jobstream(api, "retry", job_id)
    assert again.returncode == 0, again.stderr
    assert (await jobstream(api, "get", "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e")).returncode == 3
    assert (await jobstream(api, "submit", "sleeper", '{"seconds": 30}', "--wait", "0.2")).returncode == 5


async def test_what_goes_wrong_is_one_line_on_stderr(api):
    unknown = await jobstream(api, "submit", "no_such_type")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert "unknown_type" in unknown.stderr
    assert "Traceback" not in unknown.stderr
    assert (await jobstream(api, "submit", "instant", "[1]")).returncode == 2
    nowhere = await jobstream(api, "get", "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e", "--api", "http://127.0.0.1:1")
    assert nowhere.returncode == 1
    assert "is the api running?" in nowhere.stderr


async def test_watch_follows_progress(api):
    submitted = await jobstream(api, "submit", "sleeper", '{"seconds": 10}', "-o", "json")
    watched = await jobstream(api, "watch", job_in(submitted)["id"])
    assert watched.returncode == 0
    assert "RUNNING" in watched.stdout
    assert watched.stdout.splitlines()[-1].split()[1] == "COMPLETED"


async def test_cancelling_from_the_command_line(api):
    ids = [job_in(await jobstream(api, "submit", "sleeper", '{"seconds": 60}', "-o", "json"))["id"] for _ in range(2)]
    done = job_in(await jobstream(api, "submit", "instant", "--wait", "20", "-o", "json"))["id"]
    one = await jobstream(api, "cancel", ids[0], "--reason", "not needed", "-o", "json")
    assert one.returncode == 0, one.stderr
    assert (job_in(one)["status"], job_in(one)["last_error"]) == ("CANCELLED", "cancelled: not needed")
    several = await jobstream(api, "cancel", done, *ids, "-o", "json")
    assert several.returncode == 1
    assert "not_cancellable" in several.stderr
    assert [item["id"] for item in job_in(several)["items"]] == ids
    nobody = await jobstream(api, "cancel", "01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e")
    assert nobody.returncode == 3
    assert (await jobstream(api, "cancel")).returncode == 2
    assert (await jobstream(api, "cancel", done, "--tag", "x")).returncode == 2


async def test_cancelling_by_filters_asks_first(api):
    for _ in range(3):
        await jobstream(api, "submit", "instant", "--tag", "bulk", "--delay", "3600")
    counted = await jobstream(api, "cancel", "--tag", "bulk", "--dry-run", "-o", "json")
    assert job_in(counted) == {"matched": 3, "cancelled": 0, "more": False}
    refused = await jobstream(api, "cancel", "--tag", "bulk", given="n\n")
    assert refused.returncode == 1
    assert "cancel 3 jobs?" in refused.stderr
    some = await jobstream(api, "cancel", "--tag", "bulk", "--limit", "2", given="y\n")
    assert some.returncode == 0, some.stderr
    assert "2 jobs under way, 2 cancelled" in some.stdout
    rest = await jobstream(api, "cancel", "--tag", "bulk", "--status", "pending", "--yes", "-o", "json")
    assert job_in(rest) == {"matched": 1, "cancelled": 1, "more": False}
    none = await jobstream(api, "cancel", "--tag", "bulk")
    assert (none.returncode, none.stdout.strip()) == (0, "0 jobs under way, 0 cancelled")


async def test_moving_a_job_from_the_command_line(api):
    job = job_in(await jobstream(api, "submit", "instant", "--delay", "3600", "--start-within", "60", "-o", "json"))
    later = await jobstream(api, "reschedule", job["id"], "--in", "7200", "--priority", "3", "-o", "json")
    assert later.returncode == 0, later.stderr
    assert job_in(later)["run_at"] > job["run_at"]
    assert job_in(later)["start_before"] > job["start_before"]
    assert (await jobstream(api, "reschedule", job["id"], "--at", "2026-12-24")).returncode == 1
    assert (await jobstream(api, "reschedule", job["id"])).returncode == 2
    assert (await jobstream(api, "reschedule", job["id"], "--now", "--in", "5")).returncode == 2
    assert (await jobstream(api, "reschedule", job["id"], "--now")).returncode == 0
    assert (await jobstream(api, "get", job["id"], "--wait", "20")).returncode == 0
    gone = await jobstream(api, "reschedule", job["id"], "--now")
    assert gone.returncode == 1
    assert "not_held" in gone.stderr


async def test_a_running_handler_is_told_to_stop(api, space):
    async with Client(api.url) as client:
        job = await client.submit({"seconds": 60}, type="sleeper", tags=["stop"])
        await eventually(lambda: [run for run in space.runs() if run["job_id"] == str(job.id)])
        cancelled = await client.cancel(job.id, reason="enough")
        assert (cancelled.status, cancelled.last_error) == (JobStatus.CANCELLED, "cancelled: enough")
        after = await client.submit({}, type="instant")
        assert (await client.wait(after.id, 20)).status is JobStatus.COMPLETED

        async def idle() -> bool:
            async with space.http(api) as http:
                workers = (await http.get("/workers")).json()["items"]
            return [worker["running"] for worker in workers] == [0]

        await eventually(idle, timeout=30, what="the worker has stopped the handler")
        assert await client.get(job.id) == cancelled
        assert [run["what"] for run in space.runs() if run["job_id"] == str(job.id)] == ["start"]


async def test_the_clients_move_and_cancel_jobs(api):
    async with Client(api.url) as client:
        held = [await client.submit({}, type="instant", delay_s=3600, tags=["held"]) for _ in range(3)]
        moved = await client.reschedule(held[0].id, delay_s=0)
        assert moved.run_at is not None
        assert (await client.wait(moved.id, 20)).status is JobStatus.COMPLETED
        with pytest.raises(ApiError, match="not_held"):
            await client.reschedule(held[0].id, delay_s=5)
        counted = await client.cancel_where(tag="held", dry_run=True)
        assert (counted.matched, counted.cancelled, counted.more) == (2, 0, False)
        with pytest.raises(ApiError, match="missing_field"):
            await client.cancel_where()
    await asyncio.to_thread(cancel_with_sync_client, api.url, str(held[1].id), str(held[2].id))


def cancel_with_sync_client(url: str, one: str, other: str) -> None:
    with SyncClient(url) as client:
        assert client.cancel(one).status is JobStatus.CANCELLED
        tally = client.cancel_where(tag="held", status=["PENDING"], reason="all of it")
        assert (tally.matched, tally.cancelled) == (1, 1)
        assert client.get(other).last_error == "cancelled: all of it"
        with pytest.raises(ApiError, match="not_held"):
            client.reschedule(one, delay_s=5)


async def test_the_client_for_asyncio(api):
    async with Client(api.url) as client:
        job = await client.submit({"result": {"n": 1}}, type="instant", tags=["mine"])
        assert (await client.wait(job.id, 20)).result == {"n": 1}
        verdicts = await client.submit_batch(
            [{"type": "instant", "payload": {}}, {"type": "Not A Name", "payload": {}}]
        )
        assert [verdict.taken for verdict in verdicts] == [True, False]
        assert verdicts[1].error is not None
        assert verdicts[1].error["field"] == "/type"
        seen = [job.id async for job in client.iterate(tag="mine", limit=1)]
        assert seen == [job.id]
        with pytest.raises(JobNotFound):
            await client.get("01985e0c-6a80-7c3e-9d2b-4f1a5b6c7d8e")
        with pytest.raises(ApiError, match="not_retryable"):
            await client.retry(job.id)
        slow = await client.submit({"seconds": 30}, type="sleeper")
        with pytest.raises(StillRunning):
            await client.wait(slow.id, 0.3)


async def test_a_submit_with_the_same_key_is_one_job(api):
    async with Client(api.url) as client:
        one = await client.submit({"n": 1}, type="instant", idempotency_key="order-1")
        two = await client.submit({"n": 1}, type="instant", idempotency_key="order-1")
    assert one.id == two.id


def use_sync_client(url: str) -> None:
    with SyncClient(url) as client:
        job = client.submit({"result": 5}, type="instant", key="customer-7")
        done = client.wait(job.id, 20)
        assert (done.status, done.result, done.key) == (JobStatus.COMPLETED, 5, "customer-7")
        assert client.get(job.id).done
        assert [found.id for found in client.iterate(key="customer-7")] == [job.id]


async def test_the_client_without_asyncio(api):
    await asyncio.to_thread(use_sync_client, api.url)


async def test_the_door_through_kafka(api, space):
    async with KafkaClient(space.settings(Settings)) as kafka, Client(api.url) as client:
        job_id = await kafka.publish({"result": "by kafka"}, type="instant", tags=["direct"])

        async def known() -> bool:
            try:
                return bool((await client.get(job_id)).done)
            except JobNotFound:
                return False

        await eventually(known, timeout=20)
        assert (await client.get(job_id)).result == "by kafka"
        with pytest.raises(InvalidInput, match="JOBSTREAM_QUEUES"):
            await kafka.publish({}, type="instant", queue="nowhere")
        with pytest.raises(InvalidInput):
            await kafka.publish({"no": "type"})


async def test_doctor_is_content_with_a_running_system(api, space):
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "jobstream.cli", "doctor", "-o", "json"],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **space.env, "JOBSTREAM_API_URL": api.url},
        cwd=space.folder,
    )
    assert done.returncode == 0, done.stdout
    checks = {check["check"]: check["state"] for check in json.loads(done.stdout)["checks"]}
    assert checks["kafka"] == checks["topics"] == checks["api"] == "ok"
