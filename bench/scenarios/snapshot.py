"""The same rates while somebody else's transaction keeps every dead row alive, against those of a new system."""

import asyncio
import time

import asyncpg

from bench.figures import Figure, Target
from bench.ratios import in_turns, ratios
from bench.rounds import submit_batches, thousands, warm_up
from bench.scenario import Here, Line, Scenario

STEADY = 1_000
"""Jobs a second while the snapshot ages."""
DEAD = """
SELECT coalesce(sum(n_dead_tup), 0)::bigint FROM pg_stat_user_tables
WHERE relname = 'outbox' OR relname = 'consumer_offsets' OR relname LIKE 'jobs%'
"""


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    await warm_up(here.place, here.watch, here.scale)
    foreign = await asyncpg.connect(here.place.database, timeout=10)
    try:
        async with foreign.transaction(isolation="repeatable_read"):
            await foreign.fetchval("SELECT count(*) FROM job_types")  # only now it has a snapshot
            here.tell(f"a snapshot is held for {here.hold_s:.0f} s")
            await _steady(here)
            without, held = await in_turns(here, lambda new: warm_up(new.place, new.watch, new.scale))
            dead = await here.watch.fetchval(DEAD)
    finally:
        await foreign.close(timeout=5)
    return ratios(scenario, without, held, held_s=here.hold_s, dead_rows=dead)


async def _steady(here: Here) -> None:
    """A steady load for as long as the snapshot shall age, checked like every other."""
    floor, applied = await here.watch.floor(), await here.watch.applied()
    began, sent = time.perf_counter(), 0
    every = thousands(STEADY) / STEADY
    while time.perf_counter() - began < here.hold_s:
        await submit_batches(here.place, thousands(STEADY))
        sent += thousands(STEADY)
        await asyncio.sleep(max(began + sent / STEADY - time.perf_counter(), 0.1 * every))
    await here.watch.until_done(floor, sent, applied_before=applied, patience_s=120)
    await here.watch.check(floor, sent)


SNAPSHOT = Scenario(
    "snapshot",
    {
        "single": Line("single submits with a snapshot held open in a foreign session", "of the rate", Target(0.90)),
        "batch": Line("batches with a snapshot held open in a foreign session", "of the rate", Target(0.90)),
    },
    _measure,
    quick=False,
    shared=False,
    ours=True,
)
