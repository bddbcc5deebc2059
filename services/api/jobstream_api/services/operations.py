"""What an operator can do to a job."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import UUID

from jobstream.contracts.status import JobStatus
from jobstream.contracts.topics import Topics
from jobstream_api.domain.errors import JobNotFound, NotReopenable
from jobstream_api.domain.transitions import Cause, next_status
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import held, operations, outbox
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services.catalogue import Catalogue
from jobstream_api.services.flow import Flow
from jobstream_api.services.trouble import store_errors


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
        max_retries: int,
        wake_dispatcher: Callable[[], None],
    ) -> None:
        self._database = database
        self._catalogue = catalogue
        self._topics = topics
        self._hand_over = hand_over
        self._ids = ids
        self._max_retries = max_retries
        self._flow = flow
        self._wake_dispatcher = wake_dispatcher

    async def retry(self, job_id: UUID) -> Mapping[str, Any]:
        """Run a FAILED or CANCELLED job again: its next attempt, with all its retries before it anew.

        Attempts are counted on, so ``max_retries`` is raised: a job with 3 that failed at its 4th
        attempt gets attempts 5 to 8, and reads ``max_retries`` 7.

        Raises:
            JobNotFound, NotReopenable, StoreUnavailable.
        """
        async with store_errors("retry"):
            async with self._database.transaction() as connection:
                row = await operations.lock(connection, job_id)
                if row is None:
                    raise JobNotFound(job_id)
                status = JobStatus(row["status"])
                if next_status(status, Cause.REOPEN) is None:
                    raise NotReopenable(job_id, status)
                allowance = await operations.granted_before(connection, job_id)
                if allowance is None:
                    allowance = row["max_retries"]
                if allowance is None:
                    allowance = self._catalogue.max_retries(row["type"], self._max_retries)
                lane = self._flow.lane(row["type"], row["queue"], row["key"], row["payload"])
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
