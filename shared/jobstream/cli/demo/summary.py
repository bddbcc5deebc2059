"""What the demo came to."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from jobstream.cli.demo.acts import Act, Door
from jobstream.cli.demo.place import Place
from jobstream.cli.demo.rates import TYPE, Rate
from jobstream.contracts.status import JobStatus


@dataclass(slots=True)
class TypeCounts:
    """The jobs of one type.

    Attributes:
        doors: jobs by the door they came through.
        ended: jobs by their last status; and RETRYING, once for each attempt that was tried again.
        surprises: how much was not as foretold.
    """

    doors: Counter[Door]
    ended: Counter[JobStatus]
    surprises: int = 0

    @property
    def jobs(self) -> int:
        return self.doors.total()


@dataclass(frozen=True, slots=True)
class Summary:
    """All that was played.

    Attributes:
        left_out: types that were not played, and why.
        took_s: from the first submit to the last look, seconds.
    """

    place: Place
    tag: str
    acts: Sequence[Act]
    rates: Sequence[Rate]
    left_out: Mapping[str, str]
    took_s: float

    def surprises(self) -> list[str]:
        """What was not as foretold, a line each."""
        acts = [(act, act.surprise(self.place)) for act in self.acts]
        lines = [f"{act.type} {act.about} over {act.door}, {act.job_id}: {what}" for act, what in acts if what]
        return lines + [line for rate in self.rates for line in rate.surprises]

    def types(self) -> dict[str, TypeCounts]:
        """The counts of each type, in the order of the program."""
        types: dict[str, TypeCounts] = {}
        for act in self.acts:
            counts = types.setdefault(act.type, TypeCounts(Counter(), Counter()))
            counts.surprises += act.surprise(self.place) is not None
            counts.doors[act.door] += act.trouble is None
            if act.job is not None:
                counts.ended[JobStatus.RETRYING] += act.job.retries
                counts.ended[act.job.status] += act.job.done
        for rate in self.rates:
            counts = types.setdefault(TYPE, TypeCounts(Counter(), Counter()))
            counts.surprises += len(rate.surprises)
            counts.doors[rate.door] += rate.jobs
            counts.ended += rate.ended
        return types

    def document(self) -> dict[str, Any]:
        """The summary as JSON has it. Times in seconds."""
        types = self.types()
        surprises = self.surprises()
        return {
            "as_foretold": not surprises,
            "surprises": surprises,
            "left_out": dict(self.left_out),
            "tag": self.tag,
            "took_s": round(self.took_s, 3),
            "jobs": sum(counts.jobs for counts in types.values()),
            "doors": {door.value: sum(counts.doors[door] for counts in types.values()) for door in Door},
            "types": {
                name: {"jobs": counts.jobs, "outcomes": {s.value: n for s, n in sorted(counts.ended.items()) if n}}
                for name, counts in types.items()
            },
            "rates": [
                {
                    "series": rate.name,
                    "jobs": rate.jobs,
                    "jobs_per_s": rate.per_s,
                    "taken_per_s": rate.jobs / rate.taken_s if rate.taken_s else None,
                    "p50_s": rate.latency(0.5),
                    "p99_s": rate.latency(0.99),
                }
                for rate in self.rates
            ],
        }
