"""Dispatcher: releases held jobs when they are due and may pass their gates, in small transactions.

Retries after their backoff, jobs with run_at, and what workers handed back all wait as rows with
`dispatch_at`; where that is infinity, they wait for a permit. Two dispatchers at once are harmless:
each row is locked while it moves, and only one of them gives permits.
"""

import time
from collections.abc import Callable, Collection, Sequence

from jobstream.contracts.topics import Topics
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database
from jobstream_api.infrastructure.ids import new_id
from jobstream_api.repositories import held, outbox
from jobstream_api.repositories.flow import QueueDefaults
from jobstream_api.repositories.held import Outlook, Released
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services.gatekeeper import Gatekeeper
from jobstream_api.services.turns import TurningLoop
from jobstream_api.settings import ApiSettings

_BATCH = 500
_LONGEST_SLEEP_S = 1.0  # another replica may hold a job that is due before ours
_SHORTEST_SLEEP_S = 0.01
_LONG_TURN_S = 0.1


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
        self,
        settings: ApiSettings,
        database: Database,
        *,
        defaults: QueueDefaults,
        hand_over: Callable[[Sequence[OutboxRow]], None],
    ) -> None:
        super().__init__()
        self._topics = Topics(settings.topic_prefix)
        self._database = database
        self._gates = Gatekeeper(settings, defaults)
        self._hand_over = hand_over

    def look_anew(self) -> None:
        """Jobs may have come to gates where none waited."""
        self._gates.look_at_once()

    def came(self, lanes: Collection[str]) -> None:
        """Jobs have come to the gates of ``lanes``."""
        self._gates.came(lanes)

    async def turn(self) -> float:
        """Release what is due and what may pass; returns how long nothing else will, seconds."""
        async with self._database.connection() as connection:
            outlook = await held.outlook(connection)
            if outlook.relane:
                await self._gates.relane(connection, outlook)
                return 0.0
        due_s = outlook.due_s
        rest = min(_LONGEST_SLEEP_S if due_s is None else due_s, _LONGEST_SLEEP_S) + _SHORTEST_SLEEP_S
        if due_s is not None and due_s <= 0:
            # Due rows that we could not have are locked by whoever releases them.
            rest = 0.0 if await self._release_due() else _SHORTEST_SLEEP_S
        if outlook.at_gates:
            began = time.monotonic()
            rest = min(rest, await self._open_gates(outlook))
            took = time.monotonic() - began
            self._gates.took(took)
            if rest > 0 and took > _LONG_TURN_S:
                await self.pause(took)  # however many lanes there are, half of the time is for others
        return rest

    async def _release_due(self) -> int:
        async with self._database.transaction() as connection:
            released, at_gates = await held.release(connection, _BATCH)
            rows = [outbox_row(entry, self._topics) for entry in released]
            await outbox.insert(connection, rows)
        self._handed_out(rows)
        self._gates.came(at_gates)
        return len(rows) + len(at_gates)

    async def _open_gates(self, outlook: Outlook) -> float:
        async with self._database.transaction() as connection:
            released, rest = await self._gates.open(connection, outlook)
            rows = [outbox_row(entry, self._topics) for entry in released]
            await outbox.insert(connection, rows)
        self._handed_out(rows)
        return rest

    def _handed_out(self, rows: Sequence[OutboxRow]) -> None:
        if rows:
            self._hand_over(rows)
            emit(Event.JOBS_DISPATCHED, count=len(rows))
