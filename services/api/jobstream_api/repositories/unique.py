"""Claims of jobs that ask to be unique."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from jobstream.contracts.status import JobStatus
from jobstream_api.domain.uniqueness import Holder
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import column, statement
from jobstream_api.repositories.submits import Draft

_AT_ONCE = 1_000


async def lock(connection: Connection, drafts: Sequence[Draft], patience_s: float) -> dict[bytes, Holder]:
    """Claim for ``drafts``, the first of each hash, and lock every claim until the transaction ends.

    Args:
        drafts: all ask to be unique.
        patience_s: how long another transaction that has a claim is waited for.

    Returns:
        Who had the claims that somebody has already, by hash.

    Raises:
        asyncpg.LockNotAvailableError: it took longer than that.
    """
    first: dict[bytes, Draft] = {}
    for draft in drafts:
        assert draft.unique is not None
        first.setdefault(draft.unique.hash, draft)
    hashes = sorted(first)
    taken: list[bytes] = []
    for start in range(0, len(hashes), _AT_ONCE):
        some = hashes[start : start + _AT_ONCE]
        rows = await connection.fetch(
            statement("unique_lock"),
            some,
            [first[one].id for one in some],
            column([_window_s(first[one]) for one in some]),
            f"{patience_s * 1000:.0f}ms",
        )
        taken += [row["hash"] for row in rows if row["job_id"] != first[row["hash"]].id]
    if not taken:
        return {}
    return {row["hash"]: _holder(row) for row in await connection.fetch(statement("unique_holders"), taken)}


async def take(connection: Connection, owners: Mapping[bytes, Draft]) -> None:
    """Give claims that are locked to other jobs."""
    if owners:
        await connection.execute(
            statement("unique_take"),
            list(owners),
            [draft.id for draft in owners.values()],
            column([_window_s(draft) for draft in owners.values()]),
        )


async def release(connection: Connection, ids: Sequence[UUID]) -> None:
    """Forget the claims of jobs that could not be stored."""
    await connection.execute("DELETE FROM unique_claims WHERE job_id = ANY($1::uuid[])", ids)


async def replace(connection: Connection, by_job: Mapping[UUID, Draft]) -> set[UUID]:
    """Give held jobs the payloads of drafts; returns those that took them over.

    Args:
        by_job: what each job is to become, by its id.
    """
    drafts = list(by_job.values())
    rows = await connection.fetch(
        statement("unique_replace"),
        list(by_job),
        [draft.type for draft in drafts],
        [draft.queue for draft in drafts],
        [draft.fields.key for draft in drafts],
        [draft.payload_json.decode() for draft in drafts],
        [draft.fields.priority if "priority" in draft.fields.model_fields_set else None for draft in drafts],
        [draft.fields.run_at for draft in drafts],
        [draft.fields.delay_s for draft in drafts],
        [draft.lane for draft in drafts],
    )
    return {row["id"] for row in rows}


def _window_s(draft: Draft) -> float | None:
    return None if draft.unique is None else draft.unique.rule.window_s


def _holder(row: Any) -> Holder:
    status = None if row["status"] is None else JobStatus(row["status"])
    return Holder(row["job_id"], status, row["age_s"], row["expired"])
