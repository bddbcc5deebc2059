"""When a series has ended, asked so that the asking does not slow it."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from jobstream.cli.bench.series import Series
from jobstream.errors import JobstreamError

Ask = Callable[[str], Awaitable[dict[str, Any]]]
"""GETs a path and returns the document."""

POLL_S = 0.05
PAGE = 200
OPEN = ("PENDING", "RUNNING", "RETRYING")
RESULT = {"output": "success"}
MARGIN = timedelta(seconds=1)


class TooLate(JobstreamError):
    """The jobs of a series had not all ended in time."""


async def wait_until_ended(ask: Ask, series: Series, since: datetime, *, began: float, until: float) -> None:
    """Wait until no job of the series is open, then read them all once, and note what they became.

    Args:
        since: when the first of them was created, by the api's clock.
        began, until: when the series began and when to give up, on this machine's monotonic clock.

    Raises:
        TooLate: not by then.
    """
    window = {"type": "example", "created_after": (since - MARGIN).astimezone(UTC).isoformat()}
    while True:
        looked = time.monotonic()
        if not await _any_open(ask, window):
            jobs = await _read_all(ask, series.ids, window)
            if len(jobs) == len(series.ids) and not any(job["status"] in OPEN for job in jobs.values()):
                series.done_s = looked - began
                series.ended.update(job["status"] for job in jobs.values())
                series.wrong = sum(job["status"] == "COMPLETED" and job["result"] != RESULT for job in jobs.values())
                return
        if time.monotonic() > until:
            raise TooLate(f"{series.door}: not all of {len(series.ids):,} jobs ended in time")
        await asyncio.sleep(max(POLL_S, 4 * (time.monotonic() - looked)))


async def _any_open(ask: Ask, window: dict[str, str]) -> bool:
    for status in OPEN:
        page = await ask(f"/jobs?{urlencode({**window, 'status': status, 'limit': 1})}")
        if page["items"]:
            return True
    return False


async def _read_all(ask: Ask, ids: set[UUID], window: dict[str, str]) -> dict[UUID, dict[str, Any]]:
    """Those of ``ids`` that are there; others' jobs in the same time are passed over."""
    found: dict[UUID, dict[str, Any]] = {}
    query: dict[str, Any] = {**window, "limit": PAGE}
    while True:
        page = await ask(f"/jobs?{urlencode(query)}")
        for job in page["items"]:
            job_id = UUID(job["id"])
            if job_id in ids:
                found[job_id] = job
        if page["next_cursor"] is None or len(found) == len(ids):
            return found
        query["cursor"] = page["next_cursor"]
