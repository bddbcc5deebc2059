"""A worker's parts without Kafka: records are handed in, and acknowledges are given by hand."""

import asyncio
import contextvars
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from jobstream import JobContext, handler
from jobstream.contracts.events import StatusEvent
from jobstream.contracts.headers import ORIGIN_HEADER
from jobstream.contracts.jobs import Job
from jobstream.contracts.topics import Topics
from jobstream.handlers.declare import spec_of
from jobstream.handlers.registry import Registry
from jobstream.ids import new_id
from jobstream.kafka.batches import Outgoing
from jobstream.kafka.group import TopicPartition
from jobstream_worker.admission import Admission
from jobstream_worker.blocks import Blocks
from jobstream_worker.control import Control
from jobstream_worker.counts import Counts
from jobstream_worker.executor import Executor
from jobstream_worker.gatekeeper import Gatekeeper
from jobstream_worker.heartbeat import Heartbeats
from jobstream_worker.leases import Leases
from jobstream_worker.ledger import Ledger
from jobstream_worker.orders import Orders
from jobstream_worker.publisher import Publisher
from jobstream_worker.reports import Reports
from jobstream_worker.runner import Runner
from jobstream_worker.slots import Slot

_VARIABLE: contextvars.ContextVar[int | None] = contextvars.ContextVar("_VARIABLE", default=None)
PLACE = TopicPartition("jobs.created", 0)
LEASE_S = 30.0


class HandClock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 10, 1, tzinfo=UTC) + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at


