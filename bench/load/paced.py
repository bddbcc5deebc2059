"""An open loop: so many requests a second, whether or not the system keeps up.

A latency counts from the moment its request was due, so a stall is seen by all the requests that it would have hit
(no coordinated omission).
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator

from bench.load import EXAMPLE, Load
from jobstream.cli.bench.wire import Target, Wire


async def submit(wire: Wire) -> bool:
    """POST a job; True if it was taken."""
    return (await wire.request("POST", "/jobs", EXAMPLE)).status == 201


async def submit_and_wait(wire: Wire) -> bool:
    """POST a job and wait for its end as its submitter would; True if it is COMPLETED, with its result."""
    taken = await wire.request("POST", "/jobs", EXAMPLE)
    job_id = taken.body.split(b'"id":"')[1][:36].decode()
    ended = await wire.request("GET", f"/jobs/{job_id}?wait=30")
    return b'"status":"COMPLETED"' in ended.body and b'"output":"success"' in ended.body


async def paced(
    target: Target, ask: Callable[[Wire], Awaitable[bool]], *, rate: float, until: Callable[[int], bool]
) -> Load:
    """Call ``ask`` at a fixed rate.

    Args:
        ask: one job; False counts as refused.
        rate: a second.
        until: told how many were sent; True ends it.
    """
    load = Load()
    idle: list[Wire] = []
    opened: list[Wire] = []

    async def one(due: float) -> None:
        if not idle:
            opened.append(await Wire.open(target))
            idle.append(opened[-1])
        wire = idle.pop()
        load.refused += not await ask(wire)
        load.latencies.append(time.perf_counter() - due)
        idle.append(wire)

    tasks: list[asyncio.Task[None]] = []
    try:
        for due in _moments(rate, until):
            await asyncio.sleep(max(due - time.perf_counter(), 0))
            tasks.append(asyncio.create_task(one(due)))
        await asyncio.gather(*tasks)
    finally:
        for wire in opened:
            wire.close()
    return load


def _moments(rate: float, until: Callable[[int], bool]) -> Iterator[float]:
    began, sent = time.perf_counter(), 0
    while not until(sent):
        yield began + sent / rate
        sent += 1
