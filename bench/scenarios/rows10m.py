"""The same rates with 10 million rows in the table as with 10,000."""

from bench.figures import Figure, Target
from bench.ratios import rates, ratios
from bench.rounds import warm_up
from bench.rows import fill
from bench.scenario import Here, Line, Scenario

FEW = 10_000
MANY = 10_000_000


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    await fill(here.watch, FEW)
    await warm_up(here.place, here.watch, here.scale)
    few = await rates(here)
    many = int(MANY * here.scale)
    here.tell(f"inserting {many:,} rows")
    await fill(here.watch, many)
    await warm_up(here.place, here.watch, here.scale)
    then = await rates(here)
    size = await here.watch.fetchval(
        "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('jobs') WHERE isleaf"
    )
    return ratios(scenario, [few], [then], rows=many, bytes=int(size))


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
