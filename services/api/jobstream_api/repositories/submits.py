"""New jobs from HTTP, many in one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jobstream.contracts.jobs import JobFields
from jobstream_api.infrastructure.database import Connection
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


async def insert(connection: Connection, drafts: Sequence[Draft]) -> dict[UUID, Stored]:
    """Insert every draft in the caller's transaction, or none."""
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
    )
    return {row["id"]: Stored(row["created_at"], row["run_at"], row["held"]) for row in rows}