class HeldOutbound:
    """Keeps what is posted, and acknowledges it when told; offsets count up from 100."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, bytes, bytes]] = []
        self._waiting: dict[int, Callable[[int, int], None] | None] = {}
        self.sequence = 0
        self.offset = 100
        self.waiting_bytes = 0
        self.landed: Callable[[str, int, int], None] = lambda _topic, _partition, _end: None
        self.turned: Callable[[], None] = lambda: None

    @property
    def oldest(self) -> int | None:
        return next(iter(self._waiting), None)

    def post(self, topic: str, record: Outgoing, acknowledged: Callable[[int, int], None] | None = None) -> None:
        assert record.key is not None
        assert record.value is not None
        self.sequence += 1
        self.waiting_bytes += len(record.value)
        self.posted.append((topic, record.key, record.value))
        self._waiting[self.sequence] = acknowledged

    def acknowledge(self, partition: int = 0) -> None:
        """Everything posted stands on ``partition`` now."""
        landed, self._waiting = self._waiting, {}
        self.waiting_bytes = 0
        begin, self.offset = self.offset, self.offset + len(landed)
        self.landed("jobs.status", partition, self.offset)
        for offset, acknowledged in enumerate(landed.values(), begin):
            if acknowledged is not None:
                acknowledged(partition, offset)
        self.turned()

    def events(self) -> list[StatusEvent]:
        """The status events among them."""
        return [StatusEvent.read(orjson.loads(value)) for topic, _, value in self.posted if topic == "jobs.status"]


@dataclass
class Gate:
    """The handler ``gated``: starts are noted, and each run waits until it is let go."""

    started: list[Any] = field(default_factory=list)
    contexts: list[JobContext] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    tasks: list[Any] = field(default_factory=list)
    timers: list[asyncio.TimerHandle] = field(default_factory=list)
    waiting: list[Any] = field(default_factory=list)
    clock: "HandClock | None" = None

    def registry(self) -> Registry:
        gate = self

        @handler("gated")
        async def gated(payload: dict, ctx: JobContext) -> dict:
            gate.started.append(payload.get("n"))
            gate.contexts.append(ctx)
            gate.waiting.append(asyncio.current_task())
            await gate.open.wait()
            return {"n": payload.get("n")}

        @handler("instant")
        async def instant(payload: dict) -> None:
            gate.started.append(payload.get("n"))

        @handler("tells_task")
        async def tells_task(payload: dict) -> None:
            gate.tasks.append(asyncio.current_task())

        @handler("sets_variable")
        async def sets_variable(payload: dict) -> None:
            gate.started.append(_VARIABLE.get())
            _VARIABLE.set(payload["n"])

        @handler("keeps_variable")
        async def keeps_variable(payload: dict) -> int | None:
            _VARIABLE.set(payload["n"])
            await gate.open.wait()
            return _VARIABLE.get()

        @handler("takes_time")
        async def takes_time(payload: dict) -> None:
            assert gate.clock is not None
            gate.clock.at += payload["clock"]
            gate.started.append(payload.get("n"))

        @handler("cancels_itself")
        async def cancels_itself(payload: dict) -> None:
            task = asyncio.current_task()
            assert task is not None
            task.cancel()

        @handler("leaves_a_timer")
        async def leaves_a_timer(payload: dict) -> None:
            task = asyncio.current_task()
            assert task is not None
            gate.tasks.append(task)
            gate.timers.append(asyncio.get_running_loop().call_later(60, task.cancel))

        handlers = (
            gated,
            instant,
            tells_task,
            sets_variable,
            keeps_variable,
            takes_time,
            cancels_itself,
            leaves_a_timer,
        )
        specs = [spec_of(function) for function in handlers]
        return Registry([spec for spec in specs if spec is not None])


@dataclass
class Record:
    """A record as a consumer gives it."""

    value: bytes | None
    offset: int
    topic: str = PLACE.topic
    partition: int = PLACE.partition
    timestamp: int = 1_760_000_000_000
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Desk:
    """The parts, put together as the app does."""

    def __init__(self, concurrency: int = 10) -> None:
        self.clock = HandClock()
        self.outbound = HeldOutbound()
        self.gate = Gate(clock=self.clock)
        self.counts = Counts()
        self.ledger = Ledger()
        registry = self.gate.registry()
        self.executor = Executor(
            registry, (), concurrency=concurrency, process_slots=1, cancel_grace_s=1.0, clock=self.clock
        )
        self.publisher = Publisher(self.outbound, "jobs.status")  # type: ignore[arg-type]
        self.reports = Reports("me", LEASE_S, self.clock)
        self.runner = Runner(
            self.executor,
            self.publisher,
            self.reports,
            self.ledger,
            self.counts,
            self.clock,
            concurrency=concurrency,
            process_slots=1,
        )
        self.orders, self.gatekeeper = Orders(), Gatekeeper()
        self.control = Control(self.orders, self.gatekeeper, self.runner, self.ledger, Topics(""))
        self.blocks = Blocks("me", self.runner, self.clock, lease_s=LEASE_S)
        self.leases = Leases(self.runner.announce, self.clock)
        self.heartbeats = Heartbeats(
            self.publisher, self.reports, self.runner, self.counts, self.clock, lease_s=LEASE_S
        )
        self.runner.waits = self.leases.watch
        self.outbound.turned = self.runner.go_on
        self.runner.leased = self.heartbeats.watch
        self.admission = Admission(
            registry,
            self.runner,
            self.ledger,
            self.orders,
            self.gatekeeper,
            Topics(""),
            self.counts,
            self.clock,
        )
        self.slot = self.open_slot()
        self._offset = 0

    def open_slot(self, suspect: int = 0, place: TopicPartition = PLACE) -> Slot:
        """A partition without a backlog; its first ``suspect`` records may have been started before."""
        slot = Slot(place, lambda: None)
        slot.open(0, suspect, None, ())
        return slot

    def direct(self, slot: Slot | None = None, *, offset: int | None = None, **fields: Any) -> int:
        """Hand in a direct record; returns its offset."""
        body = {"type": "gated", "payload": {}} | fields
        return self._hand_in(slot, offset, orjson.dumps(body), ())

    def from_api(self, slot: Slot | None = None, *, offset: int | None = None, **fields: Any) -> int:
        """Hand in a record of the api."""
        job = Job(
            **{
                "id": new_id(),
                "type": "gated",
                "queue": "default",
                "payload": {},
                "created_at": self.clock.now(),
                **fields,
            }
        )
        return self._hand_in(slot, offset, job.to_json(), ((ORIGIN_HEADER, b"api"),))

    def raw(self, value: bytes | None, **place: Any) -> int:
        """Hand in anything."""
        return self._hand_in(None, None, value, (), **place)

    def _hand_in(
        self,
        slot: Slot | None,
        offset: int | None,
        value: bytes | None,
        headers: tuple[tuple[str, bytes], ...],
        **place: Any,
    ) -> int:
        slot = slot or self.slot
        if offset is None:
            offset, self._offset = self._offset, self._offset + 1
        record = Record(value, offset, slot.partition.topic, slot.partition.partition, headers=headers, **place)
        self.admission.admit(slot, [record])
        return offset

    def kinds(self) -> list[str]:
        """The kinds of the events posted so far."""
        return [event.event.value for event in self.outbound.events()]

    async def settle(self) -> None:
        """Let tasks run until nothing moves."""
        for _ in range(20):
            await asyncio.sleep(0)
