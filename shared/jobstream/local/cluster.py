"""The whole system on one machine, started in order and stopped in order."""

import asyncio
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import httpx2

from jobstream.kafka import topics
from jobstream.local.engines import Engines
from jobstream.local.keeper import Keeper
from jobstream.local.ports import HOST
from jobstream.local.processes import ChildFailed, Command, Family
from jobstream.local.readiness import http_ready, workers_heard
from jobstream.local.state import StateDir, write_run_file
from jobstream.settings import Settings

EXAMPLES = "jobstream_worker.examples"
HURRY_S = 3.0
"""What services get to end once they were told to hurry, seconds."""


@dataclass(frozen=True, slots=True)
class Options:
    """What ``jobstream up`` was asked for.

    Attributes:
        broker: ``kafka``, ``embedded``, ``HOST:PORT``, or None for the best there is.
        handlers: modules whose handlers the workers run, besides the shipped examples.
        services: False starts PostgreSQL and the broker only.
        files: the folder of the example handlers; None: one in the state folder.
        own_mail_server: True if the environment names a mail server for the example handlers.
    """

    state_dir: Path = Path(".jobstream")
    broker: str | None = None
    workers: int = 2
    api_port: int = 8000
    handlers: tuple[str, ...] = ()
    services: bool = True
    files: Path | None = None
    own_mail_server: bool = False


