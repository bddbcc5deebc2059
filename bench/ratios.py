"""What is left of the rates in some condition. A machine's speed drifts: it is measured in turns with that without."""

import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from bench.figures import Figure
from bench.place import own_place
from bench.rounds import batches, rate, several, singles
from bench.scenario import Here, Scenario
from bench.watch import Watch

SINGLES = 20_000
BATCHES = 100_000
TURNS = 7

Rates = dict[str, float]
"""Jobs a second, by the name of the line."""


async def rates(here: Here, rounds: int) -> Rates:
    """Median rates of single submits and of batches."""
    by_one = await several(rounds, lambda: singles(here.place, here.watch, here.jobs(SINGLES)))
    by_many = await several(rounds, lambda: batches(here.place, here.watch, here.jobs(BATCHES)))
    found = {"single": rate(by_one), "batch": rate(by_many)}
    here.tell(", ".join(f"{name} {value:,.0f}/s" for name, value in found.items()))
    return found


async def in_turns(here: Here, prepare: Callable[[Here], Awaitable[None]]) -> tuple[list[Rates], list[Rates]]:
    """Rates of a new system beside this one, and of this one, in turns.

    Args:
        prepare: makes the new one ready.
    """
    without, within = [], []
    async with own_place(here.place.broker, 1) as place, Watch(place.database) as watch:
        new = replace(here, place=place, watch=watch)
        await prepare(new)
        for _ in range(TURNS):
            within.append(await rates(here, 1))
            without.append(await rates(new, 1))
    return without, within


def ratios(scenario: Scenario, without: Sequence[Rates], during: Sequence[Rates], **detail: Any) -> list[Figure]:
    """The mean rate during it against the mean rate without it, for every line."""
    found = []
    for name in scenario.lines:
        apart = [round(one[name]) for one in without]
        within = [round(one[name]) for one in during]
        ratio = statistics.mean(within) / statistics.mean(apart)
        found.append(scenario.figure(name, ratio, without=apart, during=within, **detail))
    return found
