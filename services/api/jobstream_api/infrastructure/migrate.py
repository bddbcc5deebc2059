"""Bring the database's tables up to date: any number of times, by several processes at once."""

import asyncio
import time
from importlib.resources import files

import asyncpg
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from jobstream.errors import JobstreamError
from jobstream_api.infrastructure.database import sqlalchemy_url
from jobstream_api.infrastructure.partitions import ensure_partitions

LOCK_KEY = 0x6A6F6273  # one upgrade at a time per database; "jobs" in ASCII
LOCK_TIMEOUT = "30s"


class DatabaseUnavailable(JobstreamError):
    """The database server cannot be used: JOBSTREAM_DATABASE_URL says where it is looked for."""


async def upgrade(database_url: str, schema: str) -> None:
    """Create the schema, run the migrations it lacks, make the partitions of the coming weeks.

    Args:
        database_url: ``postgresql://...``.
        schema: made if missing.
    """
    engine = create_async_engine(sqlalchemy_url(database_url), connect_args={"timeout": 30})
    try:
        async with asyncio.timeout(600), engine.begin() as connection:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK_KEY})
            await connection.execute(text(f'CREATE SCHEMA IF NOT EXISTS "{schema}"'))
            await connection.execute(text(f'SET LOCAL search_path TO "{schema}"'))
            await connection.execute(text(f"SET LOCAL lock_timeout TO '{LOCK_TIMEOUT}'"))
            await connection.run_sync(_run, schema)
            raw = await connection.get_raw_connection()
            await ensure_partitions(raw.driver_connection)
    finally:
        await engine.dispose()


async def upgrade_when_up(database_url: str, schema: str, wait_s: float) -> None:
    """``upgrade``, tried again for up to ``wait_s`` seconds while the server is starting.

    Raises:
        DatabaseUnavailable: it did not answer in time, or it does not let us in.
    """
    until = time.monotonic() + wait_s
    while True:
        try:
            return await upgrade(database_url, schema)
        except (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError) as error:
            if time.monotonic() >= until:
                raise DatabaseUnavailable(f"no answer within {wait_s:.0f} s: {error}") from error
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError) as error:
            raise DatabaseUnavailable(f"the server refuses: {error}") from error
        await asyncio.sleep(0.5)


def _run(connection: Connection, schema: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("jobstream_api.infrastructure") / "migrations"))
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    command.upgrade(config, "head")
