"""The suite's one cluster: PostgreSQL and a broker, started by the same code as `make up`."""

import asyncio
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from jobstream.local.broker import Broker, start_broker
from jobstream.local.postgres import Postgres
from jobstream.local.processes import Family
from jobstream.local.state import StateDir


@dataclass(frozen=True)
class Cluster:
    """Where the servers are.

    Attributes:
        broker: ``kafka``, ``embedded`` or ``external``.
        env: what jobstream's processes must be told.
        family: starts children that end with the suite.
    """

    database_url: str
    broker: str
    env: dict[str, str]
    family: Family
    root: Path


class Backend(Protocol):
    """Whatever starts and stops the servers of a Cluster."""

    def start(self) -> Cluster:
        """Start them, and wait until they answer."""
        ...

    def stop(self) -> None:
        """Stop them; nothing is left running."""
        ...


def choose_servers(root: Path) -> Backend:
    """The servers that JOBSTREAM_TEST_BACKEND asks for: ``local`` (the default) or ``containers``.

    Raises:
        ValueError: it asks for something else.
    """
    match os.environ.get("JOBSTREAM_TEST_BACKEND") or "local":
        case "local":
            return Servers(root)
        case "containers":
            from tests.support.containers import ContainerServers  # late: only this backend needs its libraries

            return ContainerServers(root)
        case other:
            raise ValueError(f"JOBSTREAM_TEST_BACKEND={other!r} is neither local nor containers")


class Servers:
    """Starts and stops the servers of a Cluster, by the same code as `make up`."""

    def __init__(self, root: Path) -> None:
        self._state = StateDir(root).acquire()
        self._family = Family(self._state.children_file)
        self._postgres = Postgres(self._state, self._family)
        self._broker: Broker | None = None
        self._root = root

    def start(self) -> Cluster:
        """Start both, and wait until they answer."""
        return asyncio.run(self._start())

    def stop(self) -> None:
        """Stop both; nothing is left running."""
        asyncio.run(self._stop())

    async def _start(self) -> Cluster:
        choice = os.environ.get("JOBSTREAM_BROKER") or None
        _, self._broker = await asyncio.gather(
            self._postgres.start(), start_broker(choice, self._state, self._family, tell=print, wanted_port=None)
        )
        return Cluster(
            database_url=await self._postgres.make_database(),
            broker=self._broker.kind,
            env=self._broker.env,
            family=self._family,
            root=self._root,
        )

    async def _stop(self) -> None:
        try:
            if self._broker is not None:
                await self._broker.stop()
            await self._postgres.stop()
        finally:
            await self._family.close()
            self._state.release()
