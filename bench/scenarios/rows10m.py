"""The same rates with 10 million rows in the table as with 10,000."""

from bench.figures import Figure, Target
from bench.ratios import in_turns, ratios
from bench.rounds import warm_up
from bench.rows import fill
from bench.scenario import Here, Line, Scenario

FEW = 10_000
MANY = 10_000_000


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    many = int(MANY * here.scale)
    here.tell(f"inserting {many:,} rows")
    await _prepare(here, many)
    few, then = await in_turns(here, lambda new: _prepare(new, FEW))
    size = await here.watch.fetchval(
        "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('jobs') WHERE isleaf"
    )
    return ratios(scenario, few, then, rows=many, bytes=int(size))


async def _prepare(here: Here, rows: int) -> None:
    await fill(here.watch, rows)
    await warm_up(here.place, here.watch, here.scale)


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
