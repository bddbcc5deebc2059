"""The same rates while somebody else's transaction keeps every dead row alive, against those of a new system."""

import asyncio
import time
from dataclasses import replace

import asyncpg

from bench.figures import Figure, Target
from bench.place import own_place
from bench.ratios import rates, ratios
from bench.rounds import submit_batches, thousands, warm_up
from bench.scenario import Here, Line, Scenario
from bench.watch import Watch

TURNS = 7
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
            # In the hour since it began the machine has changed its speed: a new system shows what it gives now.
            async with own_place(here.place.broker, 1) as place, Watch(place.database) as watch:
                new = replace(here, place=place, watch=watch)
                await warm_up(place, watch, here.scale)
                without, held = [], []
                for _ in range(TURNS):
                    held.append(await rates(here, 1))
                    without.append(await rates(new, 1))
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
