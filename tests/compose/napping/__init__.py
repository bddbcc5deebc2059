"""Handlers of one's own, mounted into the worker's container."""

import asyncio
import socket

from pydantic import BaseModel, Field

from jobstream import handler


class Nap(BaseModel):
    """How long to sleep."""

    seconds: float = Field(ge=0, le=120)


@handler("nap")
async def nap(payload: Nap) -> dict[str, str]:
    """Sleep, and tell in which container."""
    await asyncio.sleep(payload.seconds)
    return {"slept_in": socket.gethostname()}
