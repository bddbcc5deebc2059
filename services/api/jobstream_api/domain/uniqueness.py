"""Which of the jobs that ask to be unique are stored, and what the others meet. Pure."""

from collections.abc import Iterable, Mapping, Sequence
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
    """Who has a claim, or had it before.

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
        winners: those to be stored, by hash, in order; the last one has the claim afterwards.
    """

    won: set[UUID] = field(default_factory=set)
    met: dict[UUID, Met] = field(default_factory=dict)
    winners: dict[bytes, list[UUID]] = field(default_factory=dict)


def in_the_way(rule: Unique, holder: Holder) -> bool:
    """True if a job that was the same earlier keeps one that asks for ``rule`` from being stored."""
    return (
        holder.status in rule.counted()
        and not holder.expired
        and (rule.window_s is None or holder.age_s < rule.window_s)
    )


def judge(asking: Iterable[tuple[UUID, Asked]], holders: Mapping[bytes, Sequence[Holder]]) -> Verdicts:
    """Decide about jobs one after another: each meets what was there, and what those before it have left.

    Args:
        asking: job id and what it asks, in order.
        holders: by hash, all that may be in the way of one of them.
    """
    verdicts = Verdicts()
    for job_id, asked in asking:
        winners = verdicts.winners.get(asked.hash, ())
        before = (*(Holder(winner, JobStatus.PENDING) for winner in winners[::-1]), *holders.get(asked.hash, ()))
        rival = next((holder for holder in before if in_the_way(asked.rule, holder)), None)
        if rival is None or rival.status is None:
            verdicts.winners.setdefault(asked.hash, []).append(job_id)
            verdicts.won.add(job_id)
        else:
            verdicts.met[job_id] = Met(rival.job_id, rival.status, asked.rule.on_conflict)
    return verdicts
