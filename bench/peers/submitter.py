"""A program that submits on command: a number on stdin, ``done`` on stdout once so many are submitted."""

import asyncio
import sys
from collections.abc import Awaitable, Callable

CONCURRENCY = 64


async def obey(submit: Callable[[], Awaitable[object]]) -> None:
    """Say ``ready``; then, for every number that comes in, submit so many jobs, 64 at once."""
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        rest = int(line)

        async def drive() -> None:
            nonlocal rest
            while rest > 0:
                rest -= 1
                await submit()

        await asyncio.gather(*(drive() for _ in range(min(CONCURRENCY, rest))))
        print("done", flush=True)
