"""Flow: what decides on gates, in the memory of every api process."""

import time
from collections.abc import Callable, Mapping
from typing import Any

from jobstream.contracts.control import GATES_KEY, Gates
from jobstream.contracts.limits import MAX_RECORD_BYTES, parse_json
from jobstream.errors import InvalidInput
from jobstream.kafka.follower import TopicFollower
from jobstream_api.domain.flow import FlowRules
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import flow
from jobstream_api.repositories.flow import QueueDefaults
from jobstream_api.services.following import Following

_POLL_S = 1.0
_QUIET_S = 8.0
"""Kafka is asked every few seconds. Silent for so long it is away, and nobody tells of changes."""
_ALONE_S = 3.0


class Flow(Following):
    """Knows the rules. Loaded from the database, and again when the control topic tells of a change.

    Asking it never waits. While Kafka is away the database is asked every few seconds instead.

    Args:
        follow: makes a follower of the control topic.
        quiet_for: seconds since Kafka has answered anything.
    """

    name = "flow"

    def __init__(
        self,
        database: Database,
        defaults: QueueDefaults,
        follow: Callable[[], TopicFollower],
        *,
        quiet_for: Callable[[], float],
    ) -> None:
        super().__init__(follow)
        self._database = database
        self._defaults = defaults
        self._quiet_for = quiet_for
        self._loaded_at = 0.0
        self.rules = FlowRules()
        self.gated = False
        self.loaded = False

    def lane(self, job_type: str, queue: str, key: str | None, payload: Mapping[str, Any]) -> str | None:
        """The text of a job's lane; None if it has no gate to pass."""
        if not self.gated:
            return None
        lane = self.rules.lane(job_type, queue, key, payload)
        return None if lane is None else lane.to_text()

    def take(self, rules: FlowRules) -> None:
        """Rules that were read now, or written by this process. Older ones than those it has are passed over."""
        if rules.version >= self.rules.version:
            self.rules = rules
            self.gated = bool(rules.gated_types or rules.managed_queues)

    async def before(self) -> None:
        await self._load()

    async def begin(self, follower: TopicFollower) -> None:
        await self._load()  # what was told before we stood at the end

    async def turn(self, follower: TopicFollower) -> None:
        records = await follower.read(_POLL_S)
        away = self._quiet_for() > _QUIET_S and time.monotonic() - self._loaded_at > _ALONE_S
        if away or any(self._is_news(record) for record in records):
            await self._load()

    def _is_news(self, record: Any) -> bool:
        if record.key != GATES_KEY:
            return False
        try:
            gates = Gates.read(parse_json(record.value or b"", max_bytes=MAX_RECORD_BYTES))
        except InvalidInput:
            return True  # whatever it was to say
        return gates.version > self.rules.version

    async def _load(self) -> None:
        async with self._database.transaction() as connection:
            rules = await flow.load(connection, self._defaults)
        self.take(rules)
        self._loaded_at = time.monotonic()
        self.loaded = True
