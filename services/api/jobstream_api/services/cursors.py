"""Cursors: where a list goes on. Opaque to clients."""

import base64
import binascii
from datetime import UTC, datetime
from uuid import UUID

import orjson

from jobstream.errors import InvalidInput

Position = tuple[datetime, UUID]


def encode(created_at: datetime, row_id: UUID) -> str:
    """A cursor for what comes after this row."""
    raw = orjson.dumps([created_at.isoformat(), str(row_id)])
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(cursor: str) -> Position:
    """The place a cursor points at.

    Raises:
        InvalidInput: ``invalid_cursor``.
    """
    try:
        raw = base64.urlsafe_b64decode(cursor.encode() + b"=" * (-len(cursor) % 4))
        at, row_id = orjson.loads(raw)
        moment = datetime.fromisoformat(at)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        return moment.astimezone(UTC), UUID(row_id)
    except (ValueError, TypeError, AttributeError, OverflowError, binascii.Error):
        raise InvalidInput(
            "invalid_cursor", "/query/cursor", "this is no cursor of ours; send next_cursor as you got it, or none"
        ) from None
