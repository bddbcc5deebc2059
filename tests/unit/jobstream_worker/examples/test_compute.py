"""compute: right counts, progress, and an end when it is told to stop."""

import asyncio

import pytest

from jobstream.handlers.outcomes import Cancelled, Completed, Failed, Released
from jobstream.testing import run_handler
from jobstream_worker.examples.compute import BLOCK, compute
from tests.support.eventually import eventually

# Number of primes up to n, and the last of them: OEIS A000720 and A007917.
KNOWN = [
    (2, 1, 2),
    (3, 2, 3),
    (4, 2, 3),
    (100, 25, 97),
    (10_000, 1_229, 9_973),
    (1_000_000, 78_498, 999_983),
    (3_000_000, 216_816, 2_999_999),
]


@pytest.mark.parametrize(("limit", "primes", "largest"), KNOWN)
async def test_the_counts_are_the_known_ones(limit, primes, largest):
    assert (await run_handler(compute, {"limit": limit})).result == {"primes": primes, "largest": largest}


@pytest.mark.parametrize("limit", [BLOCK, BLOCK + 1, BLOCK + 2, BLOCK + 3, 2 * BLOCK + 1])
async def test_the_seams_between_blocks_lose_nothing(limit):
    primes = [n for n in range(2, limit + 1) if all(n % d for d in range(2, int(n**0.5) + 1))]
    assert (await run_handler(compute, {"limit": limit})).result == {"primes": len(primes), "largest": primes[-1]}


async def test_progress_goes_from_block_to_block_up_to_one():
    ran = await run_handler(compute, {"limit": 1_000_000})
    fractions = [fraction for fraction, _ in ran.progress]
    assert len(fractions) == 8
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert ran.progress[-1][1] == "78,498 primes below 1,000,001"


@pytest.mark.parametrize("payload", [{"limit": 1}, {"limit": 10**12}, {"limit": "many"}])
async def test_limits_out_of_reach_are_refused(payload):
    ran = await run_handler(compute, payload)
    assert isinstance(ran.outcome, Failed)
    assert (ran.outcome.error.code, ran.outcome.retryable) == ("invalid_payload", False)


@pytest.mark.parametrize(("reason", "outcome"), [("cancelled", Cancelled), ("shutdown", Released)])
async def test_it_stops_at_the_next_block(reason, outcome):
    ran = await run_handler(compute, {"limit": 1_000_000_000}, stop_reason=reason)
    assert isinstance(ran.outcome, outcome)


async def test_in_a_child_process_it_tells_its_progress_and_stops_when_cancelled(worker_executor):
    async with worker_executor() as (execute, make_run):
        whole = make_run("compute", {"limit": 1_000_000})
        assert await execute(whole) == Completed(b'{"primes":78498,"largest":999983}')
        assert whole.progress == 1.0
        endless = make_run("compute", {"limit": 1_000_000_000})
        running = asyncio.create_task(execute(endless))
        await eventually(lambda: endless.progress, timeout=30, every=0.01)
        endless.cancel("cancelled")
        outcome = await asyncio.wait_for(running, 30)
    assert isinstance(outcome, Cancelled)
    assert 0 < endless.progress < 1
    assert "primes below" in endless.progress_text
