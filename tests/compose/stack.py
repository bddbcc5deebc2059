"""The compose project as a test sees it: the `docker` command, the api's port, the broker's port."""

import asyncio
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
from aiokafka import AIOKafkaProducer

from jobstream.local.ports import free_port

ROOT = Path(__file__).parents[2]
FILES = ("docker-compose.yml", "tests/compose/own-handlers.yml")


@dataclass(frozen=True)
class Container:
    """One container of the project.

    Attributes:
        host: its host name, which is in the id of the worker that runs there.
        status: as Docker calls it, e.g. ``running``, ``exited``.
        health: ``healthy``, ``unhealthy``, ``starting``, or empty if nobody looks.
        restarts: how often Docker started it again.
    """

    id: str
    service: str
    host: str
    status: str
    health: str
    exit_code: int
    restarts: int


class Stack:
    """A compose project of its own, with ports of its own."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.api = f"http://127.0.0.1:{free_port()}"
        self.kafka = f"localhost:{free_port()}"
        self.env = {
            **os.environ,
            "API_PORT": self.api.rpartition(":")[2],
            "KAFKA_PORT": self.kafka.rpartition(":")[2],
            "COMPOSE_PROGRESS": "plain",
        }

    def compose(self, *arguments: str, timeout_s: float = 120.0) -> str:
        """`docker compose ...` for this project; returns what it printed.

        Raises:
            AssertionError: it failed; has its words.
        """
        files = [part for file in FILES for part in ("-f", file)]
        return self.docker("compose", *files, "-p", self.name, *arguments, timeout_s=timeout_s)

    def docker(self, *arguments: str, timeout_s: float = 60.0) -> str:
        """`docker ...`; returns stdout.

        Raises:
            AssertionError: it failed; has its words.
        """
        done = subprocess.run(
            ["docker", *arguments], cwd=ROOT, env=self.env, capture_output=True, text=True, timeout=timeout_s
        )
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def containers(self, service: str | None = None) -> list[Container]:
        """The project's containers, running or not; of one service if asked."""
        ids = self.docker("ps", "-aq", "--filter", f"label=com.docker.compose.project={self.name}").split()
        found = [self._look(id) for id in ids]
        return [one for one in found if service in (None, one.service)]

    def _look(self, id: str) -> Container:
        fields = (
            '{{index .Config.Labels "com.docker.compose.service"}}|{{.Config.Hostname}}|{{.State.Status}}|'
            "{{with .State.Health}}{{.Status}}{{end}}|{{.State.ExitCode}}|{{.RestartCount}}"
        )
        service, host, status, health, code, restarts = (
            self.docker("inspect", "--format", fields, id).strip().split("|")
        )
        return Container(id, service, host, status, health, int(code), int(restarts))

    def left(self) -> dict[str, str]:
        """What Docker still has of the project."""
        label = f"label=com.docker.compose.project={self.name}"
        kinds = {"container": ["-a"], "volume": [], "network": []}
        return {
            kind: names
            for kind, flags in kinds.items()
            if (names := self.docker(kind, "ls", *flags, "-q", "--filter", label).strip())
        }

    @contextmanager
    def client(self) -> Iterator[httpx2.Client]:
        """A client of the api, from the host."""
        with httpx2.Client(base_url=self.api, timeout=30, trust_env=False) as client:
            yield client

    def write(self, topic: str, record: str) -> None:
        """Write one record from the host, as any program would: by kcat, or by a client where there is none."""
        kcat = shutil.which("kcat") or shutil.which("kafkacat")
        if kcat is None:
            asyncio.run(_produce(self.kafka, topic, record))
            return
        command = [kcat, "-P", "-b", self.kafka, "-t", topic, "-X", "message.timeout.ms=20000"]
        done = subprocess.run(command, input=record, capture_output=True, text=True, timeout=30)
        assert done.returncode == 0, done.stderr

    def logs(self) -> str:
        """The last lines of all services."""
        return self.compose("logs", "--no-color", "--tail", "25")


async def _produce(bootstrap: str, topic: str, record: str) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap) as producer:
        await asyncio.wait_for(producer.send_and_wait(topic, record.encode()), 20)


def until(look: Callable[[], Any], what: str, timeout_s: float) -> Any:
    """Call ``look`` until it returns something true, and return that.

    Raises:
        AssertionError: nothing true within ``timeout_s``; tells the last value or error.
    """
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            last = look()
        except (httpx2.HTTPError, ValueError) as error:
            last, shown = None, repr(error)
        else:
            shown = repr(last)
        if last:
            return last
        assert time.monotonic() < deadline, f"not within {timeout_s:.0f} s: {what}; last {shown}"
        time.sleep(0.2)


def why_not() -> str | None:
    """What is missing to run the project here, or None."""
    for command, missing in (
        (["docker", "version"], "no Docker engine answers"),
        (["docker", "compose", "version"], "Docker Compose is not installed"),
    ):
        try:
            done = subprocess.run(command, capture_output=True, timeout=20)
        except (OSError, subprocess.TimeoutExpired):
            return missing
        if done.returncode != 0:
            return missing
    return None
