"""The same rates of jobs without a limit while others, of a limited type, wait and pass at their rate."""

import asyncio

import httpx2

from bench.figures import Figure, Target
from bench.ratios import rates, ratios
from bench.rounds import submit_batches, warm_up
from bench.scenario import Here, Line, Scenario

WAITING = 20_000
PER_S = 50
TIMES = 3
ROUNDS = 3
PATIENCE_S = 120
LIMITED = b'{"type":"bench.wait","payload":{"ms":0}}'
LIMIT = {"kind": "rate", "limit": PER_S, "period_s": 1.0, "types": ["bench.wait"]}
LEFT = "SELECT count(*) FROM jobs WHERE dispatch_at = 'infinity'"
UNDER_WAY = "SELECT EXISTS (SELECT FROM jobs WHERE status IN ('PENDING', 'RUNNING'))"


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    await warm_up(here.place, here.watch, here.scale)
    without, during = [await rates(here, ROUNDS)], []
    async with httpx2.AsyncClient(trust_env=False, base_url=here.place.api) as client:
        for _ in range(TIMES):
            (await client.put("/limits/bench", json=LIMIT)).raise_for_status()
            await submit_batches(here.place, here.jobs(WAITING), LIMITED)
            here.tell(f"{here.jobs(WAITING):,} jobs of another type wait at a limit of {PER_S} a second")
            during.append(await rates(here, ROUNDS))
            left = await here.watch.fetchval(LEFT)
            (await client.delete("/limits/bench")).raise_for_status()
            async with asyncio.timeout(PATIENCE_S):
                while await here.watch.fetchval(UNDER_WAY):  # noqa: ASYNC110 - it is PostgreSQL that is asked
                    await asyncio.sleep(1)
            here.tell(f"the limit is gone, and so are the {left:,} that still waited")
            without.append(await rates(here, ROUNDS))
    return ratios(scenario, without, during, still_waiting=left)


LIMITS = Scenario(
    "limits",
    {
        "single": Line("single submits while 20,000 jobs of another type wait at a limit", "of the rate", Target(0.90)),
        "batch": Line("batches while 20,000 jobs of another type wait at a limit", "of the rate", Target(0.90)),
    },
    _measure,
    quick=False,
    shared=False,
    ours=True,
)
