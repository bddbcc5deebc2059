"""Where the outbox begins."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from jobstream.ids import id_floor

_MARGIN = timedelta(seconds=60)
"""Rows are committed after their ids were made, and clocks of api processes differ, by less than this."""
_NOWHERE = UUID(int=0)


class OutboxFloor:
    """An id at or below which the outbox has no row, as far as was seen.

    The rows that were there are dead. While a foreign transaction keeps them, every look that begins
    below the floor goes through all of them.
    """

    def __init__(self) -> None:
        self.id = _NOWHERE

    def fall(self) -> None:
        """Begin anew: rows may have been committed later than expected."""
        self.id = _NOWHERE

    def rise(self, oldest: UUID | None, seen_at: datetime) -> None:
        """At ``seen_at`` there was no row before ``oldest``; None: none at all."""
        recent = id_floor(seen_at - _MARGIN)
        self.id = recent if oldest is None else min(recent, UUID(int=oldest.int - 1))


def now() -> datetime:
    """The time that ids are made by."""
    return datetime.now(UTC)
