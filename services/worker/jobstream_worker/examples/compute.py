"""Work for a processor: counting primes in a child process, block by block."""

import math

from pydantic import BaseModel, Field

from jobstream import Cancel, JobContext, handler

BLOCK = 1 << 17
"""Numbers sieved between two looks at progress and cancellation; some milliseconds each."""


class Compute(BaseModel):
    """What ``compute`` takes."""

    limit: int = Field(5_000_000, ge=2, le=1_000_000_000, description="Count the primes up to here.")


@handler("compute", run_in="process", timeout_s=600)
def compute(payload: Compute, ctx: JobContext) -> dict[str, int]:
    """Count the primes up to a limit."""
    small = _small_primes(math.isqrt(payload.limit))
    count, largest = 0, 0
    for low in range(2, payload.limit + 1, BLOCK):
        if ctx.cancelled:
            raise Cancel(f"stopped at {low:,}")
        high = min(low + BLOCK, payload.limit + 1)
        block = _sieve(low, high, small)
        count += block.count(1)
        last = block.rfind(1)
        largest = low + last if last >= 0 else largest
        ctx.progress((high - 2) / (payload.limit - 1), f"{count:,} primes below {high:,}")
    return {"primes": count, "largest": largest}


def _small_primes(limit: int) -> list[int]:
    flags = bytearray([1]) * (limit + 1)
    for number in range(2, math.isqrt(limit) + 1):
        if flags[number]:
            flags[number * number :: number] = bytes(len(range(number * number, limit + 1, number)))
    return [number for number in range(2, limit + 1) if flags[number]]


def _sieve(low: int, high: int, small: list[int]) -> bytearray:
    """One byte for each number in [low, high): 1 for a prime. ``small`` holds the primes up to the root of high."""
    flags = bytearray([1]) * (high - low)
    for prime in small:
        start = max(prime * prime, -(-low // prime) * prime)
        if start >= high:
            if prime * prime >= high:
                break
            continue
        flags[start - low :: prime] = bytes(len(range(start, high, prime)))
    return flags
