"""The retry policy: whether another attempt follows a failed one, and when. Pure."""

import random
from dataclasses import dataclass, field

from jobstream.backoff import Backoff

DEFAULT_MAX_RETRIES = 3


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How a job is retried.

    Attributes:
        max_retries: tries after the first; 3 means up to 4 attempts, 0 means never.
        backoff: how long to wait between them.
    """

    max_retries: int = DEFAULT_MAX_RETRIES
    backoff: Backoff = field(default_factory=Backoff)

    def delay(self, attempt: int, *, retryable: bool, retry_after_s: float | None, rng: random.Random) -> float | None:
        """Seconds until the next attempt, or None if none follows.

        Args:
            attempt: the one that failed, 1, 2, ...
            retryable: False ends the job at once.
            retry_after_s: what the handler asked for; it replaces the backoff.
        """
        if not retryable or attempt > self.max_retries:
            return None
        if retry_after_s is not None:
            return retry_after_s
        return self.backoff.delay(attempt, rng)
