"""Idempotency keys: who came first, and what it made."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import as_json, statement


@dataclass(frozen=True, slots=True)
class Claim:
    """One use of a key.

    Attributes:
        scope: the operation; a key means something else in each.
        request_hash: of the body, to tell a repeat from a mistake.
        job_ids: what this use makes if it is the first.
        refusals: by place, what is no new job: why it was refused, as ``[code, field, detail, job id]`` (the last one
            for `not_unique` only), or ``{"job": ..., "replaced": ...}`` of one that was there. None: all are new.
    """

    scope: str
    key: str
    request_hash: bytes
    job_ids: tuple[UUID, ...]
    refusals: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """What the first use of a key was, and made."""

    request_hash: bytes
    job_ids: tuple[UUID, ...]
    refusals: dict[str, Any] | None
    expires_at: datetime


async def claim(
    connection: Connection, claims: Sequence[Claim], ttl_s: float, patience_s: float
) -> dict[tuple[str, str], datetime]:
    """Write the claims whose key is new or expired, in the caller's transaction. Keys must be distinct.

    Args:
        patience_s: how long another transaction that is writing a key is waited for.

    Returns:
        The (scope, key) of those that came first, and until when each is remembered.

    Raises:
        asyncpg.LockNotAvailableError: another transaction took longer than that.
    """
    if not claims:
        return {}
    rows = await connection.fetch(
        statement("idempotency_claim"),
        [entry.scope for entry in claims],
        [entry.key for entry in claims],
        [entry.request_hash for entry in claims],
        [as_json([str(job_id) for job_id in entry.job_ids]) for entry in claims],
        [as_json(entry.refusals) for entry in claims],
        ttl_s,
        f"{patience_s * 1000:.0f}ms",
    )
    return {(row["scope"], row["key"]): row["expires_at"] for row in rows}


async def recall(connection: Connection, scope: str, key: str) -> Remembered | None:
    """What the first use of a key was, or None if there was none."""
    row = await connection.fetchrow(
        "SELECT request_hash, job_ids, refusals, expires_at FROM idempotency_keys WHERE scope = $1 AND key = $2",
        scope,
        key,
    )
    if row is None:
        return None
    return Remembered(row["request_hash"], tuple(row["job_ids"]), row["refusals"], row["expires_at"])


async def amend(connection: Connection, entry: Claim) -> None:
    """Put down what a use made, where that is not what it set out to make."""
    await connection.execute(
        "UPDATE idempotency_keys SET job_ids = $3, refusals = $4 WHERE scope = $1 AND key = $2",
        entry.scope,
        entry.key,
        entry.job_ids,
        entry.refusals,
    )


async def release(connection: Connection, entry: Claim) -> None:
    """Forget a claim that made nothing."""
    await connection.execute("DELETE FROM idempotency_keys WHERE scope = $1 AND key = $2", entry.scope, entry.key)
