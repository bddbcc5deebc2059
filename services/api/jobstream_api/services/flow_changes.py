"""Changes of what decides on gates: each is one transaction with its version and its record for the workers."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

from jobstream.contracts.topics import Topics
from jobstream.telemetry import Event, emit
from jobstream_api.domain.flow import FlowRules
from jobstream_api.domain.flow_changes import relaned, same
from jobstream_api.infrastructure.database import Connection, Database
from jobstream_api.repositories import flow, flow_settings, outbox
from jobstream_api.repositories.flow import QueueDefaults
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services.flow import Flow

FIRST_VERSION = 1


class FlowChanges:
    """The one way to change rules.

    Args:
        hand_over: takes outbox rows after their commit.
    """

    def __init__(
        self,
        database: Database,
        topics: Topics,
        defaults: QueueDefaults,
        flow_rules: Flow,
        *,
        hand_over: Callable[[Sequence[OutboxRow]], None],
        ids: Callable[[], UUID],
    ) -> None:
        self._database = database
        self._topics = topics
        self._defaults = defaults
        self._flow = flow_rules
        self._hand_over = hand_over
        self._ids = ids

    @asynccontextmanager
    async def change(self) -> AsyncIterator[Connection]:
        """A transaction in which settings are written. What follows from them is written at its end.

        Changes wait for one another from its beginning. One that changes nothing leaves nothing behind.
        """
        async with self._database.transaction() as connection:
            await flow_settings.lock(connection)
            before = await flow.load(connection, self._defaults)
            yield connection
            after = await flow.load(connection, self._defaults)
            rows: list[OutboxRow] = []
            if not same(before, after):
                after = replace(after, version=await flow.bump(connection, relaned(before, after)))
                rows = await self._announce(connection, after)
        self._hand_over(rows)
        self._flow.take(after)
        if rows:
            emit(Event.FLOW_CHANGED, version=after.version)

    async def publish(self, *, even_the_first: bool) -> None:
        """Tell the workers once more what holds, and every api process what a step of priority is worth.

        Args:
            even_the_first: also rules that nobody ever changed, and by which nothing has a gate.
        """
        async with self._database.transaction() as connection:
            await flow_settings.lock(connection)
            await flow.keep_priority_step(connection, self._defaults.priority_step_s)
            rules = await flow.load(connection, self._defaults)
            if not even_the_first and rules.version == FIRST_VERSION and not rules.managed_queues:
                return
            rows = await self._announce(connection, rules)
        self._hand_over(rows)

    async def _announce(self, connection: Connection, rules: FlowRules) -> list[OutboxRow]:
        row = await flow_settings.gates_row(connection, self._ids(), rules, self._topics)
        await outbox.insert(connection, [row])
        return [row]
