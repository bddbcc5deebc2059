"""New jobs from HTTP, many in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

import orjson

from jobstream.contracts.jobs import JobFields
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.repositories.statements import as_json, statement


@dataclass(frozen=True, slots=True)
class Draft:
    """A job that passed every check and has an id, but is not stored yet.

    Attributes:
        type: resolved, from ``type`` or ``payload.task``.
        payload_json: the payload as compact JSON.
    """

    id: UUID
    type: str
    queue: str
    fields: JobFields
    payload_json: bytes


@dataclass(frozen=True, slots=True)
class Stored:
    """What the database added to a draft.

    Attributes:
        run_at: when it may start at the earliest, if that was asked for.
        held: the dispatcher will release it; otherwise its record is due now.
    """

    created_at: datetime
    run_at: datetime | None
    held: bool


@dataclass(frozen=True, slots=True)
class Record:
    """The record that will hand a draft to the workers, as far as it is known before the insert.

    Attributes:
        rest: its JSON without ``{"created_at":...,`` at the beginning.
    """

    outbox_id: UUID
    job_id: UUID
    topic: str
    key: bytes
    rest: bytes

    @classmethod
    def of(cls, outbox_id: UUID, draft: Draft, topic: str) -> "Record":
        """The record of a draft's first attempt. Its fields are those of contracts.jobs.Job."""
        fields = draft.fields
        document = {
            "id": str(draft.id),
            "type": draft.type,
            "queue": draft.queue,
            "key": fields.key,
            "payload": orjson.Fragment(draft.payload_json),
            "attempt": 1,
            "dispatch": 1,
            "max_retries": fields.max_retries,
            "timeout_s": fields.timeout_s,
            "run_at": fields.run_at,
            "tags": fields.tags,
            "direct": False,
        }
        raw = orjson.dumps({name: value for name, value in document.items() if value is not None})
        return cls(outbox_id, draft.id, topic, (fields.key or str(draft.id)).encode(), raw[1:])

    def outbox_row(self, created_at: datetime) -> OutboxRow:
        """The row that the insert wrote."""
        value = b'{"created_at":' + orjson.dumps(created_at) + b"," + self.rest
        return OutboxRow(self.outbox_id, self.job_id, self.topic, self.key, None, value, created_at)


async def insert(connection: Connection, drafts: Sequence[Draft], records: Sequence[Record]) -> dict[UUID, Stored]:
    """Insert every draft, and the outbox row of each that is due now; or nothing at all.

    Args:
        records: one per draft, in the same order.
    """
    rows = await connection.fetch(
        statement("submits_insert"),
        [draft.id for draft in drafts],
        [draft.type for draft in drafts],
        [draft.queue for draft in drafts],
        [draft.fields.key for draft in drafts],
        [draft.payload_json.decode() for draft in drafts],
        [as_json(draft.fields.tags) if draft.fields.tags else None for draft in drafts],
        [draft.fields.max_retries for draft in drafts],
        [draft.fields.timeout_s for draft in drafts],
        [draft.fields.run_at for draft in drafts],
        [draft.fields.delay_s for draft in drafts],
        [record.outbox_id for record in records],
        [record.topic for record in records],
        [record.key for record in records],
        [record.rest for record in records],
    )
    return {row["id"]: Stored(row["created_at"], row["run_at"], row["held"]) for row in rows}
