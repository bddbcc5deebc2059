"""The database as one object: an asyncpg pool for the hot statements, an ORM session for the rest.

Only `transaction` and `session` commit. Loops ask `is_transient` what to do with an error: wait and
try again, or give the record up.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from jobstream_api.settings import ApiSettings

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]
    Pool = asyncpg.Pool[asyncpg.Record]
else:  # asyncpg's classes are generic only in its stubs
    Connection = asyncpg.Connection
    Pool = asyncpg.Pool

Session = AsyncSession
"""A unit of work of SQLAlchemy."""

_PERMANENT: tuple[type[BaseException], ...] = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
)
_DATABASE: tuple[type[BaseException], ...] = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # the server went away between two messages of one statement
)

_ACQUIRE_TIMEOUT_S = 10.0
_COMMAND_TIMEOUT_S = 30.0


def sqlalchemy_url(database_url: str) -> str:
    """The same database in SQLAlchemy's spelling."""
    _, _, rest = database_url.partition("://")
    return f"postgresql+asyncpg://{rest}"


def is_unreadable(error: BaseException) -> bool:
    """True if a text is no value of the type that it was to be read as."""
    return isinstance(error, asyncpg.InvalidTextRepresentationError)


def is_transient(error: BaseException) -> bool:
    """True for a database error that waiting mends: all but those that the data itself causes.

    Connections, locks, full disks and shutdowns pass; a missing table or right is a migration or a
    grant under way. SQLAlchemy's wrapping is looked through.
    """
    cause: BaseException | None = getattr(error, "orig", None)
    while cause is not None:
        if isinstance(cause, _DATABASE):
            return not isinstance(cause, _PERMANENT)
        cause = cause.__cause__
    return isinstance(error, _DATABASE) and not isinstance(error, _PERMANENT)


def is_statement_timeout(error: BaseException) -> bool:
    """True if a statement was ended since it took too long."""
    cause: BaseException | None = getattr(error, "orig", error)
    while cause is not None:
        if isinstance(cause, asyncpg.QueryCanceledError):
            return True
        cause = cause.__cause__
    return False


def is_lock_timeout(error: BaseException) -> bool:
    """True if a lock that somebody else has was waited for in vain."""
    return isinstance(error, asyncpg.LockNotAvailableError)


def is_refusal(error: BaseException) -> bool:
    """True for a database error that the data itself causes: trying again gives the same."""
    return isinstance(error, asyncpg.PostgresError | asyncpg.InterfaceError) and isinstance(error, _PERMANENT)


async def _prepare(connection: Connection) -> None:
    for name in ("json", "jsonb"):
        await connection.set_type_codec(
            name, schema="pg_catalog", encoder=lambda v: orjson.dumps(v).decode(), decoder=orjson.loads
        )


def _statement_cache(size: int) -> dict[str, Any]:
    """SQLAlchemy keeps statements of its own and prepares each by name; without a cache no name comes twice."""
    options: dict[str, Any] = {"statement_cache_size": size, "prepared_statement_cache_size": size}
    if size == 0:
        options["prepared_statement_name_func"] = lambda: f"jobstream_{uuid4().hex}"
    return options


async def _keep(_: Any) -> None:
    """Instead of asyncpg's reset, a round trip at every release: we leave nothing behind in a session.

    Settings only ever change with SET LOCAL, and locks end with their transaction; an open
    transaction is rolled back by asyncpg itself.
    """


class Database:
    """Connections to one schema of one database."""

    def __init__(self, settings: ApiSettings) -> None:
        self._settings = settings
        self._pool: Pool | None = None
        self.engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(settings.database_url.get_secret_value()),
            poolclass=AsyncAdaptedQueuePool,
            pool_size=2,
            max_overflow=max(settings.database_pool // 3, 2),
            pool_timeout=_ACQUIRE_TIMEOUT_S,
            pool_pre_ping=True,
            json_deserializer=orjson.loads,
            connect_args={
                "timeout": _ACQUIRE_TIMEOUT_S,
                "command_timeout": _COMMAND_TIMEOUT_S,
                "server_settings": self._server_settings(),
                **_statement_cache(settings.database_statement_cache),
            },
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    def _server_settings(self) -> dict[str, str]:
        return {
            "search_path": self._settings.database_schema,
            "application_name": "jobstream-api",
            "statement_timeout": "30000",
            "lock_timeout": "10000",
            "idle_in_transaction_session_timeout": "10000",
            "jit": "off",  # compiling costs more than our short statements
        }

    async def open(self) -> None:
        """Make the pool. Does not insist on a reachable server: requests and loops try again."""
        if self._pool is None:
            self._pool = await asyncpg.create_pool(
                self._settings.database_url.get_secret_value(),
                min_size=0,
                max_size=self._settings.database_pool,
                max_inactive_connection_lifetime=120.0,
                timeout=_ACQUIRE_TIMEOUT_S,
                command_timeout=_COMMAND_TIMEOUT_S,
                statement_cache_size=self._settings.database_statement_cache,
                server_settings=self._server_settings(),
                init=_prepare,
                reset=_keep,
            )

    async def close(self) -> None:
        """Close every connection."""
        pool, self._pool = self._pool, None
        if pool is not None:
            try:
                await asyncio.wait_for(pool.close(), 5.0)
            except TimeoutError:
                pool.terminate()
        await self.engine.dispose()

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """A pooled connection, each statement its own transaction."""
        pool = self._pool
        assert pool is not None, "Database.open() comes first"
        async with asyncio.timeout(_ACQUIRE_TIMEOUT_S):  # the pool's own timeout makes a task each time
            connection = await pool.acquire()
        try:
            yield cast(Connection, connection)
        except asyncpg.InternalClientError:
            connection.terminate()  # its protocol is out of step and would stay so
            raise
        finally:
            await pool.release(connection, timeout=_ACQUIRE_TIMEOUT_S)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """A pooled connection inside one transaction, committed at the end of the block."""
        async with self.connection() as connection, connection.transaction():
            yield connection

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """An ORM session in one transaction, committed at the end of the block."""
        async with self._sessions() as session, session.begin():
            yield session

    async def ping(self) -> None:
        """One round trip; raises what is wrong."""
        async with asyncio.timeout(5.0), self.connection() as connection:
            await connection.fetchval("SELECT 1")

    def counts(self) -> dict[str, Any]:
        """Pool figures for metrics."""
        pool = self._pool
        return {"size": pool.get_size(), "idle": pool.get_idle_size()} if pool else {"size": 0, "idle": 0}
