"""Handlers that the executor's tests run, also in child processes, which import this module by its name."""

import asyncio
import ctypes
import json
import math
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from jobstream import Cancel, JobContext, Snooze, handler

MODULE = "tests.unit.jobstream_worker.executor.sample_handlers"


class Sum(BaseModel):
    a: int
    b: int


def until(done: Any, seconds: float = 10.0) -> None:
    """Wait in a thread or process until ``done()`` is true."""
    end = time.monotonic() + seconds
    while not done():
        if time.monotonic() > end:
            raise AssertionError("waited in vain")
        time.sleep(0.005)


# on the loop


@handler("loop.sum")
async def loop_sum(payload: Sum, ctx: JobContext) -> int:
    await asyncio.sleep(0)
    return payload.a + payload.b


@handler("loop.progress")
async def loop_progress(payload: dict[str, Any], ctx: JobContext) -> None:
    ctx.progress(0.5, "half")
    ctx.log("on the loop", step=1)


@handler("loop.wait", timeout_s=30)
async def loop_wait(payload: dict[str, Any], ctx: JobContext) -> None:
    await asyncio.sleep(payload.get("seconds", 60))


@handler("loop.finish_when_cancelled")
async def loop_finish_when_cancelled(payload: dict[str, Any], ctx: JobContext) -> Any:
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        await asyncio.sleep(0.01)
        return {"cancelled": ctx.cancelled}


@handler("loop.clean_up_and_raise")
async def loop_clean_up_and_raise(payload: dict[str, Any]) -> None:
    try:
        await asyncio.sleep(60)
    finally:
        raise RuntimeError("while cleaning up")


@handler("loop.ignore_cancel")
async def loop_ignore_cancel(payload: dict[str, Any]) -> str:
    until_ = asyncio.get_running_loop().time() + payload["seconds"]
    while asyncio.get_running_loop().time() < until_:
        try:
            await asyncio.sleep(0.05)
        except asyncio.CancelledError:
            pass
    Path(payload["file"]).write_text("ended", encoding="utf-8")  # noqa: ASYNC240
    return "late"


@handler("loop.raise")
async def loop_raise(payload: dict[str, Any]) -> None:
    if payload.get("late"):
        await asyncio.sleep(0.001)
    raise RAISED[payload["what"]]()


@handler("loop.cancel_own_task")
async def loop_cancel_own_task(payload: dict[str, Any]) -> str:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    if payload.get("wait"):
        await asyncio.sleep(60)
    return "went on"


@handler("loop.task_group")
async def loop_task_group(payload: dict[str, Any]) -> int:
    async def fail() -> None:
        await asyncio.sleep(0.001)
        raise LookupError("in a task")

    try:
        async with asyncio.TaskGroup() as group:
            group.create_task(fail())
            group.create_task(asyncio.sleep(60))
    except* LookupError:
        pass
    try:
        async with asyncio.timeout(0.001):
            await asyncio.sleep(60)
    except TimeoutError:
        return 1
    return 0


@handler("loop.block")
async def loop_block(payload: dict[str, Any]) -> None:
    time.sleep(payload["seconds"])  # noqa: ASYNC251  (blocking the loop is the point)


@handler("loop.result")
async def loop_result(payload: dict[str, Any]) -> Any:
    return RESULTS[payload["what"]]


# in threads


@handler("thread.sum")
def thread_sum(payload: Sum, ctx: JobContext) -> int:
    assert threading.current_thread() is not threading.main_thread()
    return payload.a + payload.b


@handler("thread.progress")
def thread_progress(payload: dict[str, Any], ctx: JobContext) -> None:
    ctx.progress(0.5, "half")
    ctx.log("in a thread", step=1)


@handler("thread.wait_for_cancel")
def thread_wait_for_cancel(payload: dict[str, Any], ctx: JobContext) -> None:
    ctx.progress(0.1)
    until(lambda: ctx.cancelled)
    raise Cancel("seen in the thread")


@handler("thread.wait_for_file")
def thread_wait_for_file(payload: dict[str, Any], ctx: JobContext) -> bool:
    ctx.progress(0.1)
    until(Path(payload["file"]).exists)
    return ctx.cancelled


@handler("thread.raise")
def thread_raise(payload: dict[str, Any]) -> None:
    raise RAISED[payload["what"]]()


