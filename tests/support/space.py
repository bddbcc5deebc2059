"""A space of one test: its own topics and tables on the suite's servers, and processes that live in it."""

import os
import secrets
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import orjson
from aiokafka import AIOKafkaProducer

from jobstream.contracts.topics import Topics
from jobstream.errors import BrokerUnavailable
from jobstream.kafka.topics import apply, delete
from jobstream.local.ports import free_port
from jobstream.local.processes import Command, Process
from jobstream.settings import Settings
from jobstream_api.infrastructure.database import Connection
from jobstream_api.infrastructure.migrate import upgrade
from jobstream_api.settings import ApiSettings
from tests.support.cluster import Cluster
from tests.support.eventually import eventually

ROOT = Path(__file__).parents[2]
HANDLERS = "tests.support.handlers"
STRICT = f"jobstream_worker.examples.example,{HANDLERS},tests.support.strict_handlers"
"""JOBSTREAM_HANDLERS with those that ask for strict order."""


class Running:
    """A process of the space."""

    def __init__(self, process: Process, log: Path, url: str) -> None:
        self._process = process
        self._log = log
        self.url = url

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for the signal that ended it."""
        return self._process.poll()

    def send(self, number: signal.Signals) -> None:
        """Signal it."""
        self._process.send(number)

    async def kill(self) -> None:
        """kill -9, and wait for the end."""
        self._process.kill()
        await self._process.wait(5.0)

    async def stop(self, grace_s: float = 30.0) -> int:
        """SIGTERM; returns the exit code. Killed, with -9 as the code, after the grace."""
        return await self._process.stop(grace_s)

    async def gone(self, timeout_s: float = 30.0) -> int | None:
        """The exit code once it ended by itself, or None if it has not."""
        return await self._process.wait(timeout_s)

    def log_text(self) -> str:
        """All that it logged."""
        return self._log.read_text(errors="replace")


class Space:
    """Topics and tables of one test."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        name = f"t{secrets.token_hex(4)}"
        self.cluster = cluster
        self.folder = folder
        self.prefix = f"{name}."
        self.schema = name
        self.topics = Topics(self.prefix)
        self.ledger = folder / "ledger"
        self.started: list[Running] = []
        self.env = {
            **cluster.env,
            "JOBSTREAM_DATABASE_URL": cluster.database_url,
            "JOBSTREAM_DATABASE_SCHEMA": self.schema,
            "JOBSTREAM_TOPIC_PREFIX": self.prefix,
            "JOBSTREAM_TOPIC_PARTITIONS": "4",
            "JOBSTREAM_HANDLERS": f"jobstream_worker.examples.example,{HANDLERS}",
            "JOBSTREAM_LOG_FORMAT": "console",
            "JOBSTREAM_LOG_LEVEL": "INFO",
            # Long enough for a loaded machine, short enough for a test.
            "JOBSTREAM_WORKER_LEASE_S": "6",
            "JOBSTREAM_REAPER_INTERVAL_S": "1",
            "JOBSTREAM_REAPER_HOLD_OFF_S": "2",
            "JOBSTREAM_LEADER_TTL_S": "3",
            # The least that Kafka takes: partitions of a killed process are free again after so long.
            "JOBSTREAM_API_SESSION_S": "6",
            "JOBSTREAM_WORKER_SESSION_S": "6",
            "LEDGER": str(self.ledger),
        }
        self._database: asyncpg.Pool[asyncpg.Record] | None = None
        self._producer: AIOKafkaProducer | None = None

    def settings(self, kind: type[Settings] = ApiSettings, **overrides: Any) -> Any:
        """Settings of this space, for parts that run inside the test."""
        given = {
            name: self.env[variable]
            for name in kind.model_fields
            if (variable := f"JOBSTREAM_{name.upper()}") in self.env
        }
        return kind(_env_file=None, **(given | overrides))

    async def prepare(self, **env: str) -> None:
        """Make topics and tables."""
        self.env |= env
        await apply(self.settings())
        await upgrade(self.cluster.database_url, self.schema)

    async def close(self) -> None:
        """Stop what runs, forget tables and topics: a broker gets slow with the partitions of a whole suite."""
        for running in self.started:
            await running.kill()
        if self._producer is not None:
            await self._producer.stop()
        with suppress(BrokerUnavailable):  # a test may have taken the broker away
            await delete(self.settings())
        await self.execute(f'DROP SCHEMA IF EXISTS "{self.schema}" CASCADE')
        if self._database is not None:
            await self._database.close()

    # processes

    async def start_api(self, *, ready: bool = True, **env: str) -> Running:
        """Start an api and wait until it is ready."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        running = self._spawn("api", url, {"JOBSTREAM_API_PORT": str(port), **env})
        if ready:
            await self._until_ready(running)
        return running

    async def start_worker(self, *, ready: bool = True, **env: str) -> Running:
        """Start a worker and wait until it is ready."""
        port = free_port()
        url = f"http://127.0.0.1:{port}"
        running = self._spawn("worker", url, {"JOBSTREAM_WORKER_METRICS_PORT": str(port), **env})
        if ready:
            await self._until_ready(running)
        return running

    async def start_all(self, *, workers: int = 1, **env: str) -> tuple[Running, list[Running]]:
        """An api and workers; returns when the api knows the workers' types."""
        api = await self.start_api(**env)
        started = [await self.start_worker(**env) for _ in range(workers)]
        async with self.http(api) as client:

            async def known() -> bool:
                types = (await client.get("/job-types")).json()["items"]
                return any(entry["type"] == "instant" for entry in types)

            await eventually(known, what="the api knows the workers' types")
        return api, started

    def _spawn(self, role: str, url: str, env: dict[str, str]) -> Running:
        log = self.folder / f"{role}-{len(self.started)}.log"
        command = Command(
            name=role,
            argv=[sys.executable, "-m", "jobstream.cli", role],
            env={**os.environ, **self.env, "PYTHONPATH": str(ROOT), **env},
            log=log,
            cwd=self.folder,
        )
        running = Running(self.cluster.family.spawn(command), log, url)
        self.started.append(running)
        return running

    async def _until_ready(self, running: Running) -> None:
        async with httpx2.AsyncClient(base_url=running.url, timeout=5) as client:

            async def ready() -> bool:
                assert running.exit_code is None, f"it ended: {running.log_text()[-2000:]}"
                try:
                    return (await client.get("/readyz")).status_code == 200
                except httpx2.TransportError:
                    return False

            try:
                await eventually(ready, timeout=60, what="the process is ready")
            except AssertionError as error:
                raise AssertionError(f"{error}\n{running.log_text()[-3000:]}") from None

    # doors

    @asynccontextmanager
    async def http(self, api: Running) -> AsyncIterator[httpx2.AsyncClient]:
        """A client of an api."""
        async with httpx2.AsyncClient(base_url=api.url, timeout=30) as client:
            yield client

    async def produce(
        self,
        values: Sequence[bytes | dict[str, Any] | None],
        *,
        topic: str | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        headers: Sequence[tuple[str, bytes]] = (),
        timestamp_ms: int | None = None,
    ) -> list[tuple[int, int]]:
        """Write records as any program would; returns (partition, offset) of each."""
        if self._producer is None:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self.cluster.env["JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS"],
                max_request_size=2_000_000,
                metadata_max_age_ms=1000,  # sees a partition that a test adds
            )
            await self._producer.start()
        futures = [
            await self._producer.send(
                topic or self.topics.jobs(),
                orjson.dumps(value) if isinstance(value, dict) else value,
                # A record with neither key nor value is one that the client refuses to send.
                key=b"-" if value is None and key is None else key,
                partition=partition,
                headers=list(headers),
                timestamp_ms=timestamp_ms,
            )
            for value in values
        ]
        return [((done := await future).partition, done.offset) for future in futures]

    # tables

    @asynccontextmanager
    async def key_in_flight(self, key: str) -> AsyncIterator[None]:
        """A submit with this Idempotency-Key is under way in another process for as long."""
        async with self.connection() as other:
            transaction = other.transaction()
            await transaction.start()
            await other.execute(
                "INSERT INTO idempotency_keys (scope, key, request_hash, job_ids, expires_at)"
                " VALUES ('submit', $1, '', '{}', now() + interval '1 day')",
                key,
            )
            try:
                yield
            finally:
                await transaction.rollback()

    async def fetch(self, sql: str, *args: Any) -> list[asyncpg.Record]:
        """Rows of a query in this space's schema."""
        if self._database is None:
            self._database = await asyncpg.create_pool(
                self.cluster.database_url, min_size=0, max_size=2, server_settings={"search_path": self.schema}
            )
        return await self._database.fetch(sql, *args)

    async def execute(self, sql: str, *args: Any) -> None:
        """Run a statement."""
        await self.fetch(sql, *args)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A connection of one's own, for transactions that stay open."""
        connection = await asyncpg.connect(self.cluster.database_url, server_settings={"search_path": self.schema})
        try:
            yield connection
        finally:
            await connection.close()

    async def count(self, table: str) -> int:
        """How many rows a table has."""
        rows = await self.fetch(f"SELECT count(*) FROM {table}")
        return int(rows[0][0])

    async def statuses(self) -> dict[str, int]:
        """How many jobs are in which state."""
        rows = await self.fetch("SELECT status, count(*) FROM jobs GROUP BY status")
        return {row["status"]: row["count"] for row in rows}

    async def until_all(self, status: str, number: int, timeout: float = 60.0) -> None:
        """Wait until exactly ``number`` jobs exist and all are in ``status``."""

        async def there() -> bool:
            statuses = await self.statuses()
            assert statuses == {status: number}, f"{statuses}"
            return True

        await eventually(there, timeout=timeout, every=0.2, what=f"{number} jobs are {status}")

    def runs(self) -> list[dict[str, Any]]:
        """What the handlers wrote into the ledger: one entry per line, in order."""
        if not self.ledger.exists():
            return []
        return [orjson.loads(line) for line in self.ledger.read_bytes().splitlines() if line.endswith(b"}")]
