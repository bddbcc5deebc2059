"""Jobs that wait 20 ms, and 1, 2 and 4 workers that run 10 at once each, on the 12 partitions of one topic."""

import asyncio
import json
from functools import partial

from bench import progress
from bench.figures import Figure, Target
from bench.rounds import PATIENCE_S, submit_batches
from bench.scenario import Here, Line, Scenario

WORKERS = (1, 2, 4)
CONCURRENCY = 10
SECONDS = 12
WAIT_MS = 20
SETTLE_S = 4.0
JOB = json.dumps({"type": "bench.wait", "payload": {"ms": WAIT_MS}}).encode()


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    rates = {}
    for workers in WORKERS:
        rates[workers] = await _rate(here, workers)
        here.tell(f"{workers} workers: {rates[workers]:,.0f} jobs/s")
    told = {f"workers_{workers}": round(rate) for workers, rate in rates.items()}
    return [
        scenario.figure(f"by{workers}", rates[workers] / rates[1] / workers, jobs_per_s=told)
        for workers in WORKERS
        if workers > 1
    ]


async def _rate(here: Here, workers: int) -> float:
    """Jobs a second with so many workers, once all run and before the first has no more to do."""
    place, watch = here.place, here.watch
    jobs = here.jobs(workers * CONCURRENCY * 1000 // WAIT_MS * SECONDS)
    await place.stop_workers()
    await place.start_workers(workers, WORKER_CONCURRENCY=str(CONCURRENCY))
    await asyncio.sleep(SETTLE_S)  # the group deals its partitions out anew with each worker that joins
    floor = await watch.floor()
    submits = asyncio.create_task(submit_batches(place, jobs, JOB))
    samples = await progress.follow(partial(watch.completed, floor), jobs, patience_s=PATIENCE_S)
    await submits
    await watch.check(floor, jobs)
    return progress.rate(samples, 0.2, 0.8)


SPEEDUP = Scenario(
    "speedup",
    {
        f"by{workers}": Line(
            f"12 partitions, jobs of {WAIT_MS} ms of waiting, {workers} workers of concurrency {CONCURRENCY}",
            "of linear",
            Target(0.9),
        )
        for workers in WORKERS
        if workers > 1
    },
    _measure,
    shared=False,
    ours=True,
)
