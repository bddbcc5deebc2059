"""How long to wait before another try. Pure.

Exponential with full jitter, after "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015):
the wait is drawn evenly from zero to the ceiling, which spreads a crowd of retries best.
"""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """An exponential backoff with full jitter.

    Attributes:
        base_s: ceiling of the first wait, seconds.
        factor: what the ceiling is multiplied with at each further try.
        cap_s: the ceiling never exceeds this, seconds.
    """

    base_s: float = 1.0
    factor: float = 2.0
    cap_s: float = 600.0

    def ceiling(self, attempt: int) -> float:
        """The longest wait after ``attempt`` (1, 2, ...) failed, seconds."""
        exponent = max(attempt - 1, 0)
        if exponent > 1024:  # far beyond any cap, and ** would overflow
            return self.cap_s
        try:
            return min(self.cap_s, self.base_s * self.factor**exponent)
        except OverflowError:
            return self.cap_s

    def delay(self, attempt: int, rng: random.Random) -> float:
        """A wait after ``attempt`` failed, seconds, in [0, ceiling]."""
        return rng.uniform(0.0, self.ceiling(attempt))
