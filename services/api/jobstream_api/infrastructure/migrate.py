"""Bring the database's tables up to date: any number of times, by several processes at once."""

import asyncio
from importlib.resources import files

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from jobstream_api.infrastructure.database import sqlalchemy_url
from jobstream_api.infrastructure.partitions import ensure_partitions

LOCK_KEY = 0x6A6F6273  # one upgrade at a time per database; "jobs" in ASCII
LOCK_TIMEOUT = "30s"


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


def _run(connection: Connection, schema: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(files("jobstream_api.infrastructure") / "migrations"))
    config.attributes["connection"] = connection
    config.attributes["schema"] = schema
    command.upgrade(config, "head")
