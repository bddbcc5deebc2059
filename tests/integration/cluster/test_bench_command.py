"""`jobstream bench` on a running system."""

import asyncio
import json
import os
import subprocess
import sys

import pytest

from tests.support.space import Running, Space

pytestmark = pytest.mark.integration


async def bench(space: Space, api: Running, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "jobstream.cli", "bench", *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=space.folder,
        env={**os.environ, **space.env, "JOBSTREAM_API_URL": api.url},
    )


async def test_every_door_is_measured_and_every_job_ends(space: Space) -> None:
    api, _ = await space.start_all()
    done = await bench(space, api, "--jobs", "100", "--seconds", "1", "-o", "json")
    assert done.returncode == 0, done.stderr
    series = json.loads(done.stdout)["series"]
    assert [one["jobs"] for one in series] == [100, 500, 500, 50]
    for one in series:
        assert one["ended"] == {"COMPLETED": one["jobs"]}
        assert one["wrong_results"] == 0
        assert one["taken_per_s"] > 0
    assert all(one["done_per_s"] > 0 for one in series[:3])
    assert series[3]["latency_p99_ms"] >= series[3]["latency_p50_ms"] > 0

    async with space.http(api) as client:
        page = (await client.get("/jobs", params={"limit": 200, "status": "COMPLETED"})).json()
    assert len(page["items"]) == 200

    table = await bench(space, api, "--door", "batch", "--jobs", "100")
    assert table.returncode == 0, table.stderr
    assert "POST /jobs/batch of 500" in table.stdout


async def test_jobs_that_nobody_runs_are_too_late(space: Space) -> None:
    api = await space.start_api(JOBSTREAM_UNKNOWN_TYPES="accept")
    done = await bench(space, api, "--door", "single", "--jobs", "10", "--timeout", "2")
    assert done.returncode == 5
    assert "not all of 10 jobs ended" in done.stderr
