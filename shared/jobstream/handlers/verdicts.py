"""What a handler raises to say how its attempt ends, when returning a result is not it."""

import math
from datetime import timedelta

from jobstream.errors import JobstreamError

MAX_DELAY_S = 366 * 86400.0


class Verdict(JobstreamError):
    """Root of the exceptions by which a handler decides what becomes of its job."""


class Retry(Verdict):
    """The attempt failed and is worth another try. Counts toward the job's max_retries.

    Args:
        after: wait at least this long, seconds or a timedelta; None leaves the wait to the type's backoff.
        message: why, for the job's list of errors.

    Raises:
        ValueError: ``after`` is negative, no number, or longer than 366 days.
    """

    def __init__(self, after: float | timedelta | None = None, message: str = "the handler asked for a retry") -> None:
        super().__init__(message)
        self.after_s = None if after is None else _seconds(after)


class Fail(Verdict):
    """The job failed for good: no retry, however many are left."""

    def __init__(self, message: str = "the handler gave the job up") -> None:
        super().__init__(message)


class Snooze(Verdict):
    """Not now: run this job again later. Uses up no attempt.

    Args:
        delay: seconds or a timedelta.

    Raises:
        ValueError: ``delay`` is negative, no number, or longer than 366 days.
    """

    def __init__(self, delay: float | timedelta) -> None:
        self.delay_s = _seconds(delay)
        super().__init__(f"snoozed for {self.delay_s:g} s")


class Cancel(Verdict):
    """The job is no longer wanted: it ends CANCELLED.

    Raised because ``ctx.cancelled`` became true while the worker shuts down, it hands the job back
    instead, to be run elsewhere.
    """

    def __init__(self, reason: str = "the handler cancelled the job") -> None:
        super().__init__(reason)


def _seconds(delay: float | timedelta) -> float:
    seconds = delay.total_seconds() if isinstance(delay, timedelta) else float(delay)
    if not math.isfinite(seconds) or not 0 <= seconds <= MAX_DELAY_S:
        raise ValueError(f"a delay is 0 to {MAX_DELAY_S:.0f} seconds (366 days), not {seconds:g}")
    return seconds
