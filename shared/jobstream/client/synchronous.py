"""The client for programs without asyncio. The same calls, one after another."""

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self, Unpack
from uuid import UUID

import httpx2

from jobstream.client import calls
from jobstream.client.calls import Call
from jobstream.client.errors import ApiUnavailable, StillRunning
from jobstream.client.options import CancelFilters, JobFilters, JobOptions
from jobstream.client.snapshot import BatchItem, CancelTally, JobSnapshot, Page


class SyncClient:
    """`Client` without asyncio: the same methods, which block. One per thread.

    Args: as of `Client`.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0, headers: Mapping[str, str] | None = None) -> None:
        self._timeout_s = timeout_s
        self._http = httpx2.Client(base_url=url.rstrip("/"), timeout=timeout_s, headers=dict(headers or {}))
        self._rng = random.Random()  # noqa: S311  (spreads retries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def submit(
        self, payload: Mapping[str, Any], *, idempotency_key: str | None = None, **options: Unpack[JobOptions]
    ) -> JobSnapshot:
        """Submit a job; returns once it is stored. As `Client.submit`."""
        document = self._send(calls.submit(calls.job_fields(payload, options), idempotency_key))
        return JobSnapshot.model_validate(document)

    def submit_batch(self, jobs: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None) -> list[BatchItem]:
        """Submit up to 10,000 jobs in one transaction; a verdict for each, in order."""
        document = self._send(calls.submit_batch(jobs, idempotency_key))
        return [BatchItem.model_validate(item) for item in document["items"]]

    def get(self, job_id: UUID | str) -> JobSnapshot:
        """The job now. Raises JobNotFound if there is none."""
        return JobSnapshot.model_validate(self._send(calls.get(job_id)))

    def wait(self, job_id: UUID | str, timeout_s: float = 60.0) -> JobSnapshot:
        """The job once it ended, well or badly. Raises StillRunning after ``timeout_s`` seconds."""
        until = time.monotonic() + timeout_s
        while True:
            left = until - time.monotonic()
            job = JobSnapshot.model_validate(self._send(calls.get(job_id, min(max(left, 0.0), calls.LONGEST_POLL_S))))
            if job.done:
                return job
            if time.monotonic() >= until:
                raise StillRunning(
                    f"job {job.id} is {job.status} after {timeout_s:g} s; wait longer or ask again later"
                )

    def list(self, **filters: Unpack[JobFilters]) -> Page:
        """One page of jobs, newest first."""
        return Page.model_validate(self._send(calls.list_jobs(filters)))

    def iterate(self, **filters: Unpack[JobFilters]) -> Iterator[JobSnapshot]:
        """All jobs that match, newest first, page by page."""
        while True:
            page = self.list(**filters)
            yield from page.items
            if page.next_cursor is None:
                return
            filters["cursor"] = page.next_cursor

    def cancel(self, job_id: UUID | str, *, reason: str | None = None) -> JobSnapshot:
        """Cancel a job, whether it waits or runs. As `Client.cancel`."""
        return JobSnapshot.model_validate(self._send(calls.cancel(job_id, reason)))

    def cancel_where(
        self, *, reason: str | None = None, dry_run: bool = False, **filters: Unpack[CancelFilters]
    ) -> CancelTally:
        """Cancel all jobs under way that match; at least one filter must be given. As `Client.cancel_where`."""
        call = calls.cancel_where(filters, reason=reason, dry_run=dry_run)
        return CancelTally.model_validate(self._send(call))

    def reschedule(
        self,
        job_id: UUID | str,
        *,
        run_at: datetime | str | None = None,
        delay_s: float | None = None,
        priority: int | None = None,
    ) -> JobSnapshot:
        """Move a job that waits for its time. As `Client.reschedule`."""
        call = calls.reschedule(job_id, run_at=run_at, delay_s=delay_s, priority=priority)
        return JobSnapshot.model_validate(self._send(call))

    def retry(self, job_id: UUID | str) -> JobSnapshot:
        """Run a FAILED or CANCELLED job again."""
        return JobSnapshot.model_validate(self._send(calls.retry(job_id)))

    def send(self, call: Call) -> Any:
        """Send a call, those of `jobstream.client.schedules` say; returns the document of its answer."""
        return self._send(call)

    def _send(self, call: Call) -> Any:
        attempt = 0
        while True:
            attempt += 1
            response, trouble = self._once(call)
            pause = calls.pause_before_retry(call, attempt, response, self._rng)
            if pause is not None:
                time.sleep(pause)
            elif response is None:
                raise ApiUnavailable(f"no answer from {self._http.base_url} ({trouble}); is the api running?")
            else:
                return calls.read(response)

    def _once(self, call: Call) -> tuple[httpx2.Response | None, str]:
        try:
            response = self._http.request(
                call.method,
                call.path,
                params=call.params,
                content=call.body,
                headers=call.headers,
                timeout=self._timeout_s + call.patience_s,
            )
        except httpx2.TransportError as error:
            return None, f"{type(error).__name__}: {error}"
        return response, ""
