"""What a worker counts of itself, for its metrics and its announcements."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Counts:
    """Plain numbers since the process began.

    Attributes:
        records: records taken from job topics.
        repeats: of these, the ones whose work was here or done already.
        poison: of these, the ones that hold no job; intake dead-letters them.
        started: handlers started.
        outcomes: outcomes acknowledged, by event kind.
        announced: RUNNING events posted.
        heartbeats: HEARTBEAT events posted.
        commits: commits Kafka took.
        fenced: commits it refused, since the group had gone on without us.
        rebalances: assignments received.
        replays: takeovers that had to read the status topic.
        replayed: events read in them.
        orders: cancellations read from the control topic.
        control_ignored: records of it that could not be read.
    """

    records: int = 0
    repeats: int = 0
    poison: int = 0
    started: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    announced: int = 0
    heartbeats: int = 0
    commits: int = 0
    fenced: int = 0
    rebalances: int = 0
    replays: int = 0
    replayed: int = 0
    orders: int = 0
    control_ignored: int = 0
