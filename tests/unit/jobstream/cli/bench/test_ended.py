"""A series is over when every one of its jobs is, and only then."""

import time
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest

from jobstream.cli.bench.ended import PAGE, TooLate, wait_until_ended
from jobstream.cli.bench.series import Series
from jobstream.ids import new_id

SINCE = datetime(2026, 3, 1, tzinfo=UTC)


class Jobs:
    """What GET /jobs answers, from a list; each look at open jobs ends ``pace`` of them."""

    def __init__(self, ids: list[UUID], pace: int) -> None:
        self.jobs = [{"id": str(job_id), "status": "PENDING", "result": None} for job_id in ids]
        self.pace = pace
        self.shown = len(ids)

    async def ask(self, path: str) -> dict[str, Any]:
        query = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        assert query["type"] == "example"
        assert datetime.fromisoformat(query["created_after"]) < SINCE
        shown = self.jobs[: self.shown]
        if "status" in query:
            items = [job for job in shown if job["status"] == query["status"]][:1]
            if query["status"] == "PENDING":
                self._end_some()
            return {"items": items, "next_cursor": None}
        start, limit = int(query.get("cursor", 0)), int(query["limit"])
        after = start + limit if start + limit < len(shown) else None
        return {"items": shown[start : start + limit], "next_cursor": after}

    def _end_some(self) -> None:
        pending = [job for job in self.jobs if job["status"] == "PENDING"]
        for job in pending[: self.pace]:
            job.update(status="COMPLETED", result={"output": "success"})


async def ended(jobs: Jobs, ids: set[UUID], seconds: float = 20.0) -> Series:
    series, now = Series("records", len(ids), ids=ids), time.monotonic()
    await wait_until_ended(jobs.ask, series, SINCE, began=now, until=now + seconds)
    return series


async def test_waits_for_all_over_several_pages_and_passes_over_others():
    ids = [new_id() for _ in range(PAGE * 2 + 10)]
    series = await ended(Jobs(ids, pace=PAGE), set(ids[5:]))
    assert series.right
    assert series.ended == {"COMPLETED": len(ids) - 5}
    assert series.done_s > 0


async def test_a_job_without_a_row_yet_has_not_ended():
    ids = [new_id() for _ in range(3)]
    jobs = Jobs(ids, pace=3)
    jobs.shown = 2
    with pytest.raises(TooLate, match="not all of 3"):
        await ended(jobs, set(ids), seconds=0.2)


async def test_another_result_is_counted():
    ids = [new_id() for _ in range(2)]
    jobs = Jobs(ids, pace=0)
    jobs.jobs[0].update(status="COMPLETED", result={"output": "success"})
    jobs.jobs[1].update(status="COMPLETED", result={"output": "else"})
    assert (await ended(jobs, set(ids))).wrong == 1
