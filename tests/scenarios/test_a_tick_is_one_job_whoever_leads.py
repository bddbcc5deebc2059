"""Schedules fire each tick exactly once while their leaders are killed at the very moment of firing."""

from datetime import timedelta

import pytest

from tests.support.eventually import eventually
from tests.support.space import Running, Space

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(240)]

SECOND = timedelta(seconds=1)
TICKS = 12


@pytest.mark.parametrize("moment", ["api.before_schedule_commit", "api.after_schedule_commit"])
async def test_three_apis_and_the_leader_is_killed_as_it_fires(space: Space, moment: str):
    # The third firing is cut off: before anything of it is kept, or kept and not yet published.
    leader, _ = await space.start_all(JOBSTREAM_FAILPOINT=f"{moment}:3")
    others = [await space.start_api() for _ in range(2)]
    schedule = {"name": "every-second", "cron": "@every 1s", "job": {"payload": {"task": "instant"}}}
    async with space.http(others[0]) as client:
        # Its own leader learns of it from the table: it was made through another api.
        assert (await client.post("/schedules", json=schedule)).status_code == 201
        assert await leader.gone(30) == -9
        second = await leading(space, others)
        await eventually(lambda: fired(space, TICKS // 2), timeout=60, what="the second leader fires")
        await second.kill()
        (left,) = [api for api in others if api is not second]
        await leading(space, [left])
        await eventually(lambda: fired(space, TICKS), timeout=60, what="the third leader fires")
    async with space.http(left) as client:
        assert (await client.patch("/schedules/every-second", json={"paused": True})).status_code == 200

    (anchor,) = await space.fetch("SELECT anchor_at FROM schedules")
    rows = await space.fetch("SELECT tick, status, job_id FROM schedule_fires ORDER BY tick")
    assert [row["tick"] for row in rows] == [anchor["anchor_at"] + (n + 1) * SECOND for n in range(len(rows))]
    assert {row["status"] for row in rows} == {"fired"}
    await space.until_all("COMPLETED", len(rows), timeout=60)
    jobs = await space.fetch("SELECT id, tags FROM jobs")
    assert {row["id"] for row in jobs} == {row["job_id"] for row in rows}
    assert len({tuple(row["tags"]) for row in jobs}) == len(rows)
    runs = [run["job_id"] for run in space.runs()]
    assert sorted(runs) == sorted(str(row["job_id"]) for row in rows)


async def fired(space: Space, number: int) -> bool:
    return await space.count("schedule_fires") >= number


async def leading(space: Space, apis: list[Running]) -> Running:
    """The one of ``apis`` that leads, once one does."""

    async def found() -> Running | None:
        rows = await space.fetch("SELECT holder FROM leader WHERE expires_at > now()")
        return next((api for api in apis for row in rows if f":{api.pid}:" in row["holder"]), None)

    leader: Running = await eventually(found, timeout=30, what="one of them leads")
    return leader
