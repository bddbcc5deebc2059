"""What is left of the rates in some condition. A machine's speed drifts, so it is measured before and after too."""

import statistics
from collections.abc import Sequence
from typing import Any

from bench.figures import Figure
from bench.rounds import batches, rate, several, singles
from bench.scenario import Here, Scenario

SINGLES = 20_000
BATCHES = 100_000

Rates = dict[str, float]
"""Jobs a second, by the name of the line."""


async def rates(here: Here, rounds: int = 5) -> Rates:
    """Median rates of single submits and of batches."""
    by_one = await several(rounds, lambda: singles(here.place, here.watch, here.jobs(SINGLES)))
    by_many = await several(rounds, lambda: batches(here.place, here.watch, here.jobs(BATCHES)))
    found = {"single": rate(by_one), "batch": rate(by_many)}
    here.tell(", ".join(f"{name} {value:,.0f}/s" for name, value in found.items()))
    return found


def ratios(scenario: Scenario, without: Sequence[Rates], during: Sequence[Rates], **detail: Any) -> list[Figure]:
    """The mean rate during it against the mean rate without it, for every line."""
    found = []
    for name in scenario.lines:
        apart = [round(one[name]) for one in without]
        within = [round(one[name]) for one in during]
        ratio = statistics.mean(within) / statistics.mean(apart)
        found.append(scenario.figure(name, ratio, without=apart, during=within, **detail))
    return found
