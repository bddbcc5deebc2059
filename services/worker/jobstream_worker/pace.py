"""How fast work ends here, and so how much of it may be fetched ahead."""

LOOK_EVERY_S = 0.05
AHEAD_S = 0.02
"""Records are fetched for so long ahead, at the present pace: fewer and larger polls while jobs are short."""
MOST_AHEAD = 100
"""More makes polls no cheaper, and work that waits in memory longer."""


class Pace:
    """The pace of one worker.

    Attributes:
        ahead: records to have ready besides those that could start at once.
    """

    def __init__(self, least: int) -> None:
        self._least = least
        self._counted = 0
        self._looked_at = 0.0
        self.ahead = least

    def look(self, ended: int, now: float) -> None:
        """Learn how much work had ended at ``now``, monotonic. Call it as often as you like."""
        passed = now - self._looked_at
        if passed < LOOK_EVERY_S:
            return
        per_second = (ended - self._counted) / passed
        self._counted, self._looked_at = ended, now
        self.ahead = max(self._least, min(int(per_second * AHEAD_S), MOST_AHEAD))
