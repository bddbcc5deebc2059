"""What becomes of outbox rows that Kafka refuses: counted, and after a while parked."""

import hashlib
from collections.abc import Sequence
from uuid import UUID

from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import dead_letters, outbox, unpublished
from jobstream_api.repositories.dead_letters import DeadLetter
from jobstream_api.repositories.outbox import OutboxRow

REASON = "unpublishable"
OUTBOX = "outbox"
"""Stands as the origin topic of a dead letter that never was on a topic."""


async def park(
    database: Database, refused: Sequence[tuple[OutboxRow, str]], *, max_failures: int, dead_topic: str
) -> list[OutboxRow]:
    """Count one failure per row; those with ``max_failures`` become dead letters, and their jobs FAILED.

    Args:
        refused: rows, each with what Kafka said.

    Returns:
        Outbox rows of the new dead letters, to be handed to the relay.
    """
    by_id = {row.id: (row, detail) for row, detail in refused}
    async with database.transaction() as connection:
        failures = await outbox.count_failures(connection, list(by_id))
        given_up = [by_id[row_id] for row_id, count in failures.items() if count >= max_failures]
        if not given_up:
            return []
        await outbox.delete(connection, [row.id for row, _ in given_up])
        await unpublished.fail_jobs(
            connection, [(row.job_id, detail) for row, detail in given_up if row.job_id is not None]
        )
        # A record that the dead topic refuses too would go in circles: the table keeps it.
        letters = [_letter(row, detail) for row, detail in given_up if row.topic != dead_topic]
        rows = [row for _, row in await dead_letters.insert(connection, letters, dead_topic)]
    for row, detail in given_up:
        emit(Event.DEAD_LETTERED, topic=OUTBOX, reason=REASON, outbox_id=str(row.id), detail=detail)
    return rows


def _letter(row: OutboxRow, detail: str) -> DeadLetter:
    return DeadLetter(
        topic=OUTBOX,
        partition=0,
        offset=place_of(row.id),
        reason=REASON,
        field=None,
        detail=f"Kafka refused this record for {row.topic}: {detail}",
        key=row.key,
        value=row.value,
        headers=row.record_headers(),
        record_at=row.created_at,
        job_id=row.job_id,
    )


def place_of(row_id: UUID) -> int:
    """A number for a row that has no offset: 62 bits of a hash of its id, the same every time."""
    return int.from_bytes(hashlib.sha256(row_id.bytes).digest()[:8], "big") >> 2
