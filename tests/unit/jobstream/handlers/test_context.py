"""JobContext: what a handler reads of its run and tells of itself."""

import math
from typing import Any

import pytest

from jobstream import JobContext, handler
from jobstream.ids import new_id
from jobstream.telemetry import Event, subscribe
from jobstream.testing import run_handler


async def test_a_handler_reads_its_run() -> None:
    seen: dict[str, Any] = {}

    @handler("reads", max_retries=7, timeout_s=60)
    async def reads(payload: dict[str, Any], ctx: JobContext) -> None:
        for name in ("job_id", "type", "attempt", "max_retries", "run_id", "key", "tags", "cancelled", "deadline"):
            seen[name] = getattr(ctx, name)
        seen["keys"] = (ctx.idempotency_key, ctx.attempt_key)

    job_id = new_id()
    ran = await run_handler(reads, {}, attempt=2, job_id=job_id, key="customer-7", tags=["a", "b"])
    assert ran.result is None
    assert seen.pop("deadline") is not None
    assert seen == {
        "job_id": job_id,
        "type": "reads",
        "attempt": 2,
        "max_retries": 7,
        "run_id": ran.run_id,
        "key": "customer-7",
        "tags": ("a", "b"),
        "cancelled": False,
        "keys": (str(job_id), f"{job_id}:2"),
    }


async def test_progress_is_clamped_and_cleaned() -> None:
    @handler("tells")
    async def tells(payload: dict[str, Any], ctx: JobContext) -> None:
        ctx.progress(0.4, "text")
        ctx.progress(-1)
        ctx.progress(7, "a\0" + "x" * 1000)
        ctx.progress(True)
        with pytest.raises(ValueError, match="not NaN"):
            ctx.progress(math.nan)

    ran = await run_handler(tells)
    assert ran.result is None
    assert ran.progress == [(0.4, "text"), (0.0, None), (1.0, "a�" + "x" * 497 + "…"), (1.0, None)]


async def test_a_log_line_carries_the_job_and_no_field_can_hide_it() -> None:
    @handler("logs")
    async def logs(payload: dict[str, Any], ctx: JobContext) -> None:
        ctx.log("hello", user=7, job_id="mine", event="boom", exc_info=1)

    events: list[tuple[Event, dict[str, Any]]] = []
    unsubscribe = subscribe(lambda event, fields: events.append((event, fields)))
    try:
        ran = await run_handler(logs, attempt=3)
    finally:
        unsubscribe()
    assert ran.result is None
    assert ran.logs == [("hello", {"user": 7, "job_id": "mine", "event": "boom", "exc_info": 1})]
    assert events == [
        (
            Event.JOB_LOG,
            {
                "message": "hello",
                "job_id": str(ran.job.id),
                "type": "logs",
                "attempt": 3,
                "run_id": str(ran.run_id),
                "user": 7,
                "field_job_id": "mine",
                "field_event": "boom",
                "field_exc_info": 1,
            },
        )
    ]
