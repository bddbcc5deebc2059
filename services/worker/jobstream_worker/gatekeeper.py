"""What may start here with a permit only, and which queues are paused."""

from jobstream.contracts.control import Gates
from jobstream.contracts.jobs import Job


class Gatekeeper:
    """The newest gates that this worker has heard of. Before the first, nothing is shut or paused.

    Attributes:
        shut: true if anything needs a permit.
        paused: queues of which nothing is started.
    """

    def __init__(self) -> None:
        self._version = -1
        self._types: frozenset[str] = frozenset()
        self._managed: frozenset[str] = frozenset()
        self.shut = False
        self.paused: frozenset[str] = frozenset()

    def learn(self, gates: Gates) -> bool:
        """Keep ``gates`` if they are newer than what is known; true if they were."""
        if gates.version <= self._version:
            return False
        self._version = gates.version
        self._types = frozenset(gates.types)
        self._managed = frozenset(gates.managed)
        self.shut = bool(self._types or self._managed)
        self.paused = frozenset(gates.paused)
        return True

    def stops(self, job: Job) -> bool:
        """True if ``job`` needs a permit and has none."""
        return not job.permit and (job.type in self._types or job.queue in self._managed)
