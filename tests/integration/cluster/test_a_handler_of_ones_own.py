"""From `jobstream new handler` to a job of one's own, and on: the handler changes while the cluster runs."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from jobstream.client import JobNotFound, KafkaClient, SyncClient
from jobstream.settings import Settings
from tests.integration.cluster.running import Up
from tests.support.eventually import eventually

pytestmark = pytest.mark.integration


def new_handler(folder: Path, *arguments: str) -> None:
    """Write one, with its test."""
    command = [sys.executable, "-m", "jobstream.cli", "new", "handler", *arguments]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=60)


async def greeting(api: str, name: str) -> Any:
    """What a job over HTTP gives."""

    def submit() -> Any:
        with SyncClient(api) as client:
            job = client.wait(client.submit({"name": name}, type="greet").id, 20)
            return job.result or job.last_error

    return await asyncio.to_thread(submit)


async def greeting_by_kafka(run: dict[str, Any], name: str) -> Any:
    """What a job straight to the topic gives."""
    settings = Settings(_env_file=None, kafka_bootstrap_servers=run["kafka"])  # type: ignore[call-arg]
    async with KafkaClient(settings) as kafka:
        job_id = await kafka.publish({"name": name}, type="greet")

    def wait() -> Any:
        with SyncClient(run["api"]) as client:
            return client.wait(job_id, 20).result

    async def ended() -> Any:
        try:
            return await asyncio.to_thread(wait)
        except JobNotFound:
            return None

    return await eventually(ended)


async def test_a_new_handler_runs_from_both_doors_and_is_reloaded_when_it_changes(up: Up):
    new_handler(up.folder, "greet")
    file = up.folder / "greet.py"
    run = await up.start("--handlers", "greet", "--reload", "--workers", "2")
    hello = {"greeting": "Hello, Ann!"}
    assert await greeting(run["api"], "Ann") == hello
    assert await greeting_by_kafka(run, "Ann") == hello

    before = {up.child("worker").pid}
    file.write_text(file.read_text().replace("Hello", "Good day"))
    await eventually(lambda: "greet.py changed: 2 workers restarted in" in up.said(), timeout=60)
    assert await greeting(run["api"], "Ann") == {"greeting": "Good day, Ann!"}
    assert await greeting_by_kafka(run, "Ann") == {"greeting": "Good day, Ann!"}
    assert up.child("worker").pid not in before
    assert "starting it again" not in up.said()  # they were stopped, and did not die

    good = file.read_text()
    file.write_text(good + "def broken(:\n")
    await eventually(
        lambda: (
            "greet.py changed, but cannot be loaded; the workers go on as they were: "
            f"importing greet failed with SyntaxError: invalid syntax (greet.py, line {good.count(chr(10)) + 1})"
            in up.said()
        ),
        timeout=60,
    )
    assert up.exit_code is None
    assert await greeting(run["api"], "Ann") == {"greeting": "Good day, Ann!"}

    file.write_text(good.replace("Good day", "Farewell"))
    await eventually(lambda: up.said().count("workers restarted in") == 2, timeout=60)
    assert await greeting(run["api"], "Ann") == {"greeting": "Farewell, Ann!"}


async def test_a_running_job_ends_before_its_worker_is_restarted(up: Up):
    new_handler(up.folder, "greet")
    file = up.folder / "greet.py"
    source = file.read_text().replace("from jobstream import", "import asyncio\n\nfrom jobstream import", 1)
    file.write_text(source.replace("    return {", "    await asyncio.sleep(3)\n    return {"))
    run = await up.start("--handlers", "greet", "--reload", "--workers", "1")
    async with httpx2.AsyncClient(base_url=run["api"], timeout=30) as client:
        job = (await client.post("/jobs", json={"type": "greet", "payload": {"name": "Ann"}})).json()

        async def running() -> bool:
            return bool((await client.get(f"/jobs/{job['id']}")).json()["status"] == "RUNNING")

        await eventually(running)
        file.write_text(file.read_text().replace("Hello", "Good day"))
        await eventually(lambda: "1 worker restarted in" in up.said(), timeout=60)
        ended = (await client.get(f"/jobs/{job['id']}", params={"wait": 20})).json()
    assert (ended["status"], ended["attempt"], ended["result"]) == ("COMPLETED", 1, {"greeting": "Hello, Ann!"})


async def test_up_starts_with_a_broken_handler_and_takes_it_once_it_is_mended(up: Up):
    new_handler(up.folder, "greet")
    good = (up.folder / "greet.py").read_text()
    (up.folder / "greet.py").write_text(good + "boom()\n")
    run = await up.start("--handlers", "greet", "--reload", "--workers", "1")
    assert "the handlers cannot be loaded, so the workers begin without them: importing greet failed" in up.said()
    (up.folder / "greet.py").write_text(good)
    await eventually(lambda: "greet.py changed: 1 worker restarted in" in up.said(), timeout=60)

    async def known() -> bool:
        async with httpx2.AsyncClient(base_url=run["api"]) as client:
            types = (await client.get("/job-types")).json()["items"]
            return any(one["type"] == "greet" for one in types)

    await eventually(known)
    assert await greeting(run["api"], "Ann") == {"greeting": "Hello, Ann!"}


async def test_reload_without_handlers_is_wrong_usage(up: Up):
    up.begin("--reload")
    assert await up.gone() == 2
    assert "--reload watches the files of --handlers" in up.said()


@pytest.mark.slow
def test_what_is_written_passes_strict_type_checking(tmp_path):
    for kind in ("async", "thread", "process"):
        new_handler(tmp_path, f"by_{kind}", "--kind", kind)
    done = subprocess.run([sys.executable, "-m", "mypy", "--strict", "."], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
