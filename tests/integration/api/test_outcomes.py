"""Outcomes other than success: written with the applier's steps, in one statement or, if it must be, in several."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from jobstream.contracts.events import ErrorInfo, EventKind
from jobstream.contracts.status import JobStatus
from jobstream_api.domain.decisions import Decision, Standing
from jobstream_api.repositories import gates, progress, runs
from jobstream_api.repositories.progress import Advance, Step
from jobstream_api.repositories.runs import Settled
from jobstream_api.services.applier import Applier
from tests.integration.api.conftest import Inside, StartInside
from tests.integration.api.doors import announce, failed, report, submit, success
from tests.support.eventually import eventually
from tests.support.flow import put_limit
from tests.support.plans import explain
from tests.support.space import Space

pytestmark = pytest.mark.integration

BUCKET = ("few", "")
ERROR = {"error": ErrorInfo(type="RuntimeError", message="it broke")}
UNSTARTED = {"started_at": None, "finished_at": None}
MOVED_ON: list[dict[str, Any]] = [{"status": JobStatus.RUNNING}, {"attempt": 2}, {"dispatch": 2}, {"rank": 1}]


async def test_other_outcomes_and_steps_are_stored_together_or_not_at_all(inside: Inside, space: Space):
    first, second = [UUID((await submit(inside))["id"]) for _ in range(2)]
    database = inside.process.database
    async with database.connection() as connection:
        await gates.spend(connection, datetime.now(UTC).timestamp(), {BUCKET: 100.0})
        rows = await runs.standings(connection, [second])
        owed = (await gates.arrivals(connection, [BUCKET]))[BUCKET]
    unused = [gates.Unused(BUCKET, datetime.now(UTC) + timedelta(hours=1), 1.0)]

    async def told(row: Standing, expected: Step | None = None) -> list[UUID] | None:
        settled = Settled(row=row, decision=Decision(JobStatus.RETRYING, 60.0), last_error="it broke")
        async with database.connection() as connection:
            steps = [Advance("t", 0, expected, 10)]
            reported = await runs.report_and_advance(connection, [success(first)], "c", steps, [settled], unused)
        return None if reported is None else [entry.id for entry, _ in reported]

    async def stands() -> tuple[list[str], float, dict[tuple[str, int], Step]]:
        async with database.connection() as connection:
            back = owed - (await gates.arrivals(connection, [BUCKET]))[BUCKET]
            states = [row[0] for row in await space.fetch("SELECT status FROM jobs ORDER BY id")]
            return states, round(back, 6), await progress.load_steps(connection, "c")

    row = rows[second]
    for moved in MOVED_ON:
        assert await told(replace(row, **moved)) is None
    assert await told(replace(row, id=uuid4())) is None
    assert await told(row, Step(3, 5)) is None
    assert await stands() == (["PENDING", "PENDING"], 0.0, {})
    assert await told(row) == [first]
    assert await stands() == (["COMPLETED", "RETRYING"], 1.0, {("t", 0): Step(-1, 10)})
    assert await told(row, Step(-1, 10)) is None


async def test_who_meets_others_waits_for_them_in_the_order_of_ids_and_sees_what_they_did(inside: Inside, space: Space):
    first, second = [UUID((await submit(inside))["id"]) for _ in range(2)]
    database = inside.process.database
    async with database.connection() as connection:
        rows = await runs.standings(connection, [first, second])
    settled = [Settled(row=rows[job], decision=Decision(JobStatus.RETRYING, 60.0)) for job in (second, first)]

    async def told() -> Any:
        async with database.connection() as connection:
            return await runs.report_and_advance(connection, [], "c", [Advance("t", 0, None, 10)], settled)

    async def waits() -> bool:
        return len(await space.fetch("SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock'")) == 1

    async with database.transaction() as connection:
        await connection.execute("UPDATE jobs SET dispatch = 2 WHERE id = $1", first)
        task = asyncio.create_task(told())
        await eventually(waits, what="it waits for the first")
        await connection.execute("UPDATE jobs SET priority = 9 WHERE id = $1", second)
    assert await task is None
    found = await space.fetch("SELECT status, dispatch, priority FROM jobs ORDER BY id")
    assert [tuple(row) for row in found] == [("PENDING", 2, 0), ("PENDING", 1, 9)]


async def test_outcomes_far_apart_cost_only_their_own_rows_even_before_statistics_know_them(
    inside: Inside, space: Space
):
    batch = {"jobs": [{"payload": {"task": "example"}}] * 1_000}
    for turn in range(4):
        assert (await inside.post("/jobs/batch", json=batch)).status_code == 201
        if turn == 0:
            await space.fetch("ANALYZE jobs")
    ids = [row["id"] for row in await space.fetch("SELECT id FROM jobs ORDER BY id OFFSET 1000")]
    failing, ending = ids[::600], [success(job) for job in ids[1::100]]
    async with inside.process.database.connection() as connection:
        rows = await runs.standings(connection, failing)
        settled = [Settled(row=row, decision=Decision(JobStatus.RETRYING, 60.0)) for row in rows.values()]
        with pytest.raises(Planned) as planned:
            await runs.report_and_advance(Planning(connection), ending, "c", [Advance("t", 0, None, 10)], settled)  # type: ignore[arg-type]
    read = sum(rows_read(planned.value.top))
    assert read == len(failing) + len(ending), f"{read} rows were read for {len(failing)} and {len(ending)}"


class Planned(Exception):
    """How a statement went: the top of its plan."""

    def __init__(self, top: dict[str, Any]) -> None:
        super().__init__()
        self.top = top


class Planning:
    """Tells how a statement would be run, by running it, and takes it back."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    async def fetch(self, text: str, *arguments: Any) -> None:
        raise Planned(await explain(self._connection, text, *arguments))


