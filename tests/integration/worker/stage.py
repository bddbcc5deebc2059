"""A stage for workers alone: topics of their own, records in, status events and ledger out."""

import asyncio
import os
import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson

from jobstream.contracts.events import EventKind, StatusEvent, WorkerEvent, read_status
from jobstream.contracts.headers import ORIGIN_HEADER
from jobstream.contracts.jobs import Job
from jobstream.contracts.topics import Topics
from jobstream.kafka.clients import make_consumer, make_producer
from jobstream.kafka.ends import Ends
from jobstream.kafka.follower import TopicFollower
from jobstream_worker.settings import WorkerSettings

HANDLERS = "tests.integration.worker.ledger_handlers"
ROOT = Path(__file__).parents[3]
COMMAND = "import typer; from jobstream_worker.commands import worker; typer.run(worker)"


@dataclass(frozen=True, slots=True)
class Noted:
    """One line of the ledger."""

    what: str
    n: int
    key: str
    job_id: UUID
    attempt: int
    run_id: UUID
    pid: int
    at: float


class Process:
    """A worker in a process of its own."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path) -> None:
        self._process = process
        self.log = log

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def code(self) -> int | None:
        return self._process.returncode

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    async def ended(self, deadline_s: float) -> int:
        """Its exit code, once it ended."""
        async with asyncio.timeout(deadline_s):
            return await self._process.wait()

    async def kill(self) -> None:
        if self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


class Stage:
    """Everything a scenario needs of Kafka, with a prefix of its own."""

    def __init__(self, settings: WorkerSettings, folder: Path) -> None:
        self.settings = settings
        self.topics = Topics(settings.topic_prefix)
        self.folder = folder
        self.ledger_path = folder / "ledger"
        self.ledger_path.touch()
        self.events: list[StatusEvent] = []
        self.worker_events: list[WorkerEvent] = []
        self._processes: list[Process] = []
        self._producer: Any = None
        self._follower = TopicFollower(settings, "stage", self.topics.status)
        self._ends = Ends(settings, "stage-ends")
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._producer = make_producer(self.settings, "stage")
        await self._producer.start()
        await self._follower.start()
        self._follower.rewind([])
        self._reading = asyncio.create_task(self._read())

    async def stop(self) -> None:
        for process in self._processes:
            await process.kill()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        await self._follower.stop()
        await self._ends.close()
        await self._producer.stop()

    async def _read(self) -> None:
        while True:
            for record in await self._follower.read(0.2):
                event = read_status(orjson.loads(record.value))
                (self.worker_events if isinstance(event, WorkerEvent) else self.events).append(event)  # type: ignore[arg-type]

    # records in

    async def put(self, payload: dict[str, Any], *, partition: int | None = None, **fields: Any) -> None:
        """Write a direct record, keyed as any client would key it."""
        await self.put_raw(orjson.dumps({"payload": payload, **fields}), partition=partition, key=fields.get("key"))

    async def put_raw(self, value: bytes | None, *, partition: int | None = None, key: str | None = None) -> None:
        """Write any record."""
        await self._producer.send_and_wait(
            self.topics.jobs(), value, (key or "-").encode() if value is None or key else None, partition=partition
        )

    async def put_job(self, job: Job, *, partition: int | None = None) -> None:
        """Write a job as the api writes it."""
        await self._producer.send_and_wait(
            self.topics.jobs(),
            job.to_json(),
            (job.key or str(job.id)).encode(),
            partition=partition,
            headers=[(ORIGIN_HEADER, b"api")],
        )

    # what came of it

    def outcomes(self) -> dict[UUID, list[StatusEvent]]:
        """All outcome events, by job."""
        found: defaultdict[UUID, list[StatusEvent]] = defaultdict(list)
        for event in self.events:
            if event.event.rank == 2:
                found[event.id].append(event)
        return found

    def of_kind(self, kind: EventKind) -> list[StatusEvent]:
        return [event for event in self.events if event.event is kind]

    def ledger(self) -> list[Noted]:
        """What the handlers noted, in order."""
        noted = []
        for line in self.ledger_path.read_text().splitlines():
            what, n, key, job_id, attempt, run_id, pid, at = line.split()
            noted.append(Noted(what, int(n), key, UUID(job_id), int(attempt), UUID(run_id), int(pid), float(at)))
        return noted

    def starts(self) -> list[Noted]:
        return [line for line in self.ledger() if line.what == "start"]

    async def lag(self) -> int:
        """Records of the default queue that the group has not committed."""
        topic = self.topics.jobs()
        ends = await self._ends.ends([topic])
        committed = await self._ends.committed(self.settings.worker_group)
        return sum(end - committed.get(place, (0, ""))[0] for place, end in ends.items())

    async def committed(self) -> dict[tuple[str, int], tuple[int, str]]:
        return await self._ends.committed(self.settings.worker_group)

    async def until(self, condition: Callable[[], Any], deadline_s: float = 30.0, what: str = "it") -> Any:
        """Poll ``condition``, plain or async, until it is true; its value."""
        until = time.monotonic() + deadline_s
        while True:
            value = condition()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return value
            assert time.monotonic() < until, f"{what} did not come true within {deadline_s:g} s"
            await asyncio.sleep(0.05)

    # workers

    async def worker(self, failpoint: str | None = None, **settings: Any) -> Process:
        """Start a worker process."""
        # Killed members are expelled after their session; the least Kafka allows keeps the scenarios short.
        names = {"handlers": HANDLERS, "worker_session_s": 6, "topic_prefix": self.settings.topic_prefix, **settings}
        names["kafka_bootstrap_servers"] = self.settings.kafka_bootstrap_servers
        names["topic_partitions"] = self.settings.topic_partitions
        env = os.environ | {f"JOBSTREAM_{name.upper()}": str(value) for name, value in names.items()}
        env |= {"JOBSTREAM_TEST_LEDGER": str(self.ledger_path), "PYTHONPATH": str(ROOT)}
        env.pop("JOBSTREAM_FAILPOINT", None)
        if failpoint is not None:
            env["JOBSTREAM_FAILPOINT"] = failpoint
        log = self.folder / f"worker-{len(self._processes)}.log"
        with log.open("w") as stderr:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-c", COMMAND, env=env, stdout=stderr, stderr=stderr, cwd=self.folder
            )
        started = Process(process, log)
        self._processes.append(started)
        return started

    async def bystander(self) -> Any:
        """A plain member of the workers' group that takes no record: its coming and going is a rebalance."""
        consumer = make_consumer(self.settings, "bystander", group_id=self.settings.worker_group)
        consumer.subscribe([self.topics.jobs()])
        await consumer.start()
        return consumer
