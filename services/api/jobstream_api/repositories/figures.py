"""Figures about the whole system."""

from dataclasses import dataclass
from uuid import UUID

from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import statement


@dataclass(frozen=True, slots=True)
class Counts:
    """What there is now. Ages are in seconds, 0 where there is nothing.

    Attributes:
        waiting_age_s: age of the oldest job among the next 20,000 that waits for its first run.
    """

    outbox: int
    outbox_age_s: float
    held: int
    waiting_age_s: float


async def count(connection: Connection, outbox_after: UUID) -> Counts:
    """Count now.

    Args:
        outbox_after: the outbox has no row at or below it.
    """
    row = await connection.fetchrow(statement("figures"), outbox_after)
    assert row is not None  # aggregates always have a row
    return Counts(row["outbox"], row["outbox_age_s"], row["held"], row["waiting_age_s"])
