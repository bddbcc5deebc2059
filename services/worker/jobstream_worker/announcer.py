"""Tells of the worker itself: what types it runs, and that it is there."""

import os
import socket
import time
from importlib.metadata import version
from typing import Protocol

from jobstream.clock import Clock
from jobstream.contracts.events import WorkerEvent
from jobstream.contracts.headers import Headers
from jobstream.contracts.topics import Topics
from jobstream.handlers.registry import Registry
from jobstream.kafka.batches import Outgoing
from jobstream.kafka.outbound import Outbound
from jobstream.telemetry import Event, emit
from jobstream.wakeful import WakefulLoop
from jobstream_worker.runner import Runner

ALIVE_EVERY_S = 10.0
TYPES_EVERY_S = 300.0
MAX_ANNOUNCEMENT = 900_000
"""Bytes; Kafka takes a record of one megabyte."""
_MAX_TYPES = 1000


class Assignment(Protocol):
    """Knows which partitions are ours."""

    def by_topic(self) -> dict[str, list[int]]:
        """Their numbers, by topic."""
        ...


class Announcer(WakefulLoop):
    """Announces the types at the start and every few minutes, the worker every ten seconds.

    Attributes:
        metrics_url: where its metrics are, or None.
    """

    name = "announcer"

    def __init__(
        self,
        worker: str,
        registry: Registry,
        outbound: Outbound,
        topics: Topics,
        runner: Runner,
        assignment: Assignment,
        clock: Clock,
    ) -> None:
        super().__init__()
        self._worker = worker
        self._registry = registry
        self._outbound = outbound
        self._topics = topics
        self._runner = runner
        self._assignment = assignment
        self._clock = clock
        self._started_at = clock.now()
        self._types_at: float | None = None
        self._alive_pending = False
        self.metrics_url: str | None = None

    async def run(self) -> None:
        while not self.stopping.is_set():
            if self._types_at is None or time.monotonic() - self._types_at >= TYPES_EVERY_S:
                self._types_at = time.monotonic()
                self.announce_types()
            # One at a time: while Kafka is away, they must not pile up.
            if not self._alive_pending:
                self._alive_pending = True
                self._post("worker.heartbeat")
            await self.idle(ALIVE_EVERY_S)

    def announce_types(self) -> None:
        """Post what each handler takes and how it is retried."""
        for announcement in self._registry.announcements(self._clock.now()):
            value = announcement.to_json()
            if len(value) > MAX_ANNOUNCEMENT:
                emit(
                    Event.KAFKA_TROUBLE,
                    what="announcing a type",
                    error=f"the payload schema of {announcement.type} is too large; it is announced without",
                )
                value = announcement.model_copy(update={"payload_schema": None}).to_json()
            headers: Headers = [("content-type", b"application/json")]
            self._outbound.post(self._topics.types, Outgoing(announcement.type.encode(), value, headers))

    def farewell(self) -> None:
        """Post that the worker stops."""
        self._post("worker.stopped")

    def _post(self, kind: str) -> None:
        event = WorkerEvent(
            event=kind,
            worker=self._worker,
            at=self._clock.now(),
            host=socket.gethostname()[:255],
            pid=os.getpid(),
            version=version("jobstream"),
            started_at=self._started_at,
            concurrency=self._runner.concurrency,
            running=self._runner.active,
            types=self._registry.types[:_MAX_TYPES],
            partitions=self._assignment.by_topic(),
            metrics_url=self.metrics_url,
        )
        record = Outgoing(self._worker.encode(), event.to_json(), event.headers(), spread=True)
        self._outbound.post(self._topics.status, record, self._told)

    def _told(self, _partition: int, _offset: int) -> None:
        self._alive_pending = False
