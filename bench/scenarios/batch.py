"""Batches of 1,000 over HTTP."""

from bench.figures import Figure, Target
from bench.rounds import batches
from bench.scenario import Here, Line, Scenario
from bench.scenarios import throughput

JOBS = 100_000


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    return await throughput.measure(here, scenario, batches, here.jobs(JOBS))


BATCH = Scenario(
    "batch",
    {
        "rate": Line("`POST /jobs/batch` of 1,000, end to end", "jobs/s", Target(20_000)),
        "cpu": Line("CPU of all processes, batches", "s per 1,000 jobs", Target(0.10, least=False)),
    },
    _measure,
)
