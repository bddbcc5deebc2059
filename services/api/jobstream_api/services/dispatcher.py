"""Dispatcher: releases held jobs when they are due, in small transactions.

Retries after their backoff, jobs with run_at, and what workers handed back all wait as rows with
`dispatch_at`. Two dispatchers at once are harmless: each row is locked while it moves.
"""

from collections.abc import Callable, Sequence

from jobstream.contracts.topics import Topics
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database
from jobstream_api.infrastructure.ids import new_id
from jobstream_api.repositories import held, outbox
from jobstream_api.repositories.held import Released
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services.turns import TurningLoop
from jobstream_api.settings import ApiSettings

_BATCH = 500
_LONGEST_SLEEP_S = 1.0  # another replica may hold a job that is due before ours
_SHORTEST_SLEEP_S = 0.01


def outbox_row(released: Released, topics: Topics) -> OutboxRow:
    """The record that hands a job to Kafka."""
    job = released.job
    return OutboxRow(
        id=new_id(),
        job_id=job.id,
        topic=topics.jobs(job.queue),
        key=(job.key or str(job.id)).encode(),
        headers=None,
        value=job.to_json(),
        created_at=released.at,
    )


class Dispatcher(TurningLoop):
    """Hands held jobs to Kafka when their time has come."""

    name = "dispatcher"

    def __init__(
        self, settings: ApiSettings, database: Database, *, hand_over: Callable[[Sequence[OutboxRow]], None]
    ) -> None:
        super().__init__()
        self._topics = Topics(settings.topic_prefix)
        self._database = database
        self._hand_over = hand_over

    async def turn(self) -> float:
        """Release one batch; returns how long nothing else will be due, seconds."""
        async with self._database.connection() as connection:
            due_s = await held.next_due_s(connection)
        if due_s is None or due_s > 0:
            return min(due_s or _LONGEST_SLEEP_S, _LONGEST_SLEEP_S) + _SHORTEST_SLEEP_S
        async with self._database.transaction() as connection:
            released = await held.release(connection, _BATCH)
            rows = [outbox_row(entry, self._topics) for entry in released]
            await outbox.insert(connection, rows)
        self._hand_over(rows)
        emit(Event.JOBS_DISPATCHED, count=len(rows))
        # Due rows that we could not have are locked by whoever releases them.
        return 0.0 if rows else _SHORTEST_SLEEP_S
