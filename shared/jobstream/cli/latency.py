"""What latencies come to."""

from collections.abc import Sequence
from math import ceil


def kept_within(latencies: Sequence[float], share: float) -> float:
    """What so large a share of the latencies, of which there is at least one, kept within (nearest rank)."""
    return sorted(latencies)[max(ceil(share * len(latencies)) - 1, 0)]
