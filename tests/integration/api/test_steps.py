"""How far consumers are: one wins where two believe the same, and dead rows cost nothing."""

import asyncio
from datetime import UTC, datetime
from uuid import UUID, uuid4

import asyncpg
import pytest

from jobstream.contracts.jobs import Job
from jobstream.ids import record_id
from jobstream_api.domain.fold import Folded
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import arrivals, progress, runs
from jobstream_api.repositories.progress import Advance, Overtaken, Step
from tests.integration.api.conftest import Inside, StartInside
from tests.integration.api.doors import success
from tests.support.plans import explain
from tests.support.space import Space

pytestmark = pytest.mark.integration

PARTITIONS = range(12)


async def test_of_two_that_believe_the_same_one_goes_on(start_inside: StartInside):
    database = (await start_inside()).process.database

    async def step(expected: Step | None, next_offset: int) -> bool:
        try:
            async with database.transaction() as connection:
                await progress.store(connection, "c", [Advance("t", 0, expected, next_offset)])
        except Overtaken:
            return False
        return True

    for expected, following in ((None, Step(-1, 10)), (Step(-1, 10), Step(10, 20)), (Step(10, 20), Step(20, 30))):
        assert sorted(await asyncio.gather(*(step(expected, following.next_offset) for _ in range(5)))) == [
            False
        ] * 4 + [True]
        async with database.connection() as connection:
            assert await progress.load_steps(connection, "c") == {("t", 0): following}
    assert not await step(None, 5)
    assert not await step(Step(-1, 10), 20)


async def test_outcomes_and_steps_are_stored_together_or_not_at_all(inside: Inside, space: Space):
    job = UUID((await inside.post("/jobs", json={"payload": {"task": "example"}})).json()["id"])
    database = inside.process.database
    entry, stranger = success(job), success(uuid4())

    async def told(entries: list[Folded], expected: Step | None) -> list[Folded] | None:
        async with database.connection() as connection:
            steps = [Advance("t", 0, expected, 10)]
            reported = await runs.report_and_advance(connection, entries, "c", steps)
        return None if reported is None else [changed for changed, _ in reported]

    async def stands() -> tuple[str, dict[tuple[str, int], Step]]:
        async with database.connection() as connection:
            return (await space.fetch("SELECT status FROM jobs"))[0][0], await progress.load_steps(connection, "c")

    assert await told([entry], Step(3, 5)) is None
    assert await told([entry, stranger], None) is None
    assert await stands() == ("PENDING", {})
    assert await told([entry], None) == [entry]
    assert await stands() == ("COMPLETED", {("t", 0): Step(-1, 10)})
    assert await told([entry], Step(-1, 10)) is None


async def test_new_rows_and_steps_are_stored_together_or_not_at_all(start_inside: StartInside, space: Space):
    database = (await start_inside()).process.database
    first, second = direct(1), direct(2)

    async def made(entries: list[Folded], expected: Step | None, offset: int) -> set[UUID] | None:
        async with database.connection() as connection:
            steps = [Advance("t", 0, expected, offset)]
            rows = await arrivals.insert_completed_and_advance(connection, entries, "c", steps)
        return None if rows is None else {entry.id for entry, _ in rows}

    assert await made([first], Step(3, 5), 10) is None
    assert await made([first], None, 10) == {first.id}
    assert await made([second, first], Step(-1, 10), 20) is None
    rows = await space.fetch("SELECT id, status, result, attempt, direct, dispatched_at = created_at AS so FROM jobs")
    assert [tuple(row) for row in rows] == [(first.id, "COMPLETED", '{"n": 1}', 1, True, True)]
    async with database.connection() as connection:
        assert await progress.load_steps(connection, "c") == {("t", 0): Step(-1, 10)}


def direct(offset: int) -> Folded:
    at = datetime.now(UTC)
    entry = success(record_id("t", 0, offset, int(at.timestamp() * 1000)))
    entry.job = Job.read(
        {"id": entry.id, "type": "example", "queue": "default", "payload": {}, "created_at": at, "direct": True}
    )
    return entry


async def test_steps_cost_the_same_while_a_foreign_snapshot_keeps_the_old_ones(start_inside: StartInside, space: Space):
    database = (await start_inside()).process.database
    foreign = await asyncpg.connect(space.cluster.database_url)
    pages: list[int] = []
    try:
        async with foreign.transaction(isolation="repeatable_read"):
            await foreign.fetchval("SELECT 1 FROM pg_class LIMIT 1")
            steps: dict[int, Step | None] = dict.fromkeys(PARTITIONS)
            for turn in range(1, 3_001):
                async with database.transaction() as connection:
                    advances = [Advance("t", place, steps[place], turn) for place in PARTITIONS]
                    await progress.store(connection, "c", advances)
                steps = {place: Step(turn - 1 if turn > 1 else -1, turn) for place in PARTITIONS}
                if turn % 1_000 == 0:
                    pages.append(await pages_of_a_step(database, steps))
                    async with database.connection() as connection:
                        assert len(await progress.load_steps(connection, "c")) == len(PARTITIONS)
    finally:
        await foreign.close(timeout=5)
    print("PAGES", pages)
    # The index grows by a level at most.
    assert pages[-1] <= pages[0] + 4 * len(PARTITIONS), f"{pages} pages, after 12,000 dead rows, 24,000 and 36,000"


async def pages_of_a_step(database: Database, steps: dict[int, Step | None]) -> int:
    """How many pages a step of all partitions looks at. It is not taken."""
    standing = [step for step in steps.values() if step is not None]
    following = [step.next_offset + 1 for step in standing]
    columns = [[step.after_offset for step in standing], [step.next_offset for step in standing], following]
    async with database.connection() as connection:
        top = await explain(connection, progress.storing(), "c", ["t"] * len(standing), list(steps), *columns)
    return int(top["Shared Hit Blocks"]) + int(top["Shared Read Blocks"])
