"""Records that could not be read or run: kept whole, with where they came from and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from jobstream.contracts.headers import Headers, cloud_event
from jobstream.ids import new_id
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories import outbox
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.repositories.statements import as_json, statement

DEAD_LETTERED = "record.dead_lettered.v1"
_MAX_HEADER_BYTES = 1024


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One record and why it is here.

    Attributes:
        reason: stable code, e.g. ``invalid_json``.
        field: JSON Pointer of what is wrong, or None.
        record_at: the record's own time, or None where it is no time at all.
    """

    topic: str
    partition: int
    offset: int
    reason: str
    field: str | None
    detail: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    record_at: datetime | None = None
    job_id: UUID | None = None


def _printable(value: bytes | None) -> str:
    text = (value or b"")[:_MAX_HEADER_BYTES].decode("utf-8", "backslashreplace")
    return text.replace("\0", "\\x00")


async def insert(
    connection: Connection, letters: Sequence[DeadLetter], dead_topic: str
) -> list[tuple[DeadLetter, OutboxRow]]:
    """Keep each letter once, and make its record on the dead topic due, in the caller's transaction.

    Returns:
        Those that were new, each with its outbox row, to be handed to the relay after the commit.
    """
    if not letters:
        return []
    ids = [new_id() for _ in letters]
    kept = await connection.fetch(
        statement("dead_letters_insert"),
        ids,
        [letter.topic for letter in letters],
        [letter.partition for letter in letters],
        [letter.offset for letter in letters],
        [letter.reason for letter in letters],
        [letter.field for letter in letters],
        [letter.detail for letter in letters],
        [letter.key for letter in letters],
        [letter.value for letter in letters],
        [
            as_json([[_printable(name.encode()), _printable(value)] for name, value in letter.headers])
            for letter in letters
        ],
        [letter.job_id for letter in letters],
        [letter.record_at for letter in letters],
    )
    by_id = dict(zip(ids, letters, strict=True))
    new = [(by_id[row["id"]], _outbox_row(row["id"], by_id[row["id"]], row["created_at"], dead_topic)) for row in kept]
    await outbox.insert(connection, [row for _, row in new])
    return new


def _outbox_row(letter_id: UUID, letter: DeadLetter, at: datetime, dead_topic: str) -> OutboxRow:
    headers = cloud_event(DEAD_LETTERED, str(letter_id), "/jobstream/api", at, str(letter.job_id or letter_id))
    headers += [
        ("jobstream_reason", letter.reason.encode()),
        ("jobstream_field", _printable((letter.field or "").encode()).encode()),
        ("jobstream_detail", _printable(letter.detail.encode()).encode()),
        ("jobstream_origin_topic", letter.topic.encode()),
        ("jobstream_origin_partition", str(letter.partition).encode()),
        ("jobstream_origin_offset", str(letter.offset).encode()),
    ]
    key = b"" if letter.key is None and letter.value is None else letter.key  # a record needs one of them
    return OutboxRow(letter_id, letter.job_id, dead_topic, key, headers, letter.value, at)
