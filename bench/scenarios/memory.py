"""Resident memory while a million jobs pass."""

from bench.figures import Figure, Target
from bench.rounds import batches, warm_up
from bench.scenario import Here, Line, Scenario

JOBS = 1_000_000
SAMPLES = 20
MIB = 2**20


async def _measure(here: Here, scenario: Scenario) -> list[Figure]:
    await warm_up(here.place, here.watch, here.scale)
    parts = here.place.parts()
    curves: dict[str, list[float]] = {"api": [], "worker": []}
    step = here.jobs(JOBS // SAMPLES)
    for _ in range(SAMPLES):
        await batches(here.place, here.watch, step)
        for name, curve in curves.items():
            curve.append(round(parts[name].rss() / MIB, 1))
    grown = {name: curve[-1] / max(curve[: SAMPLES // 2]) for name, curve in curves.items()}
    here.tell(f"MiB after each {step:,} jobs: {curves}")
    return [
        *(scenario.figure(name, max(curve), curve=curve, jobs=step * SAMPLES) for name, curve in curves.items()),
        scenario.figure("flat", max(grown.values()), grown={name: round(by, 3) for name, by in grown.items()}),
    ]


MEMORY = Scenario(
    "memory",
    {
        "api": Line("memory over 1 million jobs, api", "MiB", Target(200, least=False)),
        "worker": Line("memory over 1 million jobs, worker", "MiB", Target(200, least=False)),
        "flat": Line("memory at their end against the most in their first half", "times", Target(1.05, least=False)),
    },
    _measure,
    quick=False,
    shared=False,
    ours=True,
)
