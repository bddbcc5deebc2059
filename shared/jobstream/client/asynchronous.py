"""The client for asyncio."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Self, Unpack
from uuid import UUID

import httpx2

from jobstream.client import calls
from jobstream.client.calls import Call
from jobstream.client.errors import ApiUnavailable, StillRunning
from jobstream.client.options import CancelFilters, JobFilters, JobOptions
from jobstream.client.snapshot import BatchItem, CancelTally, JobSnapshot, Page


class Client:
    """Talks to a jobstream api. Use it as ``async with Client(url) as client``, or call ``close``.

    Connection errors and 503 are tried again, at most five times; a submit carries an idempotency key,
    so that never makes a second job.

    Args:
        url: the api's address, e.g. ``http://127.0.0.1:8000``.
        timeout_s: how long one answer may take, seconds; waiting for a job comes on top.
        headers: sent with every request, e.g. an Authorization.
    """

    def __init__(self, url: str, *, timeout_s: float = 10.0, headers: Mapping[str, str] | None = None) -> None:
        self._timeout_s = timeout_s
        self._http = httpx2.AsyncClient(base_url=url.rstrip("/"), timeout=timeout_s, headers=dict(headers or {}))
        self._rng = random.Random()  # noqa: S311  (spreads retries)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def submit(
        self, payload: Mapping[str, Any], *, idempotency_key: str | None = None, **options: Unpack[JobOptions]
    ) -> JobSnapshot:
        """Submit a job; returns once it is stored.

        Args:
            payload: what the handler gets; without ``type=...``, its ``task`` names the type.
            idempotency_key: repeats with the same key within a day return the first job.

        Raises:
            ApiError: refused, with the field and the reason.
            ApiUnavailable: not stored, as far as one can tell.
        """
        document = await self._send(calls.submit(calls.job_fields(payload, options), idempotency_key))
        return JobSnapshot.model_validate(document)

    async def submit_batch(
        self, jobs: Sequence[Mapping[str, Any]], *, idempotency_key: str | None = None
    ) -> list[BatchItem]:
        """Submit up to 10,000 jobs in one transaction; a verdict for each, in order.

        Args:
            jobs: bodies as of ``POST /jobs``, e.g. ``{"type": "example", "payload": {...}}``.
        """
        document = await self._send(calls.submit_batch(jobs, idempotency_key))
        return [BatchItem.model_validate(item) for item in document["items"]]

    async def get(self, job_id: UUID | str) -> JobSnapshot:
        """The job now.

        Raises:
            JobNotFound: there is none.
        """
        return JobSnapshot.model_validate(await self._send(calls.get(job_id)))

    async def wait(self, job_id: UUID | str, timeout_s: float = 60.0) -> JobSnapshot:
        """The job once it ended, well or badly.

        Raises:
            StillRunning: it had not ended after ``timeout_s`` seconds.
        """
        until = time.monotonic() + timeout_s
        while True:
            left = until - time.monotonic()
            document = await self._send(calls.get(job_id, min(max(left, 0.0), calls.LONGEST_POLL_S)))
            job = JobSnapshot.model_validate(document)
            if job.done:
                return job
            if time.monotonic() >= until:
                raise StillRunning(
                    f"job {job.id} is {job.status} after {timeout_s:g} s; wait longer or ask again later"
                )

    async def list(self, **filters: Unpack[JobFilters]) -> Page:
        """One page of jobs, newest first."""
        return Page.model_validate(await self._send(calls.list_jobs(filters)))

    async def iterate(self, **filters: Unpack[JobFilters]) -> AsyncIterator[JobSnapshot]:
        """All jobs that match, newest first, page by page."""
        while True:
            page = await self.list(**filters)
            for job in page.items:
                yield job
            if page.next_cursor is None:
                return
            filters["cursor"] = page.next_cursor

    async def cancel(self, job_id: UUID | str, *, reason: str | None = None) -> JobSnapshot:
        """Cancel a job, whether it waits or runs. It is CANCELLED at once, and stays so.

        Args:
            reason: read in ``last_error``, and by the job's worker.

        Raises:
            ApiError: it has ended otherwise (code ``not_cancellable``).
        """
        return JobSnapshot.model_validate(await self._send(calls.cancel(job_id, reason)))

    async def cancel_where(
        self, *, reason: str | None = None, dry_run: bool = False, **filters: Unpack[CancelFilters]
    ) -> CancelTally:
        """Cancel all jobs under way that match; at least one filter must be given.

        Args:
            dry_run: only count them.

        Raises:
            ApiError: there is no filter, or one is wrong.
        """
        call = calls.cancel_where(filters, reason=reason, dry_run=dry_run)
        return CancelTally.model_validate(await self._send(call))

    async def reschedule(
        self,
        job_id: UUID | str,
        *,
        run_at: datetime | str | None = None,
        delay_s: float | None = None,
        priority: int | None = None,
    ) -> JobSnapshot:
        """Move a job that waits for its time.

        Args:
            run_at: not before this time. Give this or ``delay_s``, not both.
            delay_s: not before so many seconds from now; 0 is now.
            priority: 0 to 9; what is None stays as it is.

        Raises:
            ApiError: it has gone to Kafka already, or is over (code ``not_held``).
        """
        call = calls.reschedule(job_id, run_at=run_at, delay_s=delay_s, priority=priority)
        return JobSnapshot.model_validate(await self._send(call))

    async def retry(self, job_id: UUID | str) -> JobSnapshot:
        """Run a FAILED or CANCELLED job again.

        Raises:
            ApiError: it is in no such state (code ``not_retryable``), or was cancelled and its run is not over yet
                (``run_not_over``).
        """
        return JobSnapshot.model_validate(await self._send(calls.retry(job_id)))

    async def send(self, call: Call) -> Any:
        """Send a call, those of `jobstream.client.schedules` say; returns the document of its answer."""
        return await self._send(call)

    async def _send(self, call: Call) -> Any:
        attempt = 0
        while True:
            attempt += 1
            response, trouble = await self._once(call)
            pause = calls.pause_before_retry(call, attempt, response, self._rng)
            if pause is not None:
                await asyncio.sleep(pause)
            elif response is None:
                raise ApiUnavailable(f"no answer from {self._http.base_url} ({trouble}); is the api running?")
            else:
                return calls.read(response)

    async def _once(self, call: Call) -> tuple[httpx2.Response | None, str]:
        try:
            response = await self._http.request(
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
