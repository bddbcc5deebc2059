"""PgQueuer: jobs in PostgreSQL, deleted when they are done; a line in a log remains, and no result."""

import sys

import asyncpg
import uvloop
from pgqueuer import AsyncpgPoolDriver, Job, PgQueuer, Queries

from bench.peers.address import DATABASE
from bench.peers.submitter import CONCURRENCY, obey

BATCH = 100
PAYLOAD = b'{"task":"example","value":42}'


async def work() -> None:
    """The worker. (``pgq run`` does the same, but does not start with the Typer that is installed.)"""
    async with asyncpg.create_pool(DATABASE, min_size=4, max_size=10) as pool:
        app = PgQueuer.from_asyncpg_pool(pool)

        @app.entrypoint("run_job")
        async def run_job(job: Job) -> None:
            """The handler."""

        await app.run(batch_size=BATCH, max_concurrent_tasks=4 * BATCH)


async def submit() -> None:
    """Submit as told on stdin."""
    async with asyncpg.create_pool(DATABASE, min_size=CONCURRENCY // 2, max_size=CONCURRENCY // 2) as pool:
        queries = Queries(AsyncpgPoolDriver(pool))
        await obey(lambda: queries.enqueue("run_job", PAYLOAD))


async def install() -> None:
    """Make the tables, once."""
    async with asyncpg.create_pool(DATABASE, min_size=1, max_size=1) as pool:
        await Queries(AsyncpgPoolDriver(pool)).install()


if __name__ == "__main__":
    uvloop.run({"work": work, "submit": submit, "install": install}[sys.argv[1]]())
