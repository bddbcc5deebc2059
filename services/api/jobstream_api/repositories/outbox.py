"""The outbox: records that must reach Kafka, written in the transaction that makes them due."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

import orjson

from jobstream.contracts.headers import JOB_CREATED, ORIGIN_HEADER, CloudEvents, Headers
from jobstream.contracts.jobs import Job
from jobstream.contracts.topics import Topics
from jobstream.kafka.batches import Outgoing
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import as_json, statement

_CREATED = CloudEvents(JOB_CREATED, "/jobstream/api")


class OutboxRow(NamedTuple):
    """One record on its way to Kafka.

    Attributes:
        headers: None for a job record, whose headers follow from id, job and time.
    """

    id: UUID
    job_id: UUID | None
    topic: str
    key: bytes | None
    headers: Headers | None
    value: bytes | None
    created_at: datetime

    def record_headers(self) -> Headers:
        """The headers to publish; a redelivery of this row carries the same."""
        if self.headers is not None:
            return self.headers
        at = self.created_at.isoformat()
        event = _CREATED.headers(str(self.id).encode(), at.encode(), str(self.job_id).encode())
        event.append((ORIGIN_HEADER, b"api"))
        return event

    def outgoing(self) -> Outgoing:
        """The record to publish. A job's own id orders nothing, so its partition is not Kafka's to choose."""
        spread = self.job_id is not None and self.key == str(self.job_id).encode()
        return Outgoing(self.key, self.value, self.record_headers(), spread)


def job_row(row_id: UUID, job: Job, topics: Topics, at: datetime) -> OutboxRow:
    """The row whose record hands ``job`` to the workers of its queue.

    Args:
        at: the database's time.
    """
    key = (job.key or str(job.id)).encode()
    return OutboxRow(row_id, job.id, topics.jobs(job.queue), key, None, job.to_json(), at)


def _as_text(headers: Headers | None) -> list[list[str]] | None:
    return None if headers is None else [[name, value.decode()] for name, value in headers]


async def insert(connection: Connection, rows: Sequence[OutboxRow]) -> None:
    """Write ``rows`` in the caller's transaction."""
    if rows:
        await connection.execute(
            statement("outbox_insert"),
            [row.id for row in rows],
            [row.job_id for row in rows],
            [row.topic for row in rows],
            [row.key for row in rows],
            [as_json(_as_text(row.headers)) for row in rows],
            [row.value for row in rows],
            [row.created_at for row in rows],
        )


async def delete(connection: Connection, ids: Sequence[UUID]) -> None:
    """Forget rows that Kafka has acknowledged."""
    await connection.execute("DELETE FROM outbox WHERE id = ANY($1::uuid[])", ids)


async def oldest(connection: Connection, after: UUID) -> UUID | None:
    """The first row behind ``after``."""
    found: UUID | None = await connection.fetchval("SELECT id FROM outbox WHERE id > $1 ORDER BY id LIMIT 1", after)
    return found


async def stale(connection: Connection, age_s: float, limit: int, *, after: UUID) -> list[OutboxRow]:
    """Rows older than ``age_s``, oldest first: whoever wrote them did not get them out.

    A row that Kafka refused n times is due after ``age_s`` * 2**n.

    Args:
        after: begin, or go on within a pass, behind this id.
    """
    records = await connection.fetch(statement("outbox_stale"), age_s, limit, after)
    return [
        OutboxRow(
            id=record["id"],
            job_id=record["job_id"],
            topic=record["topic"],
            key=record["key"],
            headers=None
            if record["headers"] is None
            else [(name, value.encode()) for name, value in record["headers"]],
            value=record["value"],
            created_at=record["created_at"],
        )
        for record in records
    ]


async def behind(connection: Connection, rows: Sequence[OutboxRow]) -> set[UUID]:
    """Ids of job records, among ``rows``, whose job has gone on since: it runs, is over, or was handed out anew."""
    jobs = {row.job_id for row in rows if row.headers is None}
    found = await connection.fetch("SELECT id, status, attempt, dispatch FROM jobs WHERE id = ANY($1::uuid[])", jobs)
    waiting = {record["id"]: (record["status"] == "PENDING", record["attempt"], record["dispatch"]) for record in found}
    return {row.id for row in rows if row.job_id in waiting and waiting[row.job_id] != (True, *_handed_out(row))}


def _handed_out(row: OutboxRow) -> tuple[int, int]:
    job = orjson.loads(row.value or b"{}")
    return job["attempt"], job["dispatch"]


async def count_failures(connection: Connection, ids: Sequence[UUID]) -> dict[UUID, int]:
    """Note that Kafka refused these rows; returns how often it has by now, for those still there."""
    records = await connection.fetch(
        "UPDATE outbox SET failures = failures + 1 WHERE id = ANY($1::uuid[]) RETURNING id, failures", sorted(ids)
    )
    return {record["id"]: record["failures"] for record in records}
