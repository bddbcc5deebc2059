"""Handlers that the scenarios need besides the shipped example."""

import asyncio

from pydantic import BaseModel, Field

from jobstream import JobContext, Retry, handler

MUCH_LATER_S = 3600.0


class Wait(BaseModel):
    """What ``bench.wait`` takes."""

    ms: float = Field(20.0, ge=0, le=60_000, description="For so long, milliseconds.")


@handler("bench.wait")
async def wait(payload: Wait) -> dict[str, str]:
    """Wait, as a handler does that calls another service."""
    await asyncio.sleep(payload.ms / 1000)
    return {"output": "success"}


@handler("bench.again")
async def again(payload: dict[str, int], ctx: JobContext) -> dict[str, str]:
    """Ask for another attempt once, much later; whoever measures moves the time of all of them to one moment."""
    if ctx.attempt == 1:
        raise Retry(after=MUCH_LATER_S, message="as ordered")
    return {"output": "success"}
