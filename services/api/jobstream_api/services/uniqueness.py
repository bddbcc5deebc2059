"""Jobs that ask to be unique: claimed, judged and answered inside the transaction that stores them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from jobstream.contracts.status import JobStatus
from jobstream.contracts.unique import OnConflict
from jobstream_api.domain.uniqueness import Met, judge
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories import jobs_read, unique
from jobstream_api.repositories.submits import Draft

Row = Mapping[str, Any]
"""A job's columns by name."""


@dataclass(frozen=True, slots=True)
class Rival:
    """The job that a submit met instead of being stored.

    Attributes:
        row: its columns, if the submit asked for it; None: the submit is refused.
        replaced: it took the payload over.
        why: why it did not, if that was asked for.
    """

    job_id: UUID
    status: JobStatus
    row: Row | None = None
    replaced: bool = False
    why: str | None = None


@dataclass(slots=True)
class Round:
    """Drafts that may be stored, and what became of the others, by id."""

    won: list[Draft]
    met: dict[UUID, Met] = field(default_factory=dict)


async def judged(connection: Connection, drafts: Sequence[Draft], patience_s: float) -> Round:
    """Lock the claims of those ``drafts`` that ask to be unique, and sort out which of all are to be stored.

    Raises:
        asyncpg.LockNotAvailableError: somebody else had a claim for longer than ``patience_s`` seconds.
    """
    asking = {draft.id: draft for draft in drafts if draft.unique is not None}
    if not asking:
        return Round(list(drafts))
    holders = await unique.lock(connection, list(asking.values()), patience_s)
    verdicts = judge(((draft.id, draft.unique) for draft in asking.values() if draft.unique is not None), holders)
    firsts: dict[bytes, UUID] = {}
    for draft in asking.values():
        if draft.unique is not None and draft.unique.hash not in holders:
            firsts.setdefault(draft.unique.hash, draft.id)  # written just now
    moved = {one: asking[owner] for one, owner in verdicts.owners.items() if firsts.get(one) != owner}
    await unique.take(connection, moved)
    return Round([draft for draft in drafts if draft.id not in verdicts.met], verdicts.met)


async def rivals(connection: Connection, met: Mapping[UUID, Met], drafts: Sequence[Draft]) -> dict[UUID, Rival]:
    """What those who met another job are told, by their id; payloads are replaced here.

    Args:
        drafts: those who met one, in order; of several that replace one payload the last one wins.
    """
    replacing = {met[draft.id].job_id: draft for draft in drafts if met[draft.id].on_conflict is OnConflict.REPLACE}
    replaced = await unique.replace(connection, replacing) if replacing else set()
    wanted = {entry.job_id for entry in met.values() if entry.on_conflict is OnConflict.EXISTING} | replaced
    rows = await jobs_read.many(connection, list(wanted)) if wanted else {}
    return {job_id: _rival(entry, rows.get(entry.job_id), entry.job_id in replaced) for job_id, entry in met.items()}


def _rival(met: Met, row: Any, replaced: bool) -> Rival:
    match met.on_conflict:
        case OnConflict.EXISTING:
            return Rival(met.job_id, met.status, dict(row))
        case OnConflict.REPLACE if replaced:
            return Rival(met.job_id, met.status, dict(row), replaced=True)
        case OnConflict.REPLACE:
            return Rival(
                met.job_id,
                met.status,
                why="it was handed out already, or has another type, queue or key, so its payload stays",
            )
        case OnConflict.REJECT:
            return Rival(met.job_id, met.status)


Insert = Callable[[Sequence[Draft]], Awaitable[set[UUID]]]
"""Stores drafts; returns the ids of those that the database refused."""


async def settle(
    connection: Connection, drafts: Sequence[Draft], patience_s: float, insert: Insert
) -> dict[UUID, Rival]:
    """Store those of ``drafts`` that may be; returns what the others met, by their id.

    Raises:
        asyncpg.LockNotAvailableError: somebody else had a claim for longer than ``patience_s`` seconds.
    """
    met: dict[UUID, Met] = {}
    left = list(drafts)
    while left:
        step = await judged(connection, left, patience_s)
        refused = await insert(step.won) if step.won else set()
        if refused:
            await unique.release(connection, list(refused))
        # Who met one that the database would not take met nobody: they are asked again.
        left = [draft for draft in left if draft.id in step.met and step.met[draft.id].job_id in refused]
        again = {draft.id for draft in left}
        met |= {job_id: entry for job_id, entry in step.met.items() if job_id not in again}
    return await rivals(connection, met, [draft for draft in drafts if draft.id in met]) if met else {}
