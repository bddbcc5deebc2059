"""What a scenario brings back: figures, each beside its target."""

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure should be.

    Attributes:
        at: the bound, in the figure's unit.
        least: True: at least so much, False: less than that.
    """

    at: float
    least: bool = True

    def met(self, value: float) -> bool:
        """Whether a value is good enough."""
        return value >= self.at if self.least else value <= self.at

    def text(self, unit: str) -> str:
        """For the table."""
        return f"{'at least' if self.least else 'at most'} {number(self.at)} {unit}".rstrip()


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured value.

    Attributes:
        scenario: the name of the one that measured it.
        what: what was measured, for people.
        rounds: the single measurements that ``value`` is the median of; empty: there was one.
        detail: what else is worth keeping in the raw data.
    """

    scenario: str
    what: str
    value: float
    unit: str
    target: Target | None = None
    rounds: tuple[float, ...] = ()
    detail: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether it is as good as wanted; None: nothing was wanted."""
        return None if self.target is None else self.target.met(self.value)

    def document(self) -> dict[str, Any]:
        """For the raw data."""
        return asdict(self) | {"met": self.met}


def number(value: float) -> str:
    """Three digits that matter, thousands apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    if abs(value) >= 10:
        return f"{value:.1f}".removesuffix(".0")
    return f"{value:.{2 if abs(value) >= 1 else 3}f}".rstrip("0").rstrip(".")
