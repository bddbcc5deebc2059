"""What a scenario is, and what it is given."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.figures import Figure, Target
from bench.place import Place
from bench.rounds import thousands
from bench.watch import Watch


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table, before it is measured."""

    what: str
    unit: str
    target: Target | None = None


@dataclass(frozen=True, slots=True)
class Here:
    """What a scenario is given.

    Attributes:
        scale: how much of the full load.
        rounds: how often to measure what is noisy.
        hold_s: for how long the foreign snapshot is held, seconds.
        tell: takes one line for people.
    """

    place: Place
    watch: Watch
    scale: float
    rounds: int
    hold_s: float
    tell: Callable[[str], None]

    def jobs(self, full: int) -> int:
        """A number of jobs, scaled, as whole batches of 1,000."""
        return thousands(full * self.scale)


Measure = Callable[[Here, "Scenario"], Awaitable[list[Figure]]]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One thing to measure.

    Attributes:
        lines: what it measures, by a short name.
        quick: False runs it only by name or with ``--all``.
        shared: True if it may run in a system that others measured before it.
        ours: True if it needs the system's processes or its database at hand.
        workers: started for it, if the system is not shared.
        worker_env: their settings.
    """

    name: str
    lines: Mapping[str, Line]
    measure: Measure
    quick: bool = True
    shared: bool = True
    ours: bool = False
    workers: int = 1
    worker_env: Mapping[str, str] = field(default_factory=dict)

    def figure(self, line: str, value: float, rounds: tuple[float, ...] = (), **detail: Any) -> Figure:
        """A measured line."""
        told = self.lines[line]
        return Figure(self.name, told.what, value, told.unit, told.target, rounds, detail)
