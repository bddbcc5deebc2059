"""What runs in an api process, put together from settings and roles."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from uuid import UUID

from jobstream.clock import Clock
from jobstream.contracts.jobs import MAX_PRIORITY
from jobstream.contracts.topics import Topics
from jobstream.kafka.follower import TopicFollower
from jobstream.kafka.publisher import Publisher
from jobstream.service import Service, Supervisor
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories.flow import QueueDefaults
from jobstream_api.routes.deps import Parts
from jobstream_api.services.applier import Applier
from jobstream_api.services.backlog_caps import BacklogCaps
from jobstream_api.services.cancelling import Canceller
from jobstream_api.services.catalogue import Catalogue
from jobstream_api.services.census import Census
from jobstream_api.services.coverage import Coverage
from jobstream_api.services.dispatcher import Dispatcher
from jobstream_api.services.drafts import Drafter
from jobstream_api.services.firing import Firing
from jobstream_api.services.flow import Flow
from jobstream_api.services.flow_changes import FlowChanges
from jobstream_api.services.flow_control import FlowControl
from jobstream_api.services.flow_figures import FlowFigures
from jobstream_api.services.gates import GatesPublisher
from jobstream_api.services.housekeeping import Housekeeping
from jobstream_api.services.intake import Intake
from jobstream_api.services.lag import Lag
from jobstream_api.services.leader import Leader
from jobstream_api.services.metrics import Metrics
from jobstream_api.services.offsets_keeper import OffsetsKeeper
from jobstream_api.services.operations import Operations
from jobstream_api.services.outbox_floor import OutboxFloor
from jobstream_api.services.placing import Placer
from jobstream_api.services.policies import Policies
from jobstream_api.services.queries import Queries
from jobstream_api.services.readiness import Readiness
from jobstream_api.services.reaper import Reaper
from jobstream_api.services.relay import Relay
from jobstream_api.services.retention import Retention
from jobstream_api.services.scheduler import Scheduler
from jobstream_api.services.schedules import Schedules
from jobstream_api.services.submit import Submitter
from jobstream_api.services.sweep import Sweep
from jobstream_api.services.turns import TurningLoop
from jobstream_api.services.waiters import Waiters
from jobstream_api.settings import ApiSettings

_COMMITS_S = 5.0


class Process:
    """The moving parts of one api process. Made inside a running event loop."""

    def __init__(self, settings: ApiSettings, *, clock: Clock, ids: Callable[[], UUID]) -> None:
        self.settings = settings
        self._clock = clock
        self.topics = Topics(settings.topic_prefix)
        self.holder = f"{socket.gethostname()}:{os.getpid()}:{ids().hex[-8:]}"
        self.database = Database(settings)
        self.relay = Relay(self.database, Publisher(settings, "jobstream-api-relay"), dead_topic=self.topics.dead)
        self._queue_defaults = QueueDefaults(
            settings.queues, frozenset(settings.managed_queues), settings.priority_bound_s / MAX_PRIORITY
        )
        self.flow = Flow(
            self.database,
            self._queue_defaults,
            lambda: TopicFollower(settings, "jobstream-api-control", self.topics.control, patient=True),
            quiet_for=self.relay.last_success_age,  # it asks Kafka every few seconds
        )
        self.flow_changes = FlowChanges(
            self.database, self.topics, self._queue_defaults, self.flow, hand_over=self.relay.hand_over, ids=ids
        )
        self.lag = Lag(settings)
        self.catalogue = Catalogue(
            self.database,
            self.flow_changes,
            lambda: TopicFollower(settings, "jobstream-api-types", self.topics.types, patient=True),
        )
        self.waiters = Waiters(self.database)
        self.policies = Policies(settings, self.catalogue)
        self.leader: Leader | None = None
        self._dispatcher: Dispatcher | None = None
        self._scheduler: Scheduler | None = None
        self._census: Census | None = None
        self.metrics = Metrics(self.catalogue.known, self.gauges)
        self.supervisor = Supervisor(self.services_of(settings.api_roles))
        self.parts = self._make_parts(clock, ids)
        self._draining_since: float | None = None

    def services_of(self, roles: tuple[str, ...]) -> list[Service]:
        """The services that ``roles`` ask for, in the order in which they start; they stop in reverse.

        Every role may write outbox rows and asks for job types and gates, so these three always run.
        """
        # Several passes: a row counts as left behind only after a while.
        first_sweep = Sweep(self.settings, self.database, self.relay, passes=3)
        coverage = Coverage()
        services: list[Service] = [self.relay, self.flow, self.catalogue, first_sweep]
        if "http" in roles:
            services.append(self.waiters)
        if "applier" in roles:
            services.append(
                Applier(
                    self.settings,
                    self.database,
                    policies=self.policies,
                    flow=self.flow,
                    coverage=coverage,
                    hand_over=self.relay.hand_over,
                    notify=self.waiters.notify,
                    wake_dispatcher=self._wake_dispatcher,
                    permits_free=self._permits_free,
                )
            )
        if "intake" in roles:
            services.append(
                Intake(
                    self.settings,
                    self.database,
                    clock=self._clock,
                    lane=self.flow.lane,
                    coverage=coverage,
                    awaited=lambda: bool(self.flow.rules.strict),
                    hand_over=self.relay.hand_over,
                    wake_dispatcher=self._wake_dispatcher,
                )
            )
        if "leader" in roles:
            self.leader = Leader(
                self.settings, self.database, holder=self.holder, services=self._services_of_the_leader
            )
            services.append(self.leader)
        return services

    def _services_of_the_leader(self) -> list[Service]:
        """Made anew for each term of leadership."""
        self._dispatcher = Dispatcher(
            self.settings, self.database, defaults=self._queue_defaults, hand_over=self.relay.hand_over
        )
        self._scheduler = Scheduler(self.settings, self.database, self.catalogue, self.firing)
        floor = OutboxFloor()
        self._census = Census(self.settings, self.database, floor)
        return [
            self._dispatcher,
            self._scheduler,
            Reaper(
                self.settings,
                self.database,
                holder=self.holder,
                floor=floor,
                policies=self.policies,
                hand_over=self.relay.hand_over,
                notify=self.waiters.notify,
                wake_dispatcher=self._wake_dispatcher,
            ),
            Sweep(self.settings, self.database, self.relay, floor=floor),
            GatesPublisher(self.flow_changes),
            OffsetsKeeper(self.settings, self.database),
            self._census,
            Housekeeping(self.database),
            Retention(self.settings, self.database),
        ]

    async def start(self) -> None:
        """Start every service. Neither database nor Kafka needs to be there yet."""
        self.metrics.start()
        await self.database.open()
        await self.supervisor.start()

    def drain(self) -> None:
        """Say no to new work: not ready any more, and whoever waits for a job is answered now."""
        if self._draining_since is None:
            self._draining_since = time.monotonic()
            self.parts.readiness.draining = True
            self.waiters.release()

    async def stop(self) -> None:
        """Finish what is under way and stop, within the grace that is left since ``drain``."""
        self.drain()
        assert self._draining_since is not None
        left = self._draining_since + self.settings.shutdown_grace_s - time.monotonic()
        await self.parts.submitter.close(min(max(left, 1.0), _COMMITS_S))
        await self.supervisor.stop(max(left, 1.0))
        await self.lag.close()
        await self.database.close()
        self.metrics.stop()

    def ages(self) -> dict[str, float]:
        """Seconds since each service's last success, by name; the leader's loops too where they run."""
        return self.supervisor.ages() | (self.leader.ages() if self.leader else {})

    def gauges(self) -> dict[str, Mapping[str, float]]:
        """What this process can tell of itself at once, and of the whole system if it leads."""
        leading = self.leader is not None and self.leader.leading
        own: dict[str, Mapping[str, float]] = {
            "loop_last_success_age_seconds": self.ages(),
            "leader": {"": float(leading)},
            "waiters": {"": len(self.waiters)},
            "relay_held_records": {"": self.relay.held},
            "database_connections": self.database.counts(),
        }
        return own | dict(self._census.figures if leading and self._census is not None else {})

    def _wake_dispatcher(self) -> None:
        if self._dispatcher is not None and self._leads():
            self._dispatcher.look_anew()
            self._dispatcher.wake()

    def _jobs_came(self, lanes: set[str]) -> None:
        # One of an earlier term must not gather lanes for ever.
        if self._dispatcher is not None and self._leads():
            self._dispatcher.came(lanes)
            self._dispatcher.wake()

    def _permits_free(self) -> None:
        self._wake(self._dispatcher)

    def _wake_scheduler(self) -> None:
        self._wake(self._scheduler)

    def _wake(self, loop: TurningLoop | None) -> None:
        """Wake a loop of the leader, if we are that."""
        if loop is not None and self._leads():
            loop.wake()

    def _leads(self) -> bool:
        return self.leader is not None and self.leader.leading

    def _make_parts(self, clock: Clock, ids: Callable[[], UUID]) -> Parts:
        settings, hand_over = self.settings, self.relay.hand_over
        caps = BacklogCaps(self.flow)
        placer = Placer(
            self.database,
            self.topics,
            caps,
            hand_over=hand_over,
            ease=self.relay.ease,
            ids=ids,
            ttl_s=settings.idempotency_ttl_s,
            held=self._jobs_came,
        )
        drafter = Drafter(self.catalogue, self.flow.lane, settings, clock, ids)
        canceller = Canceller(
            self.database,
            self.topics,
            ids=ids,
            hand_over=hand_over,
            ease=self.relay.ease,
            notify=self.waiters.notify,
        )
        self.firing = Firing(drafter, placer, canceller)
        return Parts(
            settings=settings,
            catalogue=self.catalogue,
            drafter=drafter,
            submitter=Submitter(self.database, placer, caps, group=settings.submit_batch),
            queries=Queries(self.database, self.waiters, self.flow),
            operations=Operations(
                self.database,
                self.catalogue,
                self.topics,
                self.flow,
                hand_over=hand_over,
                ids=ids,
                clock=clock,
                max_retries=settings.max_retries,
                wake_dispatcher=self._wake_dispatcher,
            ),
            canceller=canceller,
            schedules=Schedules(self.database, drafter, self.firing, clock, ids=ids, wake=self._wake_scheduler),
            flow=self.flow,
            flow_control=FlowControl(settings, self.catalogue, self.flow_changes),
            flow_figures=FlowFigures(self.database, self._queue_defaults, self.lag),
            metrics=self.metrics,
            readiness=Readiness(self.database, self.catalogue, self.flow, self.ages),
        )