class Cluster:
    """PostgreSQL, a broker, the api and workers.

    Args:
        tell: takes one line for people.
        on_line: takes (name, line) of what the services log; called from threads.
    """

    def __init__(self, options: Options, tell: Callable[[str], None], on_line: Callable[[str, str], None]) -> None:
        self.options = options
        self.state = StateDir(options.state_dir)
        self.run: dict[str, Any] = {}
        self._tell = tell
        self._family = Family(self.state.children_file, on_line)
        self._engines: Engines | None = None
        self._keepers: list[Keeper] = []

    async def start(self) -> dict[str, Any]:
        """Start everything and wait until a job can be submitted. Returns what the run file says.

        Raises:
            AlreadyRunning: another cluster lives in the state folder.
            ChildFailed, NotReady: a part does not come up. Call ``stop`` after any error.
        """
        self.state.acquire()
        for left in await asyncio.to_thread(self._family.end_leftovers):
            self._tell(f"ended {left}, which an earlier start had left running")
        self._engines = Engines(self.state, self._family, self.options.broker, self._tell)
        broker = await self._engines.start(prepare=self._migrate)
        await self._apply_topics(broker.bootstrap_servers)
        document: dict[str, Any] = {
            "kafka": broker.bootstrap_servers,
            "database": self._engines.database_url,
            "broker": broker.kind,
            "pid": os.getpid(),
        }
        if self.options.services:
            document = await self._start_services(self._engines.env) | document
        write_run_file(self.state.run_file, document)
        self.run = document
        for keeper in self._keepers:
            keeper.watch()
        return document

    async def stop(self) -> None:
        """Stop the services, then what they stand on. Safe to call at any time, and again."""
        await asyncio.gather(*(keeper.stop() for keeper in self._keepers))
        if self._engines is not None:
            await self._engines.stop()
        await self._family.close()
        self.state.release()

    async def reload_workers(self, handlers: Sequence[str]) -> int:
        """Start every worker again with these modules, once it has let its running jobs finish. Returns how many."""
        keepers = [keeper for keeper in self._keepers if keeper.name.startswith("worker-")]
        changed = {"JOBSTREAM_HANDLERS": _modules(handlers)}
        commands = [replace(keeper.command, env={**(keeper.command.env or {}), **changed}) for keeper in keepers]
        await asyncio.gather(*(keeper.replace(command) for keeper, command in zip(keepers, commands, strict=True)))
        async with httpx2.AsyncClient(trust_env=False) as client:
            for url, keeper in zip(self.run["metrics"][1:], keepers, strict=True):
                if keeper.process is not None:
                    await http_ready(client, url.removesuffix("/metrics"), keeper.process, timeout_s=60.0)
        return len(keepers)

    async def hurry(self) -> None:
        """Make a running ``stop`` quicker: jobs that still run are handed back, late services killed."""
        for keeper in self._keepers:
            keeper.hurry()
        await asyncio.sleep(HURRY_S)
        for keeper in self._keepers:
            if keeper.process is not None:
                keeper.process.kill()

    def kill(self) -> None:
        """End every process now. PostgreSQL and Kafka recover at their next start."""
        self._family.kill_all()

    def summary(self) -> str:
        """One line on how the services are."""
        parts = []
        for keeper in self._keepers:
            again = f" (restarted {keeper.restarts} times)" if keeper.restarts else ""
            parts.append(f"{keeper.name} {'up' if keeper.running else 'down'}{again}")
        return ", ".join(parts)

    async def _migrate(self, database_url: str) -> None:
        if not has_command("db"):
            return  # the api is not installed: its tables are nobody's business here
        env = _environment({"JOBSTREAM_DATABASE_URL": database_url})
        command = Command("db upgrade", _jobstream("db", "upgrade"), env=env, log=self._log("db-upgrade"))
        await self._family.run(command, timeout_s=120.0)

    async def _apply_topics(self, bootstrap_servers: str) -> None:
        for change in await topics.apply(Settings.load(kafka_bootstrap_servers=bootstrap_servers)):
            self._tell(str(change))

    async def _start_services(self, env: dict[str, str]) -> dict[str, Any]:
        for name in ("api", "worker"):
            if not has_command(name):
                raise ChildFailed(f"jobstream-{name} is not installed; install it, or use --no-services")
        api_port = self.state.ports.choose("api", self.options.api_port)
        if api_port != self.options.api_port:
            self._tell(f"port {self.options.api_port} is taken; the api listens on {api_port}")
        api = f"http://{HOST}:{api_port}"
        api_env = {"JOBSTREAM_API_HOST": HOST, "JOBSTREAM_API_PORT": str(api_port)}
        commands = [Command("api", _jobstream("api"), grace_s=25.0, env=_environment(env | api_env))]
        metrics = [f"{api}/metrics"]
        example_env, told = self._examples()
        for number in range(1, self.options.workers + 1):
            port = self.state.ports.choose(f"worker-{number}")
            metrics.append(f"http://{HOST}:{port}/metrics")
            worker_env = example_env | {
                "JOBSTREAM_HANDLERS": _modules(self.options.handlers),
                "JOBSTREAM_WORKER_METRICS_HOST": HOST,
                "JOBSTREAM_WORKER_METRICS_PORT": str(port),
            }
            name = f"worker-{number}"
            commands.append(Command(name, _jobstream("worker"), grace_s=45.0, env=_environment(env | worker_env)))
        self._keepers = [Keeper(self._family, command, self._tell) for command in commands]
        processes = [keeper.spawn() for keeper in self._keepers]
        async with httpx2.AsyncClient(trust_env=False) as client:
            await asyncio.gather(
                *(
                    http_ready(client, url.removesuffix("/metrics"), process, timeout_s=60.0)
                    for url, process in zip(metrics, processes, strict=True)
                )
            )
            await workers_heard(client, api, {process.pid for process in processes[1:]})
        return {"api": api, "metrics": metrics, **told}

    def _examples(self) -> tuple[dict[str, str], dict[str, str]]:
        """What the example handlers are told, and what the run file tells of it.

        A port is kept for an inbox, where nobody need listen. A mail server of the user's own is not told: its
        address may hold a password.
        """
        files = (self.options.files or self.state.root / "files").absolute()
        env = {"JOBSTREAM_EXAMPLES_DIR": str(files)}
        if not self.options.own_mail_server:
            env["JOBSTREAM_SMTP_URL"] = f"smtp://{HOST}:{self.state.ports.choose('smtp')}"
        told = {"files": env["JOBSTREAM_EXAMPLES_DIR"], "smtp": env.get("JOBSTREAM_SMTP_URL")}
        return env, {name: value for name, value in told.items() if value is not None}

    def _log(self, name: str) -> Path:
        return self.state.logs / f"{name}.log"


def has_command(name: str) -> bool:
    """True if an installed service brings this command."""
    return bool(entry_points(group="jobstream.commands", name=name))


def _modules(handlers: Sequence[str]) -> str:
    return ",".join(dict.fromkeys([*handlers, EXAMPLES]))


def _jobstream(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "jobstream.cli", *arguments]


def _environment(env: dict[str, str]) -> dict[str, str]:
    # A pipe is no terminal, so the services would log JSON; on a terminal people read along.
    readable = {"JOBSTREAM_LOG_FORMAT": "console"} if sys.stderr.isatty() else {}
    return {**readable, **os.environ, "PYTHONUNBUFFERED": "1", **env}
