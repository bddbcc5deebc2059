"""Handlers for the worker's own scenarios: each run writes what it does to a ledger outside the system."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

from jobstream import JobContext, Retry, handler

LEDGER = "JOBSTREAM_TEST_LEDGER"


def _write(ctx: JobContext, payload: dict[str, Any], what: str) -> None:
    line = f"{what} {payload.get('n')} {ctx.key or '-'} {ctx.job_id} {ctx.attempt} {ctx.run_id} {os.getpid()} {time.time()}\n"
    with Path(os.environ[LEDGER]).open("a") as ledger:
        ledger.write(line)


@handler("noted")
async def noted(payload: dict[str, Any], ctx: JobContext) -> dict[str, Any]:
    """Takes ``s`` seconds and notes its start and its end."""
    _write(ctx, payload, "start")
    await asyncio.sleep(payload.get("s", 0))
    _write(ctx, payload, "end")
    return {"n": payload.get("n")}


@handler("stubborn")
async def stubborn(payload: dict[str, Any], ctx: JobContext) -> None:
    """Does not stop by itself."""
    _write(ctx, payload, "start")
    await asyncio.sleep(3600)


@handler("stepwise")
async def stepwise(payload: dict[str, Any], ctx: JobContext) -> None:
    """Tells its progress, then waits."""
    ctx.progress(0.25, "a quarter")
    await asyncio.sleep(payload["s"])


@handler("deadly")
async def deadly(payload: dict[str, Any], ctx: JobContext) -> None:
    """Kills its worker."""
    _write(ctx, payload, "start")
    os.kill(os.getpid(), signal.SIGKILL)


@handler("failing")
async def failing(payload: dict[str, Any]) -> None:
    """Asks for a retry."""
    raise Retry(after=7, message="not today")
