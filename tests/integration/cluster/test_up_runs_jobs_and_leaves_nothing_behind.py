"""The newcomer's first minutes: up, a job, Ctrl-C, and up again."""

import asyncio
import signal
import time

import httpx2
import pytest

from jobstream.cli.up import BETWEEN_PRESSES_S
from tests.integration.cluster.running import Up, submit
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration


async def test_up_runs_a_job_stops_cleanly_and_keeps_its_data(up: Up):
    run = await up.start(broker=None)
    assert set(run) >= {"api", "kafka", "database", "metrics", "broker"}
    assert len(run["metrics"]) == 3
    ended = await submit(run["api"], {"task": "example", "value": 42})
    assert (ended["status"], ended["result"]) == ("COMPLETED", {"output": "success"})

    up.send(signal.SIGINT)
    assert await up.gone() == 0
    await up.nothing_left()
    assert not (up.state / "run.json").exists()

    began = time.monotonic()
    again = await up.start(broker=None)
    # Under 20 s on a machine of its own, about 7 s as a rule; here other tests share the two cores.
    assert time.monotonic() - began < 60
    assert again["database"] == run["database"]
    assert again["kafka"] == run["kafka"]
    async with httpx2.AsyncClient(base_url=again["api"]) as client:
        assert (await client.get(f"/jobs/{ended['id']}")).json()["status"] == "COMPLETED"
    assert (await submit(again["api"], {"task": "example"}))["status"] == "COMPLETED"


async def test_a_second_up_in_the_same_folder_is_refused_and_harms_nothing(up: Up, tmp_path):
    run = await up.start("--workers", "1")
    second = Up(tmp_path)
    second._out = tmp_path / "second.out"
    second.begin()
    assert await second.gone() == 1
    assert f"already runs in {up.state} (process {up.pid}, api {run['api']})" in second.said()
    assert up.run() == run
    assert (await submit(run["api"], {"task": "example"}))["status"] == "COMPLETED"


async def test_killing_up_ends_everything_and_the_next_start_finds_its_data(up: Up):
    run = await up.start("--workers", "1")
    ended = await submit(run["api"], {"task": "example"})
    up.send(signal.SIGKILL)
    await up.gone()
    await up.nothing_left()
    again = await up.start("--workers", "1")
    async with httpx2.AsyncClient(base_url=again["api"]) as client:
        assert (await client.get(f"/jobs/{ended['id']}")).json()["status"] == "COMPLETED"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
async def test_other_requests_to_stop_are_heard_too(up: Up, number):
    await up.start("--no-services")
    up.send(number)
    assert await up.gone() == 0
    await up.nothing_left()


async def test_ctrl_c_that_ends_a_tee_too_still_stops_everything_in_order(up: Up):
    up.through_tee()
    await up.start("--workers", "1")
    assert up.tee is not None
    up.tee.terminate()  # by a signal that it heeds also where the suite runs in the background
    up.tee.wait(10)
    up.send(signal.SIGINT)
    assert await up.gone() == 0
    await up.nothing_left()
    assert not (up.state / "run.json").exists()


async def test_ctrl_c_while_it_is_still_starting(up: Up):
    up.begin("--broker", "embedded")
    await eventually(lambda: (up.state / "children.json").exists(), timeout=30)
    up.remember()
    up.send(signal.SIGINT)
    assert await up.gone() == 0
    await up.nothing_left()


async def test_a_second_ctrl_c_does_not_wait_for_running_jobs(up: Up):
    run = await up.start("--workers", "1")
    async with httpx2.AsyncClient(base_url=run["api"]) as client:
        created = await client.post("/jobs", json={"type": "compute", "payload": {"limit": 900_000_000}})
        assert created.status_code == 201, created.text

        async def running() -> bool:
            return (await client.get(created.headers["location"])).json()["status"] == "RUNNING"

        await eventually(running, timeout=30)
    up.remember()
    up.send(signal.SIGINT)
    await eventually(lambda: "stopping" in up.said(), timeout=10)
    await asyncio.sleep(BETWEEN_PRESSES_S + 0.1)  # sooner, both would count as one
    up.send(signal.SIGINT)
    assert await up.gone(timeout=15) == 0
    await up.nothing_left()


async def test_a_killed_worker_and_a_killed_api_come_back(up: Up):
    run = await up.start("--workers", "1")
    for name in ("worker", "api"):
        victim = up.child("jobstream.cli", name)
        victim.kill()
        await eventually(lambda victim=victim: not victim.is_running() or victim.status() == "zombie", timeout=5)
        await eventually(lambda name=name: up.child("jobstream.cli", name).is_running(), timeout=15)
    assert "worker-1 was ended by SIGKILL; starting it again" in up.said()

    async def works() -> bool:
        try:
            return bool((await submit(run["api"], {"task": "example"}))["status"] == "COMPLETED")
        except httpx2.TransportError:
            return False

    await eventually(works, timeout=60)
    assert up.run() == run
