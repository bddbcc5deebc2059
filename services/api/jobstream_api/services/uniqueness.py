"""Jobs that ask to be unique: claimed, judged and answered inside the transaction that stores them."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from jobstream.contracts.status import TERMINAL, JobStatus
from jobstream.contracts.unique import OnConflict
from jobstream_api.domain.uniqueness import Holder, Met, judge
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
    await _hand_over(connection, asking, holders, verdicts.winners)
    return Round([draft for draft in drafts if draft.id not in verdicts.met], verdicts.met)


async def _hand_over(
    connection: Connection,
    asking: Mapping[UUID, Draft],
    holders: Mapping[bytes, Sequence[Holder]],
    winners: Mapping[bytes, Sequence[UUID]],
) -> None:
    """Give each claim to the last that won it, and keep who had it before."""
    owners: dict[bytes, Draft] = {}
    displaced: dict[bytes, str | None] = {}
    between: list[Draft] = []
    for one, ids in winners.items():
        there = holders.get(one)
        if there is not None:
            before = there[0]
            if before.status is not None and not before.expired:
                displaced[one] = before.status.value if before.status in TERMINAL else None
        elif len(ids) == 1:
            continue  # it was the first of all, and has the claim
        else:
            displaced[one] = None
        owners[one] = asking[ids[-1]]
        between += [asking[job_id] for job_id in ids[there is None : -1]]
    await unique.take(connection, owners, displaced, between)


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
