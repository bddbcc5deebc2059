"""Which of the jobs that ask to be unique are stored, and what the others meet. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import UUID

from jobstream.contracts.status import JobStatus
from jobstream.contracts.unique import OnConflict, Unique


class Asked(NamedTuple):
    """What a job asks.

    Attributes:
        hash: the same for jobs that are the same.
    """

    hash: bytes
    rule: Unique


class Holder(NamedTuple):
    """Who has a claim now.

    Attributes:
        status: of its job; None if there is no such job any more.
        age_s: since the job was submitted, seconds.
        expired: the window of its own is over.
    """

    job_id: UUID
    status: JobStatus | None
    age_s: float = 0.0
    expired: bool = False


class Met(NamedTuple):
    """The job that another one met, and what was to be done then."""

    job_id: UUID
    status: JobStatus
    on_conflict: OnConflict


@dataclass(slots=True)
class Verdicts:
    """What becomes of jobs that ask to be unique.

    Attributes:
        won: those to be stored.
        met: by the id of the job that is not stored.
        owners: who has each claim afterwards, by hash.
    """

    won: set[UUID] = field(default_factory=set)
    met: dict[UUID, Met] = field(default_factory=dict)
    owners: dict[bytes, UUID] = field(default_factory=dict)


def in_the_way(rule: Unique, holder: Holder) -> bool:
    """True if the job that has the claim keeps one that asks for ``rule`` from being stored."""
    return (
        holder.status in rule.counted()
        and not holder.expired
        and (rule.window_s is None or holder.age_s < rule.window_s)
    )


def judge(asking: Iterable[tuple[UUID, Asked]], holders: Mapping[bytes, Holder]) -> Verdicts:
    """Decide about jobs one after another: each meets what those before it have left.

    Args:
        asking: job id and what it asks, in order.
        holders: by hash; a claim that nobody had is not in it.
    """
    verdicts = Verdicts()
    standing = dict(holders)
    for job_id, asked in asking:
        holder = standing.get(asked.hash)
        if holder is None or holder.status is None or not in_the_way(asked.rule, holder):
            standing[asked.hash] = Holder(job_id, JobStatus.PENDING)
            verdicts.won.add(job_id)
            verdicts.owners[asked.hash] = job_id
        else:
            verdicts.met[job_id] = Met(holder.job_id, holder.status, asked.rule.on_conflict)
    return verdicts
