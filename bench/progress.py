"""How a backlog drains: counts over time, and the rate in between."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from itertools import pairwise

from bench.watch import Wrong

EVERY_S = 0.1

Samples = list[tuple[float, int]]
"""Seconds, and what was counted by then."""


async def follow(count: Callable[[], Awaitable[int]], wanted: int, *, patience_s: float) -> Samples:
    """Count until there are so many.

    Raises:
        Wrong: not within ``patience_s`` seconds.
    """
    began = time.perf_counter()
    samples: Samples = []
    while not samples or samples[-1][1] < wanted:
        asked = time.perf_counter()
        samples.append((asked - began, await count()))
        took = time.perf_counter() - asked
        if asked - began > patience_s:
            raise Wrong(f"{samples[-1][1]:,} of {wanted:,} after {patience_s:.0f} s")
        await asyncio.sleep(max(EVERY_S - took, 4 * took))
    return samples


def rate(samples: Samples, low: float, high: float) -> float:
    """What was counted a second, between two shares of the last count: neither start nor tail."""
    total = samples[-1][1]
    return total * (high - low) / (_when(samples, total * high) - _when(samples, total * low))


def _when(samples: Samples, count: float) -> float:
    """When so many were counted, on a straight line between the samples around it."""
    for (before, low), (after, high) in pairwise(samples):
        if low < count <= high:
            return before + (after - before) * (count - low) / (high - low)
    return samples[0][0]
