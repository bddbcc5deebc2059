"""Faults while jobs run, seeded: the seed is printed and replays the run.

JOBSTREAM_FAULT_SEEDS (default 1) and JOBSTREAM_FAULT_JOBS (default 1500) set how much.
"""

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from tests.faults.conftest import Breakable
from tests.faults.oracle import Load, Watch, verdict
from tests.support.space import Running, Space

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(600)]

SEEDS = range(1, int(os.environ.get("JOBSTREAM_FAULT_SEEDS", "1")) + 1)
JOBS = int(os.environ.get("JOBSTREAM_FAULT_JOBS", "1500"))
SLOTS = 50


class Stage:
    """An api, two workers, a load, a watcher."""

    def __init__(self, space: Space, seed: int) -> None:
        print(f"seed {seed}")
        self.space = space
        self.rng = random.Random(seed)
        self.load = Load(space)
        self.watch = Watch(space)
        self.workers: list[Running] = []
        self.killed_slots = 0

    async def __aenter__(self) -> "Stage":
        self.space.env["JOBSTREAM_WORKER_CONCURRENCY"] = str(SLOTS)
        self.space.env["JOBSTREAM_RELAY_SWEEP_AFTER_S"] = "2"
        self.load.api, self.workers = await self.space.start_all(workers=2)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.load.stop.set()

    async def run(self, fault: Callable[[], Awaitable[None]], *, jobs: int = JOBS) -> None:
        """Load and fault together; then wait for the verdict."""
        watching = asyncio.create_task(self.watch.run())
        loading = asyncio.create_task(self.load.run(jobs))
        try:
            while not loading.done():
                await fault()
            await loading
            await verdict(self.space, self.load, self.watch, killed_slots=self.killed_slots)
        finally:
            watching.cancel()
            with suppress(asyncio.CancelledError):
                await watching

    async def kill_a_worker(self) -> None:
        """kill -9, and another in its place."""
        victim = self.rng.choice(self.workers)
        self.workers.remove(victim)
        await victim.kill()
        self.killed_slots += SLOTS
        self.workers.append(await self.space.start_worker())

    async def kill_the_api(self) -> None:
        """kill -9, and another in its place."""
        assert self.load.api is not None
        await self.load.api.kill()
        self.load.api = await self.space.start_api()


@pytest.mark.parametrize("seed", SEEDS)
async def test_workers_are_killed_every_few_seconds(space: Space, seed: int):
    async with Stage(space, seed) as stage:

        async def fault() -> None:
            await asyncio.sleep(stage.rng.uniform(1, 3))
            await stage.kill_a_worker()

        await stage.run(fault)


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_api_is_killed_every_few_seconds(space: Space, seed: int):
    async with Stage(space, seed) as stage:

        async def fault() -> None:
            await asyncio.sleep(stage.rng.uniform(0.5, 3))
            await stage.kill_the_api()

        await stage.run(fault)


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_only_broker_is_killed_and_comes_back(space: Space, breakable: Breakable, seed: int):
    async with Stage(space, seed) as stage:
        # A run that cannot report while the broker is away may lose its lease, and is then run again.
        stage.killed_slots += 2 * SLOTS * 2
        broken = 0

        async def fault() -> None:
            nonlocal broken
            await asyncio.sleep(stage.rng.uniform(1, 3))
            if broken < 2:
                broken += 1
                await breakable.kill_broker()
                await asyncio.sleep(stage.rng.uniform(2, 8))
                await breakable.start_broker()

        await stage.run(fault)
        assert all(worker.exit_code is None for worker in stage.workers), "nobody restarts anything"


@pytest.mark.parametrize("seed", SEEDS)
async def test_postgresql_crashes_every_few_seconds(space: Space, breakable: Breakable, seed: int):
    async with Stage(space, seed) as stage:

        async def fault() -> None:
            await asyncio.sleep(stage.rng.uniform(2, 5))
            await breakable.crash_postgres()

        await stage.run(fault)
        assert stage.load.api is not None
        assert stage.load.api.exit_code is None, "nobody restarts anything"
