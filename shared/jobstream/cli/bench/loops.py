"""The two shapes of a load: a closed loop, and one at a steady rate."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from jobstream.cli.bench.wire import Target, Wire

One = Callable[[Wire], Awaitable[None]]
"""One request, or one and what follows from it, over a connection that nobody else uses meanwhile."""


async def closed(target: Target, one: One, *, requests: int, connections: int) -> None:
    """Call ``one`` so many times over so many connections; each is used again when it was answered.

    Raises:
        JobstreamError: the first error of any call, which ends them all.
    """
    rest = requests

    async def drive(wire: Wire) -> None:
        nonlocal rest
        while rest > 0:
            rest -= 1
            await one(wire)

    async with _connected(target) as (group, connect):
        wires = [await connect() for _ in range(connections)]
        for wire in wires:
            group.create_task(drive(wire))


async def paced(target: Target, one: One, *, rate: float, until: Callable[[int], bool]) -> list[float]:
    """Call ``one`` so many times a second, whether or not the system keeps up; returns the latencies, seconds.

    Each counts from the moment its call was due, so a stall is seen by all that it would have hit (no coordinated
    omission).

    Args:
        until: told how many were sent; True ends it.

    Raises:
        JobstreamError: the first error of any call, which ends them all.
    """
    latencies: list[float] = []
    idle: list[Wire] = []

    async with _connected(target) as (group, connect):

        async def call(due: float) -> None:
            wire = idle.pop() if idle else await connect()
            await one(wire)
            latencies.append(time.perf_counter() - due)
            idle.append(wire)

        began, sent = time.perf_counter(), 0
        while not until(sent):
            due = began + sent / rate
            await asyncio.sleep(max(due - time.perf_counter(), 0.0))
            group.create_task(call(due))
            sent += 1
    return latencies


@asynccontextmanager
async def _connected(target: Target) -> AsyncIterator[tuple[asyncio.TaskGroup, Callable[[], Awaitable[Wire]]]]:
    """A group of tasks, and what opens connections for them, which are closed at the end."""
    opened: list[Wire] = []

    async def connect() -> Wire:
        opened.append(await Wire.open(target))
        return opened[-1]

    try:
        async with asyncio.TaskGroup() as group:
            yield group, connect
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    finally:
        for wire in opened:
            wire.close()
