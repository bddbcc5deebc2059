"""Where the system is that is measured: one of our own that lives as long as the run, or one that was named."""

import asyncio
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import httpx2
import psutil

from bench.processes import Cpu, Part
from jobstream.cli.bench.wire import Target
from jobstream.local import jars
from jobstream.local.cluster import EXAMPLES, Cluster, Options
from jobstream.local.ports import HOST, free_port
from jobstream.local.processes import Command, Family, Process
from jobstream.local.readiness import http_ready, workers_heard
from jobstream.settings import Settings

HANDLERS = f"{EXAMPLES},bench.handlers"
API_PORT = 18_000
PARTS = {
    "api": ("jobstream.cli", "api"),
    "worker": ("jobstream.cli", "worker"),
    "kafka": ("kafka.Kafka",),
    "postgres": ("/bin/postgres", "-D"),
}
"""Words in the command line of each part's process."""


@dataclass
class Place:
    """A running system.

    Attributes:
        broker: as of `jobstream up`; None: the system is somebody else's.
        log: what PostgreSQL logs; None: not in reach.
        family: starts workers; None: the workers are somebody else's.
    """

    host: str
    port: int
    kafka: str
    database: str
    broker: str | None = None
    folder: Path | None = None
    log: Path | None = None
    family: Family | None = None
    worker_env: Mapping[str, str] = field(default_factory=dict)
    workers: list[Process] = field(default_factory=list)

    @property
    def api(self) -> str:
        return f"http://{self.host}:{self.port}"

    @property
    def target(self) -> Target:
        return Target(self.host, self.port, tls=False)

    @property
    def settings(self) -> Settings:
        return Settings(kafka_bootstrap_servers=self.kafka)

    def parts(self) -> dict[str, Part]:
        """The processes by part; none if the system is somebody else's."""
        if self.family is None:
            return {}
        found: dict[str, list[int]] = {name: [] for name in PARTS}
        for child in psutil.Process().children():
            words = " ".join(_command_line(child))
            for name, marks in PARTS.items():
                if all(mark in words for mark in marks):
                    found[name].append(child.pid)
                    break
        return {name: Part(pids) for name, pids in found.items() if pids}

    def cpu(self) -> Cpu:
        """A meter that begins now."""
        return Cpu(self.parts())

    async def start_workers(self, count: int, **env: str) -> None:
        """Start workers and wait until they are ready and the api knows their types.

        Args:
            env: settings of theirs, without the prefix.
        """
        assert self.family is not None
        assert self.folder is not None
        async with httpx2.AsyncClient(trust_env=False) as client:
            started = []
            for _ in range(count):
                port = free_port()
                settings = {f"JOBSTREAM_{name}": value for name, value in env.items()}
                settings["JOBSTREAM_WORKER_METRICS_PORT"] = str(port)
                number = len(self.workers) + 1
                process = self.family.spawn(
                    Command(
                        f"worker-{number}",
                        [sys.executable, "-m", "jobstream.cli", "worker"],
                        env={**os.environ, **self.worker_env, **settings},
                        log=self.folder / "logs" / f"worker-{number}.log",
                        grace_s=45.0,
                    )
                )
                self.workers.append(process)
                started.append(http_ready(client, f"http://{HOST}:{port}", process, timeout_s=60.0))
            await asyncio.gather(*started)
            await workers_heard(client, self.api, {worker.pid for worker in self.workers})

    async def stop_workers(self) -> None:
        """Stop every worker that was started here."""
        workers, self.workers = self.workers, []
        await asyncio.gather(*(worker.stop() for worker in workers))

    async def versions(self) -> dict[str, str]:
        """Of PostgreSQL and, where it is ours, Kafka."""
        connection = await asyncpg.connect(self.database, timeout=10)
        try:
            told = {"postgresql": str(await connection.fetchval("SHOW server_version")).split()[0]}
        finally:
            await connection.close(timeout=5)
        named = re.search(r"<kafka.version>(.*?)<", jars.pom().read_text())
        if self.family is not None and named:
            told["kafka"] = named.group(1)
        return told


def named_place(api: str, kafka: str, database: str) -> Place:
    """A system that runs already."""
    url = urlsplit(api)
    return Place(url.hostname or HOST, url.port or 80, kafka, database)


@asynccontextmanager
async def own_place(broker: str | None, workers: int, **worker_env: str) -> AsyncIterator[Place]:
    """A cluster of our own, with so many workers, that ends with the block."""
    with tempfile.TemporaryDirectory(prefix="jobstream-bench-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        options = Options(state_dir=folder / "state", broker=broker, workers=0, api_port=API_PORT)
        log = (folder / "services.log").open("a", encoding="utf-8")
        cluster = Cluster(options, _tell, lambda who, line: print(who, line, sep=" | ", file=log, flush=True))
        family = Family(folder / "workers.json")
        try:
            run = await cluster.start()
            place = _place(run, folder, family)
            await place.start_workers(workers, **worker_env)
            yield place
        except BaseException:
            _tell("the api's last words:\n" + (folder / "services.log").read_text()[-2000:])
            raise
        finally:
            await family.close()
            await cluster.stop()
            log.close()


def _place(run: Mapping[str, Any], folder: Path, family: Family) -> Place:
    if run["broker"] == "embedded":
        raise SystemExit("the targets are for Apache Kafka, and this machine has no JDK 17+ or no Maven to run it with")
    url = urlsplit(run["api"])
    assert url.port is not None
    env = {
        "JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS": run["kafka"],
        "JOBSTREAM_HANDLERS": HANDLERS,
        "JOBSTREAM_EXAMPLES_DIR": str(folder / "files"),
        "JOBSTREAM_WORKER_METRICS_HOST": HOST,
    }
    log = folder / "state" / "logs" / "postgres.log"
    return Place(HOST, url.port, run["kafka"], run["database"], run["broker"], folder, log, family, env)


def _command_line(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _tell(text: str) -> None:
    print(text, file=sys.stderr)
