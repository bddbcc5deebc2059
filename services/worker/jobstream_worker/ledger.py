"""Which work this process has, and which it knows to be done."""

from collections import defaultdict

from jobstream.kafka.group import TopicPartition
from jobstream_worker.work import Identity, Work

REMEMBERED = 100_000
"""How many identities at least are kept in mind after a durable fact about them was seen; at most twice as many."""


class Ledger:
    """Identities of work: active here, or with a durable fact on the status topic."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self.active: dict[Identity, Work] = {}
        # By partition: jobs with a key that hold a lease. A successor has to know of them.
        self._keyed: defaultdict[TopicPartition, set[Work]] = defaultdict(set)
        # Two generations: to forget, the older one is dropped whole, which needs no order among them.
        self._facts: set[Identity] = set()
        self._older: set[Identity] = set()
        self._remembered = remembered

    def begin(self, work: Work) -> None:
        """Take work that is not active yet."""
        self.active[work.identity] = work

    def leased(self, work: Work) -> None:
        """RUNNING stands for it."""
        if work.lane is not None and work.identity in self.active:
            self._keyed[work.partition].add(work)

    def finish(self, work: Work) -> None:
        """Its outcome stands."""
        self.forget(work)
        self.remember(work.identity)

    def forget(self, work: Work) -> None:
        """It is no longer ours, and nothing stands for it."""
        self.active.pop(work.identity, None)
        if work.lane is not None:
            keyed = self._keyed.get(work.partition)
            if keyed is not None:
                keyed.discard(work)
                if not keyed:
                    del self._keyed[work.partition]

    def remember(self, identity: Identity) -> None:
        """A durable fact about ``identity`` stands: a record that carries it is done."""
        self._facts.add(identity)
        if len(self._facts) >= self._remembered:
            self._facts, self._older = set(), self._facts

    def known(self, identity: Identity) -> bool:
        """True if a durable fact about ``identity`` was seen."""
        return identity in self._facts or identity in self._older

    def keyed(self, partition: TopicPartition) -> list[Work]:
        """Jobs with a key of ``partition`` that hold a lease here."""
        return list(self._keyed.get(partition, ()))
