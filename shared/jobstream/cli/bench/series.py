"""What one series of jobs gave."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from jobstream.cli.latency import kept_within


@dataclass(slots=True)
class Series:
    """Jobs through one door.

    Attributes:
        ids: of the jobs that were taken.
        latencies: seconds; of each submit, or in the series at a steady rate until its job's end was read.
        taken_s: until the last submit was answered, seconds.
        done_s: until the last job had ended, seconds; 0: it was not waited for as a whole.
        ended: how many ended in each state.
        wrong: jobs that are COMPLETED with another result than the example's.
    """

    door: str
    planned: int
    ids: set[UUID] = field(default_factory=set)
    latencies: list[float] = field(default_factory=list)
    taken_s: float = 0.0
    done_s: float = 0.0
    ended: Counter[str] = field(default_factory=Counter)
    wrong: int = 0

    @property
    def right(self) -> bool:
        """Every job ended COMPLETED, with its result."""
        return self.ended == {"COMPLETED": len(self.ids)} and not self.wrong

    def latency(self, share: float) -> float | None:
        """What so large a share of the latencies kept within, seconds; None: there is none."""
        return kept_within(self.latencies, share) if self.latencies else None

    def document(self) -> dict[str, Any]:
        """For ``-o json``: rates a second, latencies in milliseconds; null where there is none."""
        jobs = len(self.ids)
        return {
            "door": self.door,
            "jobs": jobs,
            "taken_per_s": _per_s(jobs, self.taken_s),
            "done_per_s": _per_s(jobs, self.done_s),
            "latency_p50_ms": _ms(self.latency(0.5)),
            "latency_p99_ms": _ms(self.latency(0.99)),
            "ended": dict(self.ended),
            "wrong_results": self.wrong,
        }


def _per_s(jobs: int, seconds: float) -> float | None:
    return round(jobs / seconds, 1) if seconds else None


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1000, 2)
