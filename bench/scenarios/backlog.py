"""A long backlog drains as fast as a short one: submitted while no worker runs, then one starts."""

import statistics

from bench import progress
from bench.figures import Figure, Target
from bench.progress import Samples
from bench.rounds import submit_batches
from bench.scenario import Here, Line, Scenario

LONG = 1_000_000
SHORT = 100_000
TURNS = 3
"""Short ones before the long one, and after it: a machine's speed drifts."""
PATIENCE_S = 3600.0
POINTS = 50


async def _drained(here: Here, jobs: int) -> tuple[float, Samples]:
    """The rate at which a backlog of so many jobs drains.

    Counted in status events. Up to 12,000 of the first jobs have two, since another worker may have begun
    them; so the rate is taken after these.
    """
    await here.place.stop_workers()
    floor, before = await here.watch.floor(), await here.watch.applied()
    await submit_batches(here.place, jobs)

    async def applied() -> int:
        return await here.watch.applied() - before

    await here.place.start_workers(1)
    samples = await progress.follow(applied, jobs, patience_s=PATIENCE_S)
    await here.watch.until_done(floor, jobs, applied_before=before, patience_s=PATIENCE_S)
    await here.watch.check(floor, jobs)
    rate = progress.rate(samples, 0.3, 0.9)
    here.tell(f"a backlog of {jobs:,}: {rate:,.0f} jobs/s")
    return rate, samples


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    await _drained(here, here.jobs(SHORT))
    before = [await _short(here) for _ in range(TURNS)]
    long, samples = await _drained(here, here.jobs(LONG))
    short = before + [await _short(here) for _ in range(TURNS)]
    curve = [(round(at, 1), count) for at, count in samples[:: max(len(samples) // POINTS, 1)]]
    ratio = long / statistics.mean(short)
    rates = [round(one) for one in short]
    return [scenario.figure("ratio", ratio, short=rates, long=round(long), jobs=here.jobs(LONG), curve=curve)]


async def _short(here: Here) -> float:
    rate, _ = await _drained(here, here.jobs(SHORT))
    return rate


BACKLOG = Scenario(
    "backlog",
    {"ratio": Line("backlog of 1 million jobs: drain rate against one of 100,000", "of the rate", Target(0.95))},
    _measure,
    quick=False,
    shared=False,
    ours=True,
)
