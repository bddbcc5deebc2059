"""The api's routes without servers: real checks and real answers, over a store that nobody may reach."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI

from jobstream.clock import SystemClock
from jobstream.contracts.events import TypeAnnouncement
from jobstream.contracts.topics import Topics
from jobstream.ids import new_id
from jobstream_api.app import create_app
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories.flow import QueueDefaults
from jobstream_api.repositories.submits import Stored
from jobstream_api.routes.deps import Parts
from jobstream_api.services.backlog_caps import BacklogCaps
from jobstream_api.services.cancelling import Canceller
from jobstream_api.services.catalogue import Catalogue
from jobstream_api.services.drafts import Drafter
from jobstream_api.services.firing import Firing
from jobstream_api.services.flow import Flow
from jobstream_api.services.flow_changes import FlowChanges
from jobstream_api.services.flow_control import FlowControl
from jobstream_api.services.flow_figures import FlowFigures
from jobstream_api.services.lag import Lag
from jobstream_api.services.metrics import Metrics
from jobstream_api.services.operations import Operations
from jobstream_api.services.placing import Order, Placed
from jobstream_api.services.queries import Queries
from jobstream_api.services.readiness import Readiness
from jobstream_api.services.schedules import Schedules
from jobstream_api.services.submit import Submitter
from jobstream_api.services.waiters import Waiters
from jobstream_api.settings import ApiSettings

AT = datetime(2026, 10, 1, 9, 30, tzinfo=UTC)


class MemoryPlacer:
    """Stores orders in a list: what a submit would have written."""

    def __init__(self) -> None:
        self.orders: list[Order] = []

    async def ease(self) -> None:
        """There is room at once."""

    async def place(self, orders: Sequence[Order]) -> list[Placed]:
        self.orders += orders
        return [Placed(True, {draft.id: Stored(AT, None, False) for draft in order.drafts}) for order in orders]


def _nothing(*_: object) -> None:
    pass


def announcement(name: str = "example", **fields: Any) -> TypeAnnouncement:
    """What a worker would say of a handler."""
    return TypeAnnouncement(type=name, at=AT, **fields)


def offline_catalogue(*types: TypeAnnouncement) -> Catalogue:
    """A catalogue that has learned ``types`` and follows nothing."""
    catalogue = Catalogue(Database(ApiSettings()), None, lambda: None)  # type: ignore[arg-type,return-value]
    for announced in types or (announcement(),):
        catalogue.learn(announced)
    return catalogue


def offline_flow(database: Database, settings: ApiSettings) -> tuple[Flow, FlowChanges, FlowFigures]:
    """Flow control over a store that nobody may reach."""
    defaults = QueueDefaults(settings.queues, frozenset(settings.managed_queues), 400.0)
    flow = Flow(database, defaults, lambda: None, quiet_for=lambda: 0.0)  # type: ignore[arg-type,return-value]
    changes = FlowChanges(database, Topics(""), defaults, flow, hand_over=lambda rows: None, ids=new_id)
    return flow, changes, FlowFigures(database, defaults, Lag(settings))


def offline_app(*types: TypeAnnouncement, **settings: Any) -> tuple[FastAPI, MemoryPlacer]:
    """An application whose submits end in a list, and whose reads have no database."""
    made = ApiSettings(_env_file=None, database_url="postgresql://nobody@127.0.0.1:1/none", **settings)
    app = create_app(made)
    database, catalogue, placer = Database(made), offline_catalogue(*types), MemoryPlacer()
    waiters = Waiters(database)
    flow, changes, figures = offline_flow(database, made)
    drafter = Drafter(catalogue, flow.lane, made, SystemClock(), new_id)
    canceller = Canceller(database, Topics(""), ids=new_id, hand_over=_nothing, ease=placer.ease, notify=waiters.notify)
    firing = Firing(drafter, placer, canceller)  # type: ignore[arg-type]
    app.state.parts = Parts(
        settings=made,
        catalogue=catalogue,
        drafter=drafter,
        submitter=Submitter(database, placer, BacklogCaps(flow), group=100),  # type: ignore[arg-type]
        queries=Queries(database, waiters, flow),
        operations=Operations(
            database,
            catalogue,
            Topics(""),
            flow,
            hand_over=_nothing,
            ids=new_id,
            clock=SystemClock(),
            max_retries=3,
            wake_dispatcher=_nothing,
        ),
        canceller=canceller,
        schedules=Schedules(database, drafter, firing, SystemClock(), ids=new_id, wake=lambda: None),
        flow=flow,
        flow_control=FlowControl(made, catalogue, changes),
        flow_figures=figures,
        readiness=Readiness(database, catalogue, flow, dict),
        metrics=Metrics(catalogue.known, dict),
    )
    return app, placer
