"""docs/howto/write-a-handler.md and the README's handlers work as they stand."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest

from jobstream import JobContext
from jobstream.handlers.outcomes import Failed
from jobstream.testing import run_handler
from tests.docs.shell import Shell, marked, need, write_files
from tests.integration.cluster.running import Up
from tests.support.eventually import eventually
from tests.support.markdown import ROOT, blocks, rows
from tests.support.space import Space

HOWTO = ROOT / "docs" / "howto" / "write-a-handler.md"
README = ROOT / "README.md"


@pytest.mark.integration
async def test_the_page_works_from_its_first_command_to_its_last(space: Space):
    need("bash")
    assert write_files(HOWTO, space.folder) == ["parcels.py", "points.py", "primes.py", "test_parcels.py"]
    modules = f"{space.env['JOBSTREAM_HANDLERS']},parcels,points,primes"
    api, _ = await space.start_all(workers=1, JOBSTREAM_HANDLERS=modules)
    async with space.http(api) as client:

        async def known() -> bool:
            types = {item["type"] for item in (await client.get("/job-types")).json()["items"]}
            return types >= {"parcel.track", "points.add", "primes.count"}

        await eventually(known, what="the api knows the handlers of the page")
    assert await Shell(space, api).follow(HOWTO) == len(marked(HOWTO)) == 6


def test_the_page_names_all_of_the_context():
    told = " ".join(row[0] for row in rows(HOWTO))
    for name in (name for name in dir(JobContext) if not name.startswith("_")):
        assert f"ctx.{name}" in told, name


async def test_the_readmes_handler_does_what_it_shows():
    (block,) = [block for block in blocks(README) if block.language == "python"]
    opened, sent = False, []

    async def mailbox_is_open() -> bool:
        return opened

    async def send(payload: Any, *, idempotency_key: str) -> str:
        sent.append((payload.to, idempotency_key))
        return "<1@example.org>"

    names: dict[str, Any] = {"mailbox_is_open": mailbox_is_open, "send": send, "__name__": "readme"}
    exec(compile(block.text, str(block), "exec"), names)
    mail = {"to": "ann@example.org", "subject": "Hello"}
    closed = await run_handler(names["send_email"], mail)
    assert isinstance(closed.outcome, Failed)
    assert closed.outcome.retry_after_s == 60
    opened = True
    ran = await run_handler(names["send_email"], mail)
    assert ran.result == {"message_id": "<1@example.org>"}
    assert sent == [("ann@example.org", str(ran.job.id))]


def bash(folder: Path, commands: str) -> str:
    """What the commands of a page print, in a folder like the repository's."""
    if not (folder / ".venv").exists():
        (folder / ".venv").symlink_to(Path(sys.executable).parents[1])
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands], cwd=folder, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.integration
async def test_the_readmes_own_handler_is_written_tested_run_and_served_at_both_doors(tmp_path: Path):
    need("bash", "kcat")
    ((first, _),) = marked(README, "handler")
    *commands, last = first.text.splitlines()
    assert "2 passed" in bash(tmp_path, "\n".join(commands))
    assert last.startswith("jobstream up ")
    up = Up(tmp_path)
    try:
        run = await up.start(*last.split()[2:])
        ((second, _),) = marked(README, "jobs")
        printed = bash(tmp_path, second.text.replace("127.0.0.1:9092", run["kafka"]))
        assert '{"greeting":"Hello, Ann!"}' in printed

        async def both() -> bool:
            async with httpx2.AsyncClient(base_url=run["api"]) as client:
                jobs = (await client.get("/jobs", params={"type": "greet"})).json()["items"]
            greetings = [job["result"] and job["result"]["greeting"] for job in jobs]
            assert greetings == ["Hello, Ben!", "Hello, Ann!"], jobs
            return True

        await eventually(both)
    finally:
        await up.end()
