"""Single submits over HTTP."""

from bench.figures import Figure, Target
from bench.rounds import singles
from bench.scenario import Here, Line, Scenario
from bench.scenarios import throughput

JOBS = 20_000


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    return await throughput.measure(here, scenario, singles, here.jobs(JOBS))


SINGLE = Scenario(
    "single",
    {
        "rate": Line("single `POST /jobs`, 64 connections, end to end", "jobs/s", Target(4_000)),
        "cpu": Line("CPU of all processes, single submits", "s per 1,000 jobs", Target(0.45, least=False)),
    },
    _measure,
)
