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
