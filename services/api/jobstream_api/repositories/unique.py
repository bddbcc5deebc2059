"""Claims of jobs that ask to be unique."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from jobstream.contracts.status import TERMINAL, JobStatus
from jobstream_api.domain.uniqueness import Holder
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import column, statement
from jobstream_api.repositories.submits import Draft

_AT_ONCE = 1_000
_OPEN = 1
"""Where unique_holders.sql has those that were not known to be over."""


async def lock(connection: Connection, drafts: Sequence[Draft], patience_s: float) -> dict[bytes, list[Holder]]:
    """Claim for ``drafts``, the first of each hash, and lock every claim until the transaction ends.

    Args:
        drafts: all ask to be unique.
        patience_s: how long another transaction that has a claim is waited for.

    Returns:
        By hash, of the claims that somebody has already: who has it, and then who had it before, so far as they
        may be in the way of one that asks.

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
    return await _holders(connection, taken, drafts)


async def _holders(connection: Connection, taken: list[bytes], drafts: Sequence[Draft]) -> dict[bytes, list[Holder]]:
    over = {status for draft in drafts if draft.unique for status in draft.unique.rule.counted() & TERMINAL}
    rows = await connection.fetch(statement("unique_holders"), taken, sorted(over))
    found: dict[bytes, list[Holder]] = {}
    ended: dict[UUID, str] = {}
    for row in rows:
        holder = _holder(row)
        found.setdefault(row["hash"], []).append(holder)
        if row["place"] == _OPEN and holder.status in TERMINAL:
            ended[holder.job_id] = row["status"]
    if ended:  # so that nobody has to look it up again
        await connection.execute(
            "UPDATE unique_earlier AS e SET ended = a.status "
            "FROM unnest($1::uuid[], $2::text[]) AS a (job_id, status) WHERE e.job_id = a.job_id",
            list(ended),
            list(ended.values()),
        )
    return found


async def take(
    connection: Connection,
    owners: Mapping[bytes, Draft],
    displaced: Mapping[bytes, str | None],
    between: Sequence[Draft],
) -> None:
    """Give claims that are locked to other jobs.

    Args:
        displaced: claims whose jobs, up to now, may still be in somebody's way; with the state if they are over.
        between: drafts that are stored too, and had a claim in between.
    """
    if owners:
        await connection.execute(
            statement("unique_take"),
            list(owners),
            [draft.id for draft in owners.values()],
            column([_window_s(draft) for draft in owners.values()]),
            list(displaced),
            column(list(displaced.values())),
            [draft.unique.hash for draft in between if draft.unique is not None],
            [draft.id for draft in between],
            column([_window_s(draft) for draft in between]),
        )


async def release(connection: Connection, ids: Sequence[UUID]) -> None:
    """Forget the claims of jobs that could not be stored."""
    await connection.execute(statement("unique_release"), ids)


async def reopen(connection: Connection, job_id: UUID) -> None:
    """A job that is over is about to begin anew: who is the same meets it again.

    To be called before its state is changed. Its claim is locked, so nobody who asks is just reading the old state.
    """
    await connection.fetch(
        "SELECT 1 FROM unique_claims WHERE job_id = $1 "
        "OR hash = (SELECT hash FROM unique_earlier WHERE job_id = $1) FOR UPDATE",
        job_id,
    )
    await connection.execute("UPDATE unique_earlier SET ended = NULL WHERE job_id = $1", job_id)


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
