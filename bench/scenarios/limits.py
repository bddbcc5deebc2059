"""The same rates of jobs without a limit while others, of a limited type, wait and pass at their rate."""

import httpx2

from bench.figures import Figure, Target
from bench.rounds import submit_batches
from bench.scenario import Here, Line, Scenario
from bench.scenarios.rows10m import rates, ratios

WAITING = 20_000
PER_S = 50
LIMITED = b'{"type":"bench.wait","payload":{"ms":0}}'
LEFT = "SELECT count(*) FROM jobs WHERE dispatch_at = 'infinity'"


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    before = await rates(here)
    async with httpx2.AsyncClient(trust_env=False, base_url=here.place.api) as client:
        limit = {"kind": "rate", "limit": PER_S, "period_s": 1.0, "types": ["bench.wait"]}
        (await client.put("/limits/bench", json=limit)).raise_for_status()
    await submit_batches(here.place, here.jobs(WAITING), LIMITED)
    here.tell(f"{here.jobs(WAITING):,} jobs of another type wait at a limit of {PER_S} a second")
    then = await rates(here)
    left = await here.watch.fetchval(LEFT)
    return ratios(scenario, before, then, still_waiting=left)


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
