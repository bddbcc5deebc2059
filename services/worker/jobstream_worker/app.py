"""The worker process: all its parts put together, and how it stops."""

import asyncio
import os
import secrets
import socket

from jobstream.clock import Clock, SystemClock
from jobstream.contracts.topics import Topics
from jobstream.errors import ConfigurationError
from jobstream.handlers.registry import Registry, load_handlers
from jobstream.kafka.clients import heartbeat_interval_s
from jobstream.kafka.group import TopicPartition
from jobstream.kafka.outbound import Outbound
from jobstream.service import Supervisor
from jobstream.telemetry import Event, emit
from jobstream_worker.admission import Admission
from jobstream_worker.announcer import Announcer
from jobstream_worker.blocks import Blocks
from jobstream_worker.committer import Committer
from jobstream_worker.consumer import Consumer
from jobstream_worker.consumer_guard import ConsumerGuard
from jobstream_worker.control import Control
from jobstream_worker.control_watch import ControlWatch
from jobstream_worker.counts import Counts
from jobstream_worker.executor import Executor
from jobstream_worker.gatekeeper import Gatekeeper
from jobstream_worker.health import HealthServer, Readiness
from jobstream_worker.heartbeat import Heartbeats
from jobstream_worker.leases import Leases
from jobstream_worker.ledger import Ledger
from jobstream_worker.metrics import WorkerMetrics
from jobstream_worker.orders import Orders
from jobstream_worker.publisher import Publisher
from jobstream_worker.pulse import Pulse
from jobstream_worker.reports import Reports
from jobstream_worker.runner import Runner
from jobstream_worker.settings import WorkerSettings
from jobstream_worker.slots import Slot
from jobstream_worker.status_watch import StatusWatch
from jobstream_worker.takeover import Takeover

FLUSH_S = 1.0
CLOSE_S = 1.0
LAST_RESORT_S = 5.0
"""What stopping may take beyond the grace; then the process is ended as it stands."""


def worker_id() -> str:
    """A name for this process that no other has: host, pid, and a random part."""
    return f"{socket.gethostname()[:150]}-{os.getpid()}-{secrets.token_hex(3)}"


