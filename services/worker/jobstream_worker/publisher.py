"""Publishes status events, and knows from where on the status topic may hold more than was acknowledged."""

from collections.abc import Sequence

from jobstream.kafka.batches import Outgoing
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
        outbound.landed = self._landed

    def post(self, record: Outgoing, acknowledged: Acknowledged) -> None:
        """Put an event on its way. Events of one job arrive in the order in which they were posted."""
        self._outbound.post(self._topic, record, acknowledged)

    @property
    def waiting_bytes(self) -> int:
        """The size of what is not acknowledged."""
        return self._outbound.waiting_bytes

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

    def _landed(self, topic: str, partition: int, end: int) -> None:
        if topic == self._topic:
            self._raise(partition, end)
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
