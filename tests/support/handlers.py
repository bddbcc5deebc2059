"""Handlers of the tests. Each appends what it did to a ledger outside of the system."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

import orjson

from jobstream import Cancel, Fail, JobContext, Retry, Snooze, handler
from jobstream.backoff import Backoff

SOON = Backoff(base_s=0.05, factor=1.0, cap_s=0.1)


def note(ctx: JobContext, what: str, **fields: Any) -> None:
    """One line, written whole: O_APPEND writes of this size do not mix."""
    path = os.environ.get("LEDGER")
    if path is None:
        return
    line = {
        "what": what,
        "job_id": str(ctx.job_id),
        "attempt": ctx.attempt,
        "run_id": str(ctx.run_id),
        "pid": os.getpid(),
        "at": time.time(),
        **fields,
    }
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(handle, orjson.dumps(line) + b"\n")
    finally:
        os.close(handle)


@handler("instant", backoff=SOON)
async def instant(payload: dict, ctx: JobContext) -> Any:
    note(ctx, "start")
    return payload.get("result", {"done": True})


@handler("sleeper", backoff=SOON)
async def sleeper(payload: dict, ctx: JobContext) -> dict:
    note(ctx, "start", n=payload.get("n"))
    steps = max(int(payload["seconds"] / 0.5), 1)
    for step in range(steps):
        await asyncio.sleep(payload["seconds"] / steps)
        ctx.progress((step + 1) / steps, f"step {step + 1}")
    note(ctx, "end", n=payload.get("n"))
    return {"slept": payload["seconds"]}


@handler("blocking", backoff=SOON)
def blocking(payload: dict, ctx: JobContext) -> dict:
    note(ctx, "start")
    time.sleep(payload["seconds"])
    note(ctx, "end")
    return {"slept": payload["seconds"]}


@handler("attentive", backoff=SOON)
def attentive(payload: dict, ctx: JobContext) -> None:
    note(ctx, "start")
    while not ctx.cancelled:
        time.sleep(0.02)
    note(ctx, "cancelled")
    raise Cancel("it was told to stop")


@handler("cpu", run_in="process", backoff=SOON)
def cpu(payload: dict, ctx: JobContext) -> dict:
    note(ctx, "start")
    until = time.monotonic() + payload["seconds"]
    rounds = 0
    while time.monotonic() < until:
        rounds += 1
    ctx.progress(1.0)
    note(ctx, "end")
    return {"pid": os.getpid()}


@handler("flaky_test", max_retries=3, backoff=SOON)
async def flaky(payload: dict, ctx: JobContext) -> dict:
    note(ctx, "start")
    if ctx.attempt <= payload["failures"]:
        raise ConnectionError(f"attempt {ctx.attempt} fails")
    return {"attempts": ctx.attempt}


@handler("doomed_test", max_retries=2, backoff=Backoff(base_s=1.5, factor=1.0, cap_s=1.5))
async def doomed(payload: dict, ctx: JobContext) -> None:
    note(ctx, "start")
    raise RuntimeError("never works")


@handler("fatal", max_retries=5, backoff=SOON)
async def fatal(payload: dict, ctx: JobContext) -> None:
    note(ctx, "start")
    raise Fail("cannot ever work")


@handler("asks_again", max_retries=3, backoff=SOON)
async def asks_again(payload: dict, ctx: JobContext) -> dict:
    note(ctx, "start")
    if ctx.attempt == 1:
        raise Retry(after=payload.get("after", 0.5), message="later, please")
    return {"attempts": ctx.attempt}


@handler("snoozer", max_retries=0, backoff=SOON)
def snoozer(payload: dict, ctx: JobContext) -> dict:
    note(ctx, "start")
    seen = Path(payload["marker"])
    if not seen.exists():
        seen.write_text("seen")
        raise Snooze(0.3)
    return {"attempt": ctx.attempt}


@handler("quitter", backoff=SOON)
async def quitter(payload: dict, ctx: JobContext) -> None:
    note(ctx, "start")
    raise Cancel("not needed any more")


@handler("killer", max_retries=2, backoff=SOON)
async def killer(payload: dict, ctx: JobContext) -> None:
    note(ctx, "start")
    os.kill(os.getpid(), signal.SIGKILL)


@handler("keyed", backoff=SOON)
async def keyed(payload: dict, ctx: JobContext) -> None:
    note(ctx, "start", key=ctx.key, n=payload["n"])
    await asyncio.sleep(payload.get("seconds", 0.01))
    note(ctx, "end", key=ctx.key, n=payload["n"])


@handler("overtime", timeout_s=0.5, max_retries=0, backoff=SOON)
async def overtime(payload: dict, ctx: JobContext) -> None:
    note(ctx, "start")
    await asyncio.sleep(30)


@handler("ordered", strict_order=True, max_retries=3, backoff=Backoff(base_s=0.3, factor=1.0, cap_s=0.3))
async def ordered(payload: dict, ctx: JobContext) -> None:
    note(ctx, "start", key=ctx.key, n=payload["n"])
    await asyncio.sleep(payload.get("seconds", 0.01))
    if ctx.attempt <= payload.get("failures", 0):
        raise ConnectionError(f"attempt {ctx.attempt} fails")
    note(ctx, "end", key=ctx.key, n=payload["n"])


async def step(payload: dict, ctx: JobContext) -> dict:
    """What all types of the model do: every run has a beginning and, unless its worker is killed, an end."""
    note(ctx, "start", n=payload["n"])
    try:
        await asyncio.sleep(payload["seconds"])
        if ctx.attempt <= payload.get("failures", 0):
            raise ConnectionError(f"attempt {ctx.attempt} fails")
    finally:
        note(ctx, "end", n=payload["n"])
    return {"attempts": ctx.attempt}


@handler("model.free", max_retries=9, backoff=SOON)
async def free(payload: dict, ctx: JobContext) -> dict:
    return await step(payload, ctx)


@handler("model.rated", max_retries=9, backoff=SOON)
async def rated(payload: dict, ctx: JobContext) -> dict:
    return await step(payload, ctx)


@handler("model.few", max_retries=9, backoff=SOON)
async def few(payload: dict, ctx: JobContext) -> dict:
    return await step(payload, ctx)


@handler("model.tenants", max_retries=9, backoff=SOON)
async def tenants(payload: dict, ctx: JobContext) -> dict:
    return await step(payload, ctx)


@handler("model.strict", max_retries=9, backoff=SOON, strict_order=True)
async def strict(payload: dict, ctx: JobContext) -> dict:
    return await step(payload, ctx)
