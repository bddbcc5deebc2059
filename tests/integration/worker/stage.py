"""A stage for workers alone: no api, only records in, and status events and the handlers' ledger out."""

import asyncio
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from jobstream.contracts.control import GATES_KEY, CancelOrder, Gates
from jobstream.contracts.events import EventKind, StatusEvent, WorkerEvent, read_status
from jobstream.contracts.headers import ORIGIN_HEADER
from jobstream.contracts.jobs import Job
from jobstream.kafka.clients import make_consumer
from jobstream.kafka.ends import Ends
from jobstream.kafka.follower import TopicFollower
from jobstream.kafka.topics import apply
from jobstream_worker.settings import WorkerSettings
from tests.support.cluster import Cluster
from tests.support.eventually import eventually
from tests.support.space import Space


class Stage(Space):
    """A space without an api; whoever writes to its topics is a direct producer."""

    def __init__(self, cluster: Cluster, folder: Path, partitions: int) -> None:
        super().__init__(cluster, folder)
        # Killed members are expelled after their session; the least Kafka allows keeps the scenarios short.
        self.env |= {"JOBSTREAM_TOPIC_PARTITIONS": str(partitions), "JOBSTREAM_WORKER_SESSION_S": "6"}
        self.worker_settings = self.settings(WorkerSettings)
        self.events: list[StatusEvent] = []
        self.worker_events: list[WorkerEvent] = []
        self._follower = TopicFollower(self.worker_settings, "stage", self.topics.status)
        self._ends = Ends(self.worker_settings, "stage-ends")
        self._reading: asyncio.Task[None] | None = None

    async def prepare(self, **env: str) -> None:
        """Make the topics, and begin to read the status topic."""
        await apply(self.worker_settings)
        await self._follower.start()
        self._follower.rewind([])
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._follower.stop()
        await self._ends.close()
        await super().close()

    async def _read(self) -> None:
        while True:
            for record in await self._follower.read(0.2):
                event = read_status(orjson.loads(record.value))
                if isinstance(event, WorkerEvent):
                    self.worker_events.append(event)
                else:
                    self.events.append(event)

    # records in

    async def put(self, job_type: str, *, partition: int | None = None, key: str | None = None, **payload: Any) -> None:
        """Write a direct record, with its key where any client would put it."""
        record = {"type": job_type, "payload": payload} | ({"key": key} if key else {})
        await self.produce([record], partition=partition, key=key.encode() if key else None)

    async def put_job(self, job: Job) -> None:
        """Write a job as the api writes it."""
        await self.produce([job.to_json()], key=str(job.id).encode(), headers=[(ORIGIN_HEADER, b"api")])

    async def tell(self, said: CancelOrder | Gates) -> None:
        """Write to the control topic as the api does."""
        key = GATES_KEY if isinstance(said, Gates) else str(said.id).encode()
        await self.produce([said.to_json()], topic=self.topics.control, key=key)

    async def cancel(self, job_id: UUID, reason: str | None = None) -> None:
        """Order the end of a job's first dispatch."""
        await self.tell(CancelOrder(id=job_id, dispatch=1, at=datetime.now(UTC), reason=reason))

    async def gates(self, version: int, **fields: list[str]) -> None:
        """Tell all workers of gates."""
        await self.tell(Gates(version=version, at=datetime.now(UTC), **fields))

    # what came of it

    def outcomes(self) -> dict[UUID, list[StatusEvent]]:
        """All outcome events, by job."""
        found: defaultdict[UUID, list[StatusEvent]] = defaultdict(list)
        for event in self.events:
            if event.event.rank == 2:
                found[event.id].append(event)
        return found

    def of_kind(self, kind: EventKind) -> list[StatusEvent]:
        """All events of one kind."""
        return [event for event in self.events if event.event is kind]

    def starts(self) -> list[dict[str, Any]]:
        """The ledger's starts."""
        return [line for line in self.runs() if line["what"] == "start"]

    def ends(self) -> list[dict[str, Any]]:
        """The ledger's ends."""
        return [line for line in self.runs() if line["what"] == "end"]

    def shares(self) -> list[int]:
        """How many partitions each worker that has not stopped said it has, at last."""
        newest = {event.worker: event for event in self.worker_events}
        return sorted(
            sum(len(numbers) for numbers in event.partitions.values())
            for event in newest.values()
            if event.event == "worker.heartbeat"
        )

    async def committed(self) -> dict[tuple[str, int], tuple[int, str]]:
        """What the workers' group has committed."""
        return await self._ends.committed(self.worker_settings.worker_group)

    async def lag(self) -> int:
        """Records of the default queue that the group has not committed."""
        ends = await self._ends.ends([self.topics.jobs()])
        committed = await self.committed()
        return sum(end - committed.get(place, (0, ""))[0] for place, end in ends.items())

    async def lag_is_zero(self, timeout: float = 30.0) -> None:
        """Wait until everything on the default queue's topic is committed."""

        async def zero() -> bool:
            return await self.lag() == 0

        await eventually(zero, timeout=timeout, what="lag 0")

    async def all_ended(self, number: int, timeout: float = 60.0) -> None:
        """Wait for outcomes of ``number`` jobs; each must have one only."""
        await eventually(lambda: len(self.outcomes()) >= number, timeout=timeout, what=f"{number} jobs have ended")
        assert {len(events) for events in self.outcomes().values()} == {1}
        assert len(self.outcomes()) == number

    async def bystander(self) -> Any:
        """A plain member of the workers' group that takes no record: its coming and going is a rebalance."""
        consumer = make_consumer(self.worker_settings, "bystander", group_id=self.worker_settings.worker_group)
        consumer.subscribe([self.topics.jobs()])
        await consumer.start()
        return consumer
