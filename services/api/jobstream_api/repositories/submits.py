"""New jobs from HTTP, many in one statement."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

import orjson

from jobstream.contracts.jobs import JobFields
from jobstream_api.domain.uniqueness import Asked
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.repositories.statements import as_json, column, statement


class Draft(NamedTuple):
    """A job that passed every check and has an id, but is not stored yet.

    Attributes:
        type: resolved, from ``type`` or ``payload.task``.
        payload_json: the payload as compact JSON.
        lane: of its gates, as the column has it; None: there are none to pass.
        unique: what it asks, by itself or by its type; None: any number of such jobs is welcome.
    """

    id: UUID
    type: str
    queue: str
    fields: JobFields
    payload_json: bytes
    lane: str | None = None
    unique: Asked | None = None


class Stored(NamedTuple):
    """What the database added to a draft.

    Attributes:
        run_at: when it may start at the earliest, if that was asked for.
        held: the dispatcher will release it; otherwise its record is due now.
    """

    created_at: datetime
    run_at: datetime | None
    held: bool


class Record(NamedTuple):
    """The record that will hand a draft to the workers, as far as it is known before the insert.

    Attributes:
        rest: its JSON without ``{"created_at":...,`` at the beginning, and without ``start_before``.
        start_within_s: makes ``start_before``, which counts from ``created_at`` too.
    """

    outbox_id: UUID
    job_id: UUID
    topic: str
    key: bytes
    rest: bytes
    start_within_s: float | None = None

    @classmethod
    def of(cls, outbox_id: UUID, draft: Draft, topic: str) -> "Record":
        """The record of a draft's first attempt. Its fields are those of contracts.jobs.Job."""
        fields = draft.fields
        document: dict[str, Any] = {
            "id": str(draft.id),
            "type": draft.type,
            "queue": draft.queue,
            "payload": orjson.Fragment(draft.payload_json),
            "attempt": 1,
            "dispatch": 1,
            "tags": fields.tags,
            "direct": False,
        }
        if fields.priority:
            document["priority"] = fields.priority
        for name in ("key", "max_retries", "timeout_s", "run_at"):
            value = getattr(fields, name)
            if value is not None:
                document[name] = value
        key = (fields.key or document["id"]).encode()
        return cls(outbox_id, draft.id, topic, key, orjson.dumps(document)[1:], fields.start_within_s)

    def outbox_row(self, created_at: datetime, beginning: bytes) -> OutboxRow:
        """The row that the insert wrote.

        Args:
            beginning: what ``beginning(created_at)`` gives, the same for all rows of one insert.
        """
        if self.start_within_s is not None:
            beginning += b'"start_before":%b,' % orjson.dumps(created_at + timedelta(seconds=self.start_within_s))
        return OutboxRow(self.outbox_id, self.job_id, self.topic, self.key, None, beginning + self.rest, created_at)


def beginning(created_at: datetime) -> bytes:
    """How the JSON of a record begins; ``Record.rest`` follows."""
    return b'{"created_at":' + orjson.dumps(created_at) + b","


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
        column([draft.fields.key for draft in drafts]),
        [draft.payload_json.decode() for draft in drafts],
        column([as_json(draft.fields.tags) if draft.fields.tags else None for draft in drafts]),
        column([draft.fields.max_retries for draft in drafts]),
        column([draft.fields.timeout_s for draft in drafts]),
        column([draft.fields.run_at for draft in drafts]),
        column([draft.fields.delay_s for draft in drafts]),
        column([draft.fields.priority or None for draft in drafts]),
        column([draft.lane for draft in drafts]),
        [record.outbox_id for record in records],
        [record.topic for record in records],
        [record.key for record in records],
        [record.rest for record in records],
        column([draft.fields.start_within_s for draft in drafts]),
    )
    usual = Stored(rows[0]["created_at"], None, False)
    stored = dict.fromkeys((draft.id for draft in drafts), usual)
    for row in rows:
        if row["id"] is not None:
            stored[row["id"]] = Stored(row["created_at"], row["run_at"], row["held"])
    return stored
