"""An open loop: so many requests a second, whether or not the system keeps up."""

from collections.abc import Awaitable, Callable

from bench.load import EXAMPLE, Load
from jobstream.cli.bench import loops
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
    """Call ``ask`` at a fixed rate, and see how long each took from the moment it was due.

    Args:
        ask: one job; False counts as refused.
        rate: a second.
        until: told how many were sent; True ends it.
    """
    load = Load()

    async def one(wire: Wire) -> None:
        load.refused += not await ask(wire)

    load.latencies = await loops.paced(target, one, rate=rate, until=until)
    return load
