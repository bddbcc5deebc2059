"""What may start here with a permit only, and which queues are paused."""

from datetime import timedelta

from jobstream.contracts.control import Gates
from jobstream.contracts.jobs import Job

_ANEW = timedelta(minutes=1)
"""Words of one database overtake each other by less. A lower version that was said so much later is of another one,
which began to count anew."""


class Gatekeeper:
    """The newest gates that this worker has heard of. Before the first, nothing is shut or paused.

    Attributes:
        shut: true if anything needs a permit.
        paused: queues of which nothing is started.
    """

    def __init__(self) -> None:
        self._newest: Gates | None = None
        self._types: frozenset[str] = frozenset()
        self._managed: frozenset[str] = frozenset()
        self._paused_types: frozenset[str] = frozenset()
        self.shut = False
        self.paused: frozenset[str] = frozenset()

    def learn(self, gates: Gates) -> bool:
        """Keep ``gates`` if they are newer than what is known; true if they were."""
        known = self._newest
        if known is not None and gates.version <= known.version and gates.at <= known.at + _ANEW:
            return False
        self._newest = gates
        self._types = frozenset(gates.types)
        self._managed = frozenset(gates.managed)
        self._paused_types = frozenset(gates.paused_types)
        self.shut = bool(self._types or self._managed)
        self.paused = frozenset(gates.paused)
        return True

    def stops(self, job: Job) -> bool:
        """True if ``job`` needs a permit and has none, or has one of a type that was paused since."""
        if job.permit:
            return job.type in self._paused_types
        return job.type in self._types or job.queue in self._managed
