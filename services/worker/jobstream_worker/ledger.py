"""Which work this process has, and which it knows to be done."""

from collections import OrderedDict, defaultdict

from jobstream.kafka.group import TopicPartition
from jobstream_worker.work import Identity, Work

REMEMBERED = 200_000
"""How many identities are kept in mind after a durable fact about them was seen."""


class Ledger:
    """Identities of work: active here, or with a durable fact on the status topic."""

    def __init__(self, remembered: int = REMEMBERED) -> None:
        self.active: dict[Identity, Work] = {}
        # By partition: jobs with a key that hold a lease. A successor has to know of them.
        self._keyed: defaultdict[TopicPartition, set[Work]] = defaultdict(set)
        self._facts: OrderedDict[Identity, None] = OrderedDict()
        self._remembered = remembered

    def begin(self, work: Work) -> None:
        """Take work that is not active yet."""
        self.active[work.identity] = work

    def leased(self, work: Work) -> None:
        """RUNNING stands for it."""
        if work.job.key is not None and work.identity in self.active:
            self._keyed[TopicPartition(work.origin.topic, work.origin.partition)].add(work)

    def finish(self, work: Work) -> None:
        """Its outcome stands."""
        self.forget(work)
        self.remember(work.identity)

    def forget(self, work: Work) -> None:
        """It is no longer ours, and nothing stands for it."""
        self.active.pop(work.identity, None)
        if work.job.key is not None:
            place = TopicPartition(work.origin.topic, work.origin.partition)
            keyed = self._keyed.get(place)
            if keyed is not None:
                keyed.discard(work)
                if not keyed:
                    del self._keyed[place]

    def remember(self, identity: Identity) -> None:
        """A durable fact about ``identity`` stands: a record that carries it is done."""
        self._facts[identity] = None
        self._facts.move_to_end(identity)
        if len(self._facts) > self._remembered:
            self._facts.popitem(last=False)

    def known(self, identity: Identity) -> bool:
        """True if a durable fact about ``identity`` was seen."""
        return identity in self._facts

    def keyed(self, partition: TopicPartition) -> list[Work]:
        """Jobs with a key of ``partition`` that hold a lease here."""
        return list(self._keyed.get(partition, ()))
