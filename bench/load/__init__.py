"""Load generators that cost the machine little: what they take, the system does not get."""

from dataclasses import dataclass, field

EXAMPLE = b'{"payload":{"task":"example","value":42}}'
"""The job of every rate and latency."""


@dataclass(slots=True)
class Load:
    """What a load saw.

    Attributes:
        latencies: of each request, seconds; of an open loop from the moment it was due.
        refused: answers other than the wanted one.
        by: the program that made it.
    """

    latencies: list[float] = field(default_factory=list)
    refused: int = 0
    by: str = "asyncio"

    def percentile(self, share: float) -> float:
        """The latency that so large a share of the requests kept within (nearest rank), seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)] if ordered else 0.0
