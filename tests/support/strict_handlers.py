"""Handlers that ask for strict order: a gate, which tests without one do not want to hear of."""

import asyncio

from jobstream import JobContext, handler
from jobstream.backoff import Backoff
from tests.support.handlers import SOON, note, step


@handler("ordered", strict_order=True, max_retries=3, backoff=Backoff(base_s=0.3, factor=1.0, cap_s=0.3))
async def ordered(payload: dict, ctx: JobContext) -> None:
    note(ctx, "start", key=ctx.key, n=payload["n"])
    await asyncio.sleep(payload.get("seconds", 0.01))
    if ctx.attempt <= payload.get("failures", 0):
        raise ConnectionError(f"attempt {ctx.attempt} fails")
    note(ctx, "end", key=ctx.key, n=payload["n"])


@handler("model.strict", max_retries=9, backoff=SOON, strict_order=True)
async def strict(payload: dict, ctx: JobContext) -> dict:
    return await step(payload, ctx)