def rows_read(plan: dict[str, Any]) -> list[int]:
    """Rows of jobs that the parts of a plan read."""
    parts = [read for part in plan.get("Plans", []) for read in rows_read(part)]
    if not plan.get("Alias", "").startswith("j") or "Scan" not in plan["Node Type"]:
        return parts
    removed = plan.get("Rows Removed by Filter", 0)
    return [*parts, round((plan["Actual Rows"] + removed) * plan["Actual Loops"])]


@pytest.mark.parametrize("in_steps", [False, True])
async def test_what_is_written_is_the_same_either_way(
    space: Space, start_inside: StartInside, monkeypatch: pytest.MonkeyPatch, in_steps: bool
):
    applied: list[int] = []
    apply = Applier.apply

    async def noted(self: Applier, connection: Any, batch: Any, effects: Any) -> None:
        applied.append(len(batch.entries))
        await apply(self, connection, batch, effects)

    monkeypatch.setattr(Applier, "apply", noted)
    if in_steps:
        monkeypatch.setattr(Applier, "at_once", lambda self, batch: None)
    await announce(space, "example", "limited")
    client = await start_inside(roles=("http", "leader", "applier"))
    await eventually(lambda: client.process.catalogue.known("limited"), what="the types are known")
    await put_limit(client, "few", kind="rate", limit=2, period_s=86_400, types=["limited"])
    jobs = [await submit(client, max_retries=3) for _ in range(5)]
    limited = [await submit(client, type="limited") for _ in range(2)]

    async def passed() -> bool:
        return len(await space.fetch("SELECT FROM jobs WHERE dispatch > 0")) == 7

    await eventually(passed, what="all were dispatched")
    await report(space, jobs[0], EventKind.COMPLETED, result={"output": "success"})
    await report(space, jobs[1], EventKind.FAILED, retryable=True, delay_s=3600.0, **ERROR)
    await report(space, jobs[2], EventKind.FAILED, **failed())
    await report(space, jobs[3], EventKind.SNOOZED, delay_s=3600.0)
    await report(space, jobs[4], EventKind.RUNNING, finished_at=None, lease_s=60.0)
    await report(space, limited[0], EventKind.DEFERRED, reason="late", **UNSTARTED)

    async def rows() -> Any:
        found = await space.fetch(
            "SELECT status, attempt, dispatch, rank, late, dispatch_at > now() + interval '1 minute' AS later,"
            " finished_at IS NOT NULL AS ended, last_error, jsonb_array_length(errors), lane IS NOT NULL AS gated"
            " FROM jobs ORDER BY id"
        )
        # The one that came late has passed again, on the permit that it gave back.
        return found if [row["dispatch"] for row in found] == [1, 1, 1, 1, 1, 2, 1] else None

    async def settled() -> Any:
        found = await rows()
        return found if found and [row["rank"] for row in found] == [2, 2, 2, 2, 1, 0, 0] else None

    line = "RuntimeError: it broke"
    assert [tuple(row) for row in await eventually(settled, what="all is written")] == [
        ("COMPLETED", 1, 1, 2, 0, None, True, None, 0, False),
        ("RETRYING", 1, 1, 2, 0, True, False, line, 1, False),
        ("FAILED", 1, 1, 2, 0, None, True, line, 1, False),
        ("PENDING", 1, 1, 2, 0, True, False, None, 0, False),
        ("RUNNING", 1, 1, 1, 0, None, False, None, 0, False),
        ("PENDING", 1, 2, 0, 1, None, False, None, 0, True),
        ("PENDING", 1, 1, 0, 0, None, False, None, 0, True),
    ]
    assert any(applied) == in_steps
