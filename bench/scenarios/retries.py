"""Many retries that fall due in the same moment, and what submitters notice of it."""

import asyncio
import json
import time

from bench.figures import Figure, Target
from bench.load.paced import paced, submit
from bench.rounds import PATIENCE_S, submit_batches
from bench.scenario import Here, Line, Scenario
from bench.watch import Wrong

JOBS = 50_000
RATE = 50
AHEAD_S = 3.0
AGAIN = json.dumps({"type": "bench.again", "payload": {"n": 1}}).encode()
RETRYING = "SELECT count(*) FROM jobs WHERE id >= $1 AND status = 'RETRYING'"
SAME_MOMENT = """
UPDATE jobs SET dispatch_at = $2 WHERE id >= $1 AND status = 'RETRYING'
"""
ANY_HELD = "SELECT EXISTS (SELECT FROM jobs WHERE dispatch_at IS NOT NULL)"
LAST = """
SELECT extract(epoch FROM max(dispatched_at) - $2)::float8 FROM jobs WHERE id >= $1 AND type = 'bench.again'
"""
ENDED = "SELECT count(*) FROM jobs WHERE id >= $1 AND type = 'bench.again' AND status = 'COMPLETED' AND attempt = 2"
OTHERS = """
SELECT count(*) FROM jobs
WHERE id >= $1 AND type <> 'bench.again' AND status = 'COMPLETED' AND result = '{"output": "success"}' AND attempt = 1
"""


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    watch, place, jobs = here.watch, here.place, here.jobs(JOBS)
    floor = await watch.floor()
    await submit_batches(place, jobs, AGAIN)
    await _until(here, RETRYING, floor, jobs)
    due = await watch.fetchval("SELECT clock_timestamp() + make_interval(secs => $1)", AHEAD_S + jobs / 20_000)
    await watch.execute(SAME_MOMENT, floor, due)
    await watch.execute("VACUUM jobs")  # so that the update just done, which is ours, costs the measured part nothing
    await asyncio.sleep(max(await watch.fetchval("SELECT extract(epoch FROM $1 - clock_timestamp())::float8", due), 0))
    over = asyncio.Event()
    began = time.perf_counter()
    submits = asyncio.create_task(
        paced(place.target, submit, rate=RATE, until=lambda sent: over.is_set() and sent >= RATE)
    )
    try:
        while await watch.fetchval(ANY_HELD):
            if time.perf_counter() - began > PATIENCE_S:
                raise Wrong(f"retries are held {PATIENCE_S:.0f} s after they were due")
            await asyncio.sleep(0.25)
    finally:
        over.set()
        load = await submits
    taken = await watch.fetchval(LAST, floor, due)
    await _until(here, ENDED, floor, jobs)
    ended = time.perf_counter() - began
    await _until(here, OTHERS, floor, len(load.latencies))
    if load.refused:
        raise Wrong(f"{load.refused} submits were refused meanwhile")
    return [
        scenario.figure("dispatched", taken, jobs=jobs, all_completed_s=round(ended, 2)),
        scenario.figure("p99", load.percentile(0.99) * 1000, submits=len(load.latencies)),
    ]


async def _until(here: Here, query: str, *arguments: object) -> None:
    """Wait until a count is what it should be: the last argument."""
    *given, wanted = arguments
    until = time.perf_counter() + PATIENCE_S
    while (count := await here.watch.fetchval(query, *given)) != wanted:
        if time.perf_counter() > until:
            raise Wrong(f"{count:,} of {wanted:,} jobs after {PATIENCE_S:.0f} s: {query.strip()}")
        await asyncio.sleep(0.3)


RETRIES = Scenario(
    "retries",
    {
        "dispatched": Line("50,000 retries due in the same second, all dispatched after", "s", Target(10, least=False)),
        "p99": Line("submit p99 meanwhile", "ms", Target(100, least=False)),
    },
    _measure,
    ours=True,
)
