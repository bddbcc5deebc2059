"""A model of flow control: what was asked of the system, and what its ledger and rows may say of it. Pure.

All times are seconds since 1970 of this machine's clock, which is the database's too. What was asked is known by
two of them: sent, and answered. A change may hold from the first on, and must hold ``CHANGE_S`` after the second.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

CHANGE_S = 2.0
CANCEL_S = 5.0
CLOCK_S = 0.005
"""What one process's reading of the clock may lie behind another's decision by it."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something was asked for.

    Attributes:
        value: numbers of a limit; the new time of a job; whether something is paused.
    """

    sent: float
    answered: float
    value: Any


@dataclass(slots=True)
class Setting:
    """What was set of one limit, type or queue, in the order in which it was asked for."""

    changes: list[Change] = field(default_factory=list)

    def between(self, begin: float, end: float) -> list[Any]:
        """The values that may hold at some moment of ``begin`` to ``end``."""
        ends = [change.answered + CHANGE_S for change in self.changes[1:]] + [float("inf")]
        return [
            change.value
            for change, until in zip(self.changes, ends, strict=True)
            if change.sent <= end and until >= begin
        ]

    def pauses(self) -> list[tuple[float, float]]:
        """From when until when nothing may have begun."""
        ends = [change.sent for change in self.changes[1:]] + [float("inf")]
        return [
            (change.answered + CHANGE_S, until)
            for change, until in zip(self.changes, ends, strict=True)
            if change.value and until > change.answered + CHANGE_S
        ]


@dataclass(slots=True)
class Asked:
    """A job as it was submitted, and what was asked of it later.

    Attributes:
        n: its place among the submits; of one key they were made one after another.
        moves: its times; a move without an answer makes the one before it unsure, and is told as None.
        cancelled_at: when its cancellation was answered.
    """

    id: str
    type: str
    queue: str
    n: int
    key: str | None = None
    tenant: str | None = None
    start_within_s: float | None = None
    moves: list[Change] = field(default_factory=list)
    cancelled_at: float | None = None


@dataclass(slots=True)
class Run:
    """One run by the ledger.

    Attributes:
        end: when its handler was over, or its worker was killed.
    """

    job: Asked
    pid: int
    begin: float
    end: float


@dataclass(slots=True)
class History:
    """All that was asked, and what was killed.

    Attributes:
        limits: by name.
        paused: by ``type`` or ``queue`` and its name.
        killed: when each killed process was gone, by pid.
    """

    jobs: dict[str, Asked] = field(default_factory=dict)
    limits: defaultdict[str, Setting] = field(default_factory=lambda: defaultdict(Setting))
    paused: defaultdict[tuple[str, str], Setting] = field(default_factory=lambda: defaultdict(Setting))
    killed: dict[int, float] = field(default_factory=dict)

    def runs(self, ledger: Iterable[Mapping[str, Any]]) -> list[Run]:
        """The ledger as runs, in the order of their beginnings."""
        runs: dict[str, Run] = {}
        for entry in ledger:
            if entry["what"] == "start":
                assert entry["run_id"] not in runs, f"a run began twice: {entry}"
                gone = self.killed.get(entry["pid"], float("inf"))
                runs[entry["run_id"]] = Run(self.jobs[entry["job_id"]], entry["pid"], entry["at"], gone)
            else:
                runs[entry["run_id"]].end = entry["at"]
        return sorted(runs.values(), key=lambda run: run.begin)

    def early(self, runs: Sequence[Run]) -> list[str]:
        """Runs that began before their time."""
        found = []
        for run in runs:
            moves = run.job.moves
            for place, move in enumerate(moves):
                until = moves[place + 1].sent if place + 1 < len(moves) else float("inf")
                if move.value is not None and move.answered <= run.begin < min(move.value - CLOCK_S, until):
                    found.append(f"{name(run)}: {move.value - run.begin:.3f} s early")
        return found

    def beyond_rate(self, limit: str, runs: Sequence[Run], period_s: float) -> list[str]:
        """Windows with more starts than limit and burst. Values of the setting: (limit, burst)."""
        times = [run.begin for run in runs]
        found = []
        for place, begin in enumerate(times):
            count = bisect_left(times, begin + period_s) - place
            allowed = max(sum(value) for value in self.limits[limit].between(begin, begin + period_s))
            if count > allowed:
                found.append(f"{limit}: {count} starts in {period_s} s from {begin:.3f}, {allowed} allowed")
        return found

    def beyond_concurrency(self, limit: str, runs: Sequence[Run]) -> list[str]:
        """Runs that began while as many as allowed were under way."""
        found = []
        for place, run in enumerate(runs):
            beside = sum(other.end > run.begin for other in runs[:place])
            allowed = max(self.limits[limit].between(run.begin, run.begin))
            if beside >= allowed:
                found.append(f"{limit}: {name(run)} at {run.begin:.3f} beside {beside}, {allowed} allowed")
        return found

    def out_of_order(self, runs: Sequence[Run], ended: Mapping[str, float]) -> list[str]:
        """Runs of a type with strict order that began before an earlier job of their key was over.

        Args:
            ended: when each job was over, by its row.
        """
        found = []
        first: dict[str, float] = {}
        last: dict[str, float] = {}
        for run in runs:
            first.setdefault(run.job.id, run.begin)
            last[run.job.id] = max(last.get(run.job.id, 0.0), run.end)
        keys: defaultdict[str | None, list[Asked]] = defaultdict(list)
        for job in sorted(self.jobs.values(), key=lambda job: job.n):
            keys[job.key].append(job)
        for key, jobs in keys.items():
            over = 0.0
            for job in jobs:
                if job.id in first and first[job.id] < over:
                    found.append(f"key {key}: job {job.n} began {over - first[job.id]:.3f} s before its turn")
                over = max(over, ended[job.id], last.get(job.id, 0.0))
        return found

    def in_a_pause(self, runs: Sequence[Run]) -> list[str]:
        """Runs that began while their type or queue was paused."""
        return [
            f"{kind} {which}: {name(run)} began {run.begin - begin + CHANGE_S:.3f} s into a pause"
            for (kind, which), setting in self.paused.items()
            for begin, end in setting.pauses()
            for run in runs
            if getattr(run.job, kind) == which and begin < run.begin < end
        ]

    def after_cancel(self, runs: Sequence[Run]) -> list[str]:
        """Runs that began long after their job was cancelled."""
        return [
            f"{name(run)}: {run.begin - run.job.cancelled_at:.3f} s after its cancellation"
            for run in runs
            if run.job.cancelled_at is not None and run.begin > run.job.cancelled_at + CANCEL_S
        ]


def name(run: Run) -> str:
    """A run's job, for people."""
    return f"job {run.job.n} ({run.job.type} in {run.job.queue}, {run.job.id})"
