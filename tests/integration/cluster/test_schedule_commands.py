"""``jobstream schedules`` on a running system: what it prints, and its exit codes."""

import json

import pytest

from jobstream import Client
from jobstream.client import ScheduleNotFound, schedules
from tests.integration.cluster.test_commands_and_clients import jobstream
from tests.support.space import Space

pytestmark = pytest.mark.integration


async def test_the_schedule_commands(space: Space):
    api, _ = await space.start_all()
    assert "no schedules" in (await jobstream(api, "schedules", "list")).stderr
    added = await jobstream(
        api, "schedules", "add", "monthly", "0 0 L * *", "instant", "-", "--overlap", "skip", "--tag", "blue",
        "--missed", "all", "--missed-window", "60", "--paused", "-o", "json", given='{"n": 1}',
    )  # fmt: skip
    assert added.returncode == 0, added.stderr
    made = json.loads(added.stdout)
    assert made["job"] == {"payload": {"n": 1}, "type": "instant", "tags": ["blue"]}
    assert (made["overlap"], made["missed"], made["missed_window_s"], made["paused"]) == ("skip", "all", 60.0, True)

    twice = await jobstream(api, "schedules", "add", "monthly", "@daily", "instant")
    assert (twice.returncode, twice.stdout) == (1, "")
    assert "schedule_exists" in twice.stderr
    wrong = await jobstream(api, "schedules", "add", "bad", "61 * * * *", "instant")
    assert wrong.returncode == 1
    assert "/cron" in wrong.stderr

    assert "active" in (await jobstream(api, "schedules", "resume", "monthly")).stdout
    assert "paused" in (await jobstream(api, "schedules", "pause", made["id"])).stdout
    fired = await jobstream(api, "schedules", "trigger", "monthly", "-o", "json")
    job_id = json.loads(fired.stdout)["job_id"]
    job = json.loads((await jobstream(api, "get", job_id, "--wait", "20", "-o", "json")).stdout)
    assert job["tags"][:2] == ["blue", "schedule:monthly"]
    shown = json.loads((await jobstream(api, "schedules", "show", "monthly", "-o", "json")).stdout)
    assert shown["last_fire"]["job_id"] == job_id
    span = ("--from", "2026-08-01T00:00:00Z", "--to", "2026-10-01T00:00:00Z", "--overlap", "allow")
    filled = await jobstream(api, "schedules", "backfill", "monthly", *span)
    assert [line.split()[:2] for line in filled.stdout.splitlines()] == [
        ["2026-08-31T00:00:00Z", "fired"],
        ["2026-09-30T00:00:00Z", "fired"],
    ]
    listed = json.loads((await jobstream(api, "schedules", "list", "-o", "json")).stdout)
    assert [item["name"] for item in listed["items"]] == ["monthly"]

    async with Client(api.url) as client:
        assert (await client.send(schedules.get("monthly")))["id"] == made["id"]
        assert (await jobstream(api, "schedules", "remove", "monthly")).returncode == 0
        with pytest.raises(ScheduleNotFound):
            await client.send(schedules.get("monthly"))
    for command in ("show", "pause", "resume", "trigger", "remove"):
        assert (await jobstream(api, "schedules", command, "monthly")).returncode == 3, command
