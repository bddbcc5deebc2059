"""What the services stand on: PostgreSQL and a broker, with a database and topics in them."""

import asyncio
import re
from collections.abc import Awaitable, Callable

from jobstream.local.broker import Broker, choose_broker
from jobstream.local.postgres import DATABASE, Postgres
from jobstream.local.processes import Family
from jobstream.local.state import StateDir


class Engines:
    """PostgreSQL and a broker in one state folder. The test suite uses these as ``jobstream up`` does.

    Args:
        choice: the broker, as in ``start_broker``.
    """

    def __init__(self, state: StateDir, family: Family, choice: str | None, tell: Callable[[str], None]) -> None:
        self.postgres = Postgres(state, family)
        self.broker: Broker | None = None
        self.database_url = ""
        self._state = state
        self._family = family
        self._choice = choice
        self._tell = tell

    async def start(self, prepare: Callable[[str], Awaitable[None]] | None = None) -> Broker:
        """Start both side by side.

        Args:
            prepare: called with the database's URL as soon as it is there, while the broker still starts.

        Raises:
            ChildFailed, NotReady: one of them cannot run; the other may run on, so call ``stop``.
        """
        self.broker = await choose_broker(self._choice, self._state, self._family, tell=self._tell)
        sides = [
            asyncio.create_task(self._start_database(database_name(self.broker), prepare), name="start database"),
            asyncio.create_task(self.broker.start(), name="start broker"),
        ]
        try:
            done, _ = await asyncio.wait(sides, return_when=asyncio.FIRST_EXCEPTION)
            for side in done:
                side.result()
        finally:
            for side in sides:
                side.cancel()
            await asyncio.gather(*sides, return_exceptions=True)
        return self.broker

    async def _start_database(self, name: str, prepare: Callable[[str], Awaitable[None]] | None) -> None:
        await self.postgres.start()
        self.database_url = await self.postgres.make_database(name)
        if prepare is not None:
            await prepare(self.database_url)

    async def stop(self) -> None:
        """Stop both. Safe to call at any time."""
        stops = [self.postgres.stop()]
        if self.broker is not None:
            stops.append(self.broker.stop())
        await asyncio.gather(*stops)

    @property
    def env(self) -> dict[str, str]:
        """What jobstream's processes must be told of these two."""
        assert self.broker is not None
        return {"JOBSTREAM_DATABASE_URL": self.database_url, **self.broker.env}


def database_name(broker: Broker) -> str:
    """The database that goes with a broker.

    The tables hold offsets of the broker's topics, so one database must never meet another broker.
    """
    if broker.kind == "kafka":
        return DATABASE
    if broker.kind == "embedded":
        return f"{DATABASE}_embedded"
    return f"{DATABASE}_{re.sub('[^a-z0-9]+', '_', broker.bootstrap_servers.lower())}"[:63]