@handler("thread.result")
def thread_result(payload: dict[str, Any]) -> Any:
    return RESULTS[payload["what"]]


# in child processes


@handler("process.sum", run_in="process")
def process_sum(payload: Sum, ctx: JobContext) -> dict[str, int]:
    assert threading.current_thread() is threading.main_thread()
    return {"sum": payload.a + payload.b, "pid": os.getpid()}


@handler("process.async_sum", run_in="process")
async def process_async_sum(payload: Sum, ctx: JobContext) -> int:
    await asyncio.sleep(0)
    return payload.a + payload.b


@handler("process.progress", run_in="process")
def process_progress(payload: dict[str, Any], ctx: JobContext) -> None:
    for step in range(2000):
        ctx.progress(step / 2000)
    ctx.log("in a child", step=1, odd=object, event="mine")
    ctx.progress(0.5, "half")


@handler("process.echo", run_in="process")
def process_echo(payload: dict[str, Any]) -> dict[str, Any]:
    return payload


@handler("process.context", run_in="process", max_retries=7, timeout_s=60)
def process_context(payload: dict[str, Any], ctx: JobContext) -> dict[str, Any]:
    return {
        "job_id": str(ctx.job_id),
        "run_id": str(ctx.run_id),
        "attempt": ctx.attempt,
        "max_retries": ctx.max_retries,
        "key": ctx.key,
        "tags": list(ctx.tags),
        "deadline": ctx.deadline is not None,
        "cancelled": ctx.cancelled,
    }


@handler("process.wait_for_cancel", run_in="process")
def process_wait_for_cancel(payload: dict[str, Any], ctx: JobContext) -> dict[str, int]:
    ctx.progress(0.1, str(os.getpid()))
    until(lambda: ctx.cancelled)
    return {"pid": os.getpid()}


@handler("process.async_wait", run_in="process")
async def process_async_wait(payload: dict[str, Any], ctx: JobContext) -> None:
    ctx.progress(0.1, str(os.getpid()))
    await asyncio.sleep(60)


@handler("process.spin", run_in="process")
def process_spin(payload: dict[str, Any], ctx: JobContext) -> None:
    """Computes without end, with a program of its own beside it."""
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    ctx.progress(0.1, f"{os.getpid()} {other.pid}")
    while True:
        math.factorial(2000)


@handler("process.wait_for_file", run_in="process")
def process_wait_for_file(payload: dict[str, Any], ctx: JobContext) -> str:
    ctx.progress(0.1, str(os.getpid()))
    until(Path(payload["file"]).exists)
    return "done"


@handler("process.die", run_in="process")
def process_die(payload: dict[str, Any], ctx: JobContext) -> None:
    match payload["how"]:
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(3)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "leave":
            other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
            ctx.progress(0.1, str(other.pid))
            until(Path(payload["file"]).exists)
            os._exit(5)
        case "fork":
            if os.fork() == 0:
                os.setsid()  # out of reach, and it holds the socket to the worker open
                time.sleep(3)
                os._exit(0)
            os._exit(4)


@handler("process.signals", run_in="process")
def process_signals(payload: dict[str, Any]) -> str:
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    other = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    other.terminate()
    return f"alive, and a program of mine ends by {-other.wait(10)}"


@handler("process.raise", run_in="process", non_retryable=(LookupError,))
def process_raise(payload: dict[str, Any]) -> None:
    raise RAISED[payload["what"]]()


@handler("process.result", run_in="process")
def process_result(payload: dict[str, Any]) -> Any:
    return RESULTS[payload["what"]]


RAISED: dict[str, Any] = {
    "SystemExit": lambda: SystemExit(3),
    "KeyboardInterrupt": KeyboardInterrupt,
    "CancelledError": asyncio.CancelledError,
    "GeneratorExit": GeneratorExit,
    "ValueError": lambda: ValueError("a\0b"),
    "LookupError": LookupError,
    "Snooze": lambda: Snooze(5),
}
RESULTS: dict[str, Any] = {
    "nan": math.nan,
    "nul": "a\0b",
    "large": "x" * 300_000,
    "object": object(),
    "deep": json.loads("[" * 70 + "]" * 70),
    "fine": {"a": [1, 2.5, None, "ä"]},
}
