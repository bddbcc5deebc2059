"""Publishes status events, and knows from where on the status topic may hold more than was acknowledged."""

from collections.abc import Sequence

from jobstream.contracts.events import StatusEvent
from jobstream.kafka.outbound import Acknowledged, Outbound


class Publisher:
    """Status events on their way out.

    Attributes:
        floor: per partition of the status topic, an offset such that every event of ours that is not
            acknowledged yet gets this one or a higher one.
    """

    def __init__(self, outbound: Outbound, topic: str) -> None:
        self._outbound = outbound
        self._topic = topic
        self.floor: list[int] = []
        self._ends: Sequence[int] = ()
        self._ends_sequence = 0

    def post(self, event: StatusEvent, acknowledged: Acknowledged | None = None) -> None:
        """Put an event on its way. Events of one job arrive in the order in which they were posted."""

        def settled(partition: int, offset: int) -> None:
            self._raise(partition, offset + 1)
            if acknowledged is not None:
                acknowledged(partition, offset)
            self._take_ends()

        self._outbound.post(self._topic, str(event.id).encode(), event.to_json(), event.headers(), settled)

    @property
    def sequence(self) -> int:
        """The number of the event posted last. Ask before reading ends for ``ends_read``."""
        return self._outbound.sequence

    def ends_read(self, ends: Sequence[int], sequence: int) -> None:
        """The status topic ended at ``ends`` some time after event number ``sequence`` was posted.

        Once all events up to that number are acknowledged, the others can only come after these ends.
        """
        self._ends = ends
        self._ends_sequence = sequence
        self._take_ends()

    def _take_ends(self) -> None:
        if not self._ends:
            return
        oldest = self._outbound.oldest
        if oldest is None or oldest > self._ends_sequence:
            for partition, end in enumerate(self._ends):
                self._raise(partition, end)
            self._ends = ()

    def _raise(self, partition: int, offset: int) -> None:
        if partition >= len(self.floor):
            self.floor += [0] * (partition + 1 - len(self.floor))
        self.floor[partition] = max(self.floor[partition], offset)