class Worker:
    """One worker.

    Args:
        registry: the handlers it runs.
        modules: the modules they come from; child processes import the same.
    """

    def __init__(
        self, settings: WorkerSettings, registry: Registry, modules: tuple[str, ...], clock: Clock | None = None
    ) -> None:
        clock = clock or SystemClock()
        self.settings = settings
        self.id = worker_id()
        topics = Topics(settings.topic_prefix)
        self.counts = Counts()
        slots: dict[TopicPartition, Slot] = {}
        self.executor = Executor(
            registry,
            modules,
            concurrency=settings.worker_concurrency,
            process_slots=settings.process_slots,
            cancel_grace_s=settings.worker_cancel_grace_s,
            clock=clock,
        )
        self.outbound = Outbound(settings, f"{self.id}-out")
        publisher = Publisher(self.outbound, topics.status)
        reports = Reports(self.id, settings.worker_lease_s, clock)
        ledger = Ledger()
        self.runner = Runner(
            self.executor,
            publisher,
            reports,
            ledger,
            self.counts,
            clock,
            concurrency=settings.worker_concurrency,
            process_slots=settings.process_slots,
            weights={topics.jobs(queue): weight for queue, weight in settings.weights.items()},
        )
        orders, gatekeeper = Orders(), Gatekeeper()
        self.control = Control(orders, gatekeeper, self.runner, ledger, topics)
        blocks = Blocks(self.id, self.runner, clock, lease_s=settings.worker_lease_s)
        self.watch = StatusWatch(settings, f"{self.id}-watch", topics.status, publisher, blocks, self.counts)
        control_watch = ControlWatch(settings, f"{self.id}-control", topics.control, self.control, self.counts)
        leases = Leases(self.runner.announce, clock)
        heartbeats = Heartbeats(publisher, reports, self.runner, self.counts, clock, lease_s=settings.worker_lease_s)
        committer = Committer(slots, publisher, ledger, blocks, self.counts, clock)
        self.consumer = Consumer(
            settings,
            self.id,
            [topics.jobs(queue) for queue in settings.served_queues],
            slots,
            admission=Admission(registry, self.runner, ledger, orders, gatekeeper, topics, self.counts, clock),
            runner=self.runner,
            control=self.control,
            committer=committer,
            takeover=Takeover(self.watch, ledger),
            watch=self.watch,
            counts=self.counts,
        )
        self.announcer = Announcer(self.id, registry, self.outbound, topics, self.runner, self.consumer, clock)
        self.runner.waits = leases.watch
        self.outbound.turned = self.runner.go_on
        self.runner.leased = heartbeats.watch
        self.control.changed = self.consumer.wake
        self.consumer.shared_out = self.announcer.wake
        self.runner.room_made = committer.committed = self.consumer.wake
        session_s = settings.worker_session_s
        pulse = Pulse(session_s - 2 * heartbeat_interval_s(session_s), self.consumer.doubt, clock)
        self.runner.stood_still = pulse.late
        guard = ConsumerGuard(self.consumer, self.watch)
        watches = [self.watch, control_watch]
        self.supervisor = Supervisor(
            [pulse, self.outbound, *watches, leases, heartbeats, committer, self.announcer, self.consumer, guard]
        )
        readiness = Readiness(
            joined=lambda: self.consumer.joined,
            told=lambda: self.control.known,
            waiting_s=self.outbound.oldest_age,
            answered_at=lambda: self.watch.answered_at,
            ages=self.supervisor.ages,
        )
        self.metrics = WorkerMetrics(self.counts, self.runner, self.consumer, self.outbound, ages=self.supervisor.ages)
        self.health = HealthServer(
            settings.worker_metrics_host,
            settings.worker_metrics_port,
            troubles=readiness.troubles,
            metrics=self.metrics.text,
        )

    async def start(self) -> None:
        """Begin. Kafka need not be there yet.

        Raises:
            ConfigurationError: the metrics port cannot be had.
        """
        self.metrics.start()
        await self.health.start()
        self.announcer.metrics_url = None if self.health.url is None else f"{self.health.url}/metrics"
        await self.executor.start()
        await self.supervisor.start()
        emit(Event.PROCESS_READY, worker=self.id, metrics=self.announcer.metrics_url)

    async def stop(self, grace_s: float, hurry: asyncio.Event | None = None) -> None:
        """Leave the group, let running jobs finish, hand back what is left after ``grace_s`` seconds.

        The partitions go to others at once: for every running job RUNNING stands on the status topic,
        so nobody else starts it while it finishes here.

        Args:
            hurry: once set, the rest of the grace is skipped.
        """
        emit(Event.PROCESS_STOPPING, worker=self.id, running=self.runner.active)
        self.runner.close()
        self.consumer.revoke_budget_s = min(self.consumer.revoke_budget_s, max(grace_s, 1.0))
        leaving = asyncio.create_task(self.consumer.stop(grace_s + CLOSE_S), name="leave group")
        drained = asyncio.create_task(self._drained(leaving), name="drain")
        waits: set[asyncio.Task[object]] = {drained}
        if hurry is not None:
            waits.add(asyncio.create_task(hurry.wait(), name="hurry"))
        await asyncio.wait(waits, timeout=grace_s, return_when=asyncio.FIRST_COMPLETED)
        self.runner.release()
        await asyncio.wait([drained], timeout=self.settings.worker_cancel_grace_s + 0.3)
        for task in (*waits, leaving):
            task.cancel()
        await self.runner.abandon()
        self.announcer.farewell()
        await self.outbound.flush(FLUSH_S)
        await self.supervisor.stop(CLOSE_S)
        await self.executor.stop(CLOSE_S)
        await self.health.stop()
        self.metrics.stop()

    async def _drained(self, leaving: "asyncio.Task[None]") -> None:
        await self.runner.finished()
        await asyncio.wait([leaving])


def build(settings: WorkerSettings) -> Worker:
    """The worker that ``settings`` ask for.

    Raises:
        ConfigurationError: no handlers are named.
        HandlerError: they cannot be loaded.
    """
    if not settings.handlers:
        raise ConfigurationError(
            "JOBSTREAM_HANDLERS is empty, so there is nothing to run: name the modules with your handlers, "
            "e.g. JOBSTREAM_HANDLERS=jobstream_worker.examples"
        )
    return Worker(settings, load_handlers(settings.handlers), settings.handlers)
