"""What the api tells all workers takes hold here."""

from collections.abc import Callable, Sequence

from jobstream.contracts.control import CancelOrder, Gates
from jobstream.contracts.events import Deferral
from jobstream.contracts.topics import Topics
from jobstream_worker.gatekeeper import Gatekeeper
from jobstream_worker.ledger import Ledger
from jobstream_worker.orders import Orders
from jobstream_worker.runner import Runner


class Control:
    """Applies what stands on the control topic to the work of this process.

    Attributes:
        known: true once the topic was read to its end; before that no job is taken.
        changed: called when it is known, and after gates have changed.
        paused: the topics of queues of which nothing is started.
    """

    def __init__(self, orders: Orders, gatekeeper: Gatekeeper, runner: Runner, ledger: Ledger, topics: Topics) -> None:
        self._orders = orders
        self._gatekeeper = gatekeeper
        self._runner = runner
        self._ledger = ledger
        self._topics = topics
        self.known = False
        self.paused: frozenset[str] = frozenset()
        self.changed: Callable[[], None] = lambda: None

    def caught_up(self) -> None:
        """The topic was read to its end."""
        if not self.known:
            self.known = True
            self.changed()

    def obey(self, orders: Sequence[CancelOrder], gates: Gates | None) -> None:
        """Take what was read, all at once: work is looked through once, however many orders there are."""
        for order in orders:
            self._orders.remember(order)
        if orders:
            self._cancel()
        if gates is not None and self._gatekeeper.learn(gates):
            self._shut()
            self.changed()

    def _cancel(self) -> None:
        for work in list(self._ledger.active.values()):
            reason = self._orders.against(work.identity)
            if reason is not None:
                self._runner.cancel(work, reason)
        self._runner.go_on()

    def _shut(self) -> None:
        self.paused = frozenset(self._topics.jobs(queue) for queue in self._gatekeeper.paused)
        self._runner.backlog.pause(self.paused)
        for work in list(self._ledger.active.values()):
            if not work.started and self._gatekeeper.stops(work.job):
                self._runner.hand_back(work, Deferral.GATED)
        self._runner.go_on()
