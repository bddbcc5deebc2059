"""From the moment a submit is due to the answer that its job is COMPLETED, at a steady low rate."""

import gc

from bench.figures import Figure, Target
from bench.load.paced import paced, submit_and_wait
from bench.scenario import Here, Line, Scenario
from bench.watch import Wrong

RATE = 50
SECONDS = 40


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    place, jobs = here.place, max(int(RATE * SECONDS * here.scale), RATE)
    floor, applied = await here.watch.floor(), await here.watch.applied()
    gc.collect()
    gc.disable()  # the generator's own pauses are not the system's
    try:
        load = await paced(place.target, submit_and_wait, rate=RATE, until=lambda sent: sent >= jobs)
    finally:
        gc.enable()
    if load.refused:
        raise Wrong(f"{load.refused} of {jobs} submitters did not read COMPLETED and the result")
    await here.watch.until_done(floor, jobs, applied_before=applied, patience_s=10)
    await here.watch.check(floor, jobs)
    shares = {f"p{share * 100:g}": round(load.percentile(share) * 1000, 2) for share in (0.5, 0.9, 0.99, 0.999)}
    return [
        scenario.figure("p50", load.percentile(0.5) * 1000, jobs=jobs, shares=shares),
        scenario.figure("p99", load.percentile(0.99) * 1000, jobs=jobs),
    ]


LATENCY = Scenario(
    "latency",
    {
        "p50": Line("latency at 50 jobs/s, submit to COMPLETED read (`?wait=`), p50", "ms", Target(8, least=False)),
        "p99": Line("the same, p99", "ms", Target(16, least=False)),
    },
    _measure,
)
