"""Records that a program writes straight to the job topic."""

from bench.figures import Figure, Target
from bench.rounds import records
from bench.scenario import Here, Line, Scenario
from bench.scenarios import throughput

JOBS = 100_000


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    return await throughput.measure(here, scenario, records, here.jobs(JOBS))


RECORDS = Scenario(
    "records",
    {
        "rate": Line("direct Kafka records, end to end to the row", "jobs/s", Target(20_000)),
        "cpu": Line("CPU of all processes, records", "s per 1,000 jobs"),
    },
    _measure,
)
