"""What an operator can do to a job, besides cancelling it."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from pydantic import Field

from jobstream.clock import Clock
from jobstream.contracts.jobs import MAX_PRIORITY, MAX_RUN_AHEAD, Moment
from jobstream.contracts.status import JobStatus
from jobstream.contracts.topics import Topics
from jobstream.errors import InvalidInput
from jobstream_api.domain.errors import JobNotFound, NotHeld, NotReopenable, RunNotOver
from jobstream_api.domain.transitions import Cause, next_status
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import held, jobs_read, operations, outbox, unique
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services.catalogue import Catalogue
from jobstream_api.services.flow import Flow
from jobstream_api.services.strict import Strict
from jobstream_api.services.trouble import store_errors


class NewTime(Strict):
    """When a held job is to run instead, and how it stands among others."""

    run_at: Moment | None = Field(
        None, description="Not before this time (RFC 3339), at most a year ahead; null is now. Not with `delay_s`."
    )
    delay_s: float = Field(0.0, ge=0, le=366 * 86400, description="Not before so many seconds from now.")
    priority: int = Field(0, ge=0, le=MAX_PRIORITY, description="Larger goes first where jobs wait for their turn.")


class Operations:
    """Operator actions. Each is one transaction."""

    def __init__(
        self,
        database: Database,
        catalogue: Catalogue,
        topics: Topics,
        flow: Flow,
        *,
        hand_over: Callable[[Sequence[OutboxRow]], None],
        ids: Callable[[], UUID],
        clock: Clock,
        max_retries: int,
        wake_dispatcher: Callable[[], None],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._topics = topics
        self._hand_over = hand_over
        self._ids = ids
        self._clock = clock
        self._max_retries = max_retries
        self._flow = flow
        self._wake_dispatcher = wake_dispatcher

    async def retry(self, job_id: UUID) -> Mapping[str, Any]:
        """Run a FAILED or CANCELLED job again: its next attempt, with all its retries before it anew.

        Attempts are counted on, so ``max_retries`` is raised: a job with 3 that failed at its 4th
        attempt gets attempts 5 to 8, and reads ``max_retries`` 7.

        Raises:
            JobNotFound, NotReopenable, StoreUnavailable.
            RunNotOver: it was cancelled, and keeps the permit of a run that may not be over.
        """
        async with store_errors("retry"):
            async with self._database.transaction() as connection:
                row = await operations.lock(connection, job_id)
                if row is None:
                    raise JobNotFound(job_id)
                status = JobStatus(row["status"])
                if next_status(status, Cause.REOPEN) is None:
                    raise NotReopenable(job_id, status)
                if row["lane"] is not None:
                    raise RunNotOver(job_id)
                allowance = await operations.granted_before(connection, job_id)
                if allowance is None:
                    allowance = row["max_retries"]
                if allowance is None:
                    allowance = self._catalogue.max_retries(row["type"], self._max_retries)
                lane = self._flow.lane(row["type"], row["queue"], row["key"], row["payload"])
                await unique.reopen(connection, job_id)
                changed = await operations.reopen(connection, row, allowance=allowance, lane=lane)
                records = []
                if lane is None:
                    job = held.job_of(changed)
                    records = [outbox.job_row(self._ids(), job, self._topics, changed["dispatched_at"])]
                    await outbox.insert(connection, records)
            self._hand_over(records)
            if lane is not None:
                self._wake_dispatcher()
        return dict(changed)

    async def reschedule(self, job_id: UUID, document: Any) -> Mapping[str, Any]:
        """Move a job that waits for its time, or for its next attempt, to another time or priority.

        Raises:
            InvalidInput, JobNotFound, StoreUnavailable.
            NotHeld: it has gone to Kafka, or is over.
        """
        asked = self._new_time(document)
        async with store_errors("reschedule"), self._database.transaction() as connection:
            row = await held.reschedule(connection, job_id, **asked)
            if row is None:
                row = await jobs_read.one(connection, job_id)
                if row is None:
                    raise JobNotFound(job_id)
                raise NotHeld(job_id, JobStatus(row["status"]))
        self._wake_dispatcher()
        return dict(row)

    def _new_time(self, document: Any) -> dict[str, Any]:
        wanted = NewTime.read(document)
        given = wanted.model_fields_set
        if not given:
            raise InvalidInput("missing_field", "", "give run_at or delay_s, or priority, or both")
        if {"run_at", "delay_s"} <= given:
            raise InvalidInput("invalid_field", "/delay_s", "give run_at or delay_s, not both")
        if wanted.run_at is not None and wanted.run_at > self._clock.now() + MAX_RUN_AHEAD:
            raise InvalidInput("invalid_field", "/run_at", "is more than a year ahead")
        now = "run_at" in given and wanted.run_at is None
        return {
            "run_at": wanted.run_at,
            "delay_s": wanted.delay_s if "delay_s" in given or now else None,
            "priority": wanted.priority if "priority" in given else None,
        }
