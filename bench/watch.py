"""Sees in PostgreSQL how far a run is, at little cost to it, and at its end whether all is right."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Any, Self
from uuid import UUID

import asyncpg

from jobstream.ids import id_floor
from jobstream_api.repositories import progress
from jobstream_api.services.applier import CONSUMER

LOOK_S = 0.02
COMPLETED = "SELECT count(*) FROM jobs WHERE id >= $1 AND status = 'COMPLETED'"
VERDICT = """
SELECT count(*) AS rows,
    count(*) FILTER (WHERE status = 'COMPLETED' AND result = '{"output": "success"}' AND attempt = $2) AS right
FROM jobs WHERE id >= $1
"""


class Wrong(RuntimeError):
    """A run did not do to every job what was promised. Its figures are worth nothing."""


class Watch:
    """One connection that looks. Use it as ``async with Watch(database) as watch``."""

    def __init__(self, database: str) -> None:
        self._database = database
        self._connection: Any = None

    async def __aenter__(self) -> Self:
        self._connection = await asyncpg.connect(self._database, timeout=10, command_timeout=120)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close(timeout=5)

    async def floor(self) -> UUID:
        """An id below those of all jobs to come, and above those of all jobs there are."""
        await asyncio.sleep(LOOK_S)  # ids know milliseconds; the api and PostgreSQL are on this machine
        return id_floor(datetime.now(UTC))

    async def applied(self) -> int:
        """Status events applied so far, at the price of a dozen rows."""
        offsets = await progress.load(self._connection, CONSUMER)
        return sum(offset for (topic, _), offset in offsets.items() if topic.endswith("jobs.status"))

    async def completed(self, floor: UUID) -> int:
        """Jobs since ``floor`` that are COMPLETED. Reads all of them."""
        return int(await self._connection.fetchval(COMPLETED, floor))

    async def until_done(self, floor: UUID, jobs: int, *, applied_before: int, patience_s: float) -> float:
        """Wait until that many jobs since ``floor`` are COMPLETED; returns when that was seen (perf_counter).

        Every job has at least one status event, so nothing is counted before there are that many.

        Raises:
            Wrong: not within ``patience_s`` seconds.
        """
        until = time.perf_counter() + patience_s
        counting = False
        while True:
            began = time.perf_counter()
            counting = counting or await self.applied() >= applied_before + jobs or began > until
            done = await self.completed(floor) if counting else 0
            seen = time.perf_counter()
            if done >= jobs:
                return seen
            if seen > until:
                raise Wrong(f"{done:,} of {jobs:,} jobs ended in {patience_s:.0f} s")
            await asyncio.sleep(max(LOOK_S, 3 * (seen - began)))

    async def check(self, floor: UUID, jobs: int, *, attempt: int = 1) -> None:
        """Every job is one row, COMPLETED at this attempt, with its result.

        Raises:
            Wrong: it is not so.
        """
        row = await self._connection.fetchrow(VERDICT, floor, attempt)
        if (row["rows"], row["right"]) != (jobs, jobs):
            raise Wrong(f"{jobs:,} jobs were submitted, {row['rows']:,} are rows, {row['right']:,} of them right")

    async def fetchval(self, query: str, *arguments: object) -> Any:
        """One value."""
        return await self._connection.fetchval(query, *arguments, timeout=3600)

    async def execute(self, query: str, *arguments: object) -> str:
        """One statement; may take an hour."""
        return str(await self._connection.execute(query, *arguments, timeout=3600))
