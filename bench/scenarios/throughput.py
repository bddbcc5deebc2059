"""What the three doors have in common: rounds, their median rate, and the CPU it took."""

from collections.abc import Awaitable, Callable

from bench.figures import Figure
from bench.place import Place
from bench.rounds import Round, median, rate, several
from bench.scenario import Here, Scenario
from bench.watch import Watch


async def measure(
    here: Here, scenario: Scenario, door: Callable[[Place, Watch, int], Awaitable[Round]], jobs: int
) -> list[Figure]:
    """The figures ``rate`` and, where the processes are at hand, ``cpu`` of a door."""
    rounds = await several(here.rounds, lambda: door(here.place, here.watch, jobs))
    middle = median(rounds)
    taken = middle.jobs / middle.taken_s
    figures = [
        scenario.figure(
            "rate", rate(rounds), tuple(round(one.rate) for one in rounds), jobs=jobs, taken_per_s=round(taken)
        )
    ]
    if middle.cpu:
        spent = sorted(one.cpu_s for one in rounds)
        figures.append(
            scenario.figure(
                "cpu",
                spent[(len(spent) - 1) // 2],
                tuple(round(one, 4) for one in spent),
                us_per_job=middle.us_per_job(),
                load_by=middle.load.by,
            )
        )
    return figures
