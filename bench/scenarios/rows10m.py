"""The same rates with 10 million rows in the table as with 10,000."""

from typing import Any

from bench.figures import Figure, Target
from bench.rounds import batches, rate, several, singles, warm_up
from bench.rows import fill
from bench.scenario import Here, Line, Scenario

FEW = 10_000
MANY = 10_000_000
SINGLES = 20_000
BATCHES = 100_000


async def rates(here: Here) -> dict[str, float]:
    """Median rates of single submits and of batches, after a warm-up."""
    await warm_up(here.place, here.watch, here.scale)
    count = max(here.rounds, 5)
    by_one = await several(count, lambda: singles(here.place, here.watch, here.jobs(SINGLES)))
    by_many = await several(count, lambda: batches(here.place, here.watch, here.jobs(BATCHES)))
    found = {"single": rate(by_one), "batch": rate(by_many)}
    here.tell(", ".join(f"{name} {value:,.0f}/s" for name, value in found.items()))
    return found


def ratios(scenario: Scenario, before: dict[str, float], then: dict[str, float], **detail: Any) -> list[Figure]:
    """What is left of each rate."""
    return [
        scenario.figure(name, then[name] / before[name], before=round(before[name]), after=round(then[name]), **detail)
        for name in before
    ]


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    await fill(here.watch, FEW)
    few = await rates(here)
    many = int(MANY * here.scale)
    here.tell(f"inserting {many:,} rows")
    await fill(here.watch, many)
    then = await rates(here)
    size = await here.watch.fetchval(
        "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('jobs') WHERE isleaf"
    )
    return ratios(scenario, few, then, rows=many, bytes=int(size))


ROWS10M = Scenario(
    "rows10m",
    {
        "single": Line("single submits with 10 million rows against 10,000", "of the rate", Target(0.95)),
        "batch": Line("batches with 10 million rows against 10,000", "of the rate", Target(0.95)),
    },
    _measure,
    quick=False,
    shared=False,
    ours=True,
)
