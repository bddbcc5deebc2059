"""Load generators that cost the machine little: what they take, the system does not get."""

from dataclasses import dataclass, field

from jobstream.cli.latency import kept_within

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
        """The latency that so large a share of the requests kept within, seconds; 0 without any."""
        return kept_within(self.latencies, share) if self.latencies else 0.0
