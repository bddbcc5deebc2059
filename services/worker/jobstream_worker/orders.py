"""Cancellations that this worker has heard of: their jobs may come later, or come again."""

import sys

from jobstream.contracts.control import CancelOrder
from jobstream_worker.work import Identity

REMEMBERED = 100_000
"""How many at least are kept in mind, the newest; at most twice as many."""
NO_REASON = "cancelled on request"


class Orders:
    """Remembered cancellations, by job.

    Attributes:
        any: true once there was one.
    """

    def __init__(self, remembered: int = REMEMBERED) -> None:
        # Two generations: to forget, the older one is dropped whole.
        self._newer: dict[int, tuple[int, str]] = {}
        self._older: dict[int, tuple[int, str]] = {}
        self._remembered = remembered
        self.any = False

    def remember(self, order: CancelOrder) -> None:
        """Take an order. Of several about one job, the one for the latest dispatch holds."""
        number = order.id.int
        known = self._find(number)
        if known is None or known[0] <= order.dispatch:
            # A bulk cancellation gives all its orders one reason: kept once.
            known = (order.dispatch, sys.intern(order.reason or NO_REASON))
        self._newer[number] = known
        self.any = True
        if len(self._newer) >= self._remembered:
            self._newer, self._older = {}, self._newer

    def against(self, identity: Identity) -> str | None:
        """Why this work is not to run, or None if nobody cancelled it."""
        known = self._find(identity[0])
        return None if known is None or identity[2] > known[0] else known[1]

    def _find(self, number: int) -> tuple[int, str] | None:
        return self._newer.get(number) or self._older.get(number)
