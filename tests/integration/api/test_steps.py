"""How far consumers are: one wins where two believe the same, and dead rows cost nothing."""

import asyncio
import time

import asyncpg
import pytest

from jobstream_api.repositories import progress
from jobstream_api.repositories.progress import Advance, Overtaken, Step
from tests.integration.api.conftest import StartInside
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


async def test_steps_cost_the_same_while_a_foreign_snapshot_keeps_the_old_ones(start_inside: StartInside, space: Space):
    database = (await start_inside()).process.database
    foreign = await asyncpg.connect(space.cluster.database_url)
    try:
        async with foreign.transaction(isolation="repeatable_read"):
            await foreign.fetchval("SELECT 1 FROM pg_class LIMIT 1")
            steps: dict[int, Step | None] = dict.fromkeys(PARTITIONS)
            taken: list[float] = []
            for turn in range(1, 3_001):
                began = time.perf_counter()
                async with database.transaction() as connection:
                    advances = [Advance("t", place, steps[place], turn) for place in PARTITIONS]
                    await progress.store(connection, "c", advances)
                    if turn % 100 == 0:
                        assert len(await progress.load_steps(connection, "c")) == len(PARTITIONS)
                taken.append(time.perf_counter() - began)
                steps = {place: Step(turn - 1 if turn > 1 else -1, turn) for place in PARTITIONS}
    finally:
        await foreign.close(timeout=5)
    early, late = sorted(taken[200:700])[250], sorted(taken[-500:])[250]
    assert late < 1.5 * early, f"{early * 1e3:.2f} ms at first, {late * 1e3:.2f} ms with 36,000 dead rows"
