"""Cancelling: the one place that ends jobs before they end by themselves."""

from collections.abc import Sequence
from uuid import UUID

from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories import cancels


async def cancel(connection: Connection, ids: Sequence[UUID], *, why: str) -> set[UUID]:
    """Cancel jobs in the caller's transaction.

    A job that no worker has started is CANCELLED at once. One that runs is left to its end.

    Args:
        why: for the job's events.

    Returns:
        Those that are still under way.
    """
    if not ids:
        return set()
    return set(ids) - await cancels.unstarted(connection, ids, why)
