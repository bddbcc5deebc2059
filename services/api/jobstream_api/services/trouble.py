"""Database trouble in the middle of a request, as one error."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from jobstream.telemetry import Event, emit
from jobstream_api.domain.errors import StoreUnavailable
from jobstream_api.infrastructure.database import is_transient


@asynccontextmanager
async def store_errors(what: str) -> AsyncIterator[None]:
    """Around what asks the database: its troubles become StoreUnavailable, all else goes through."""
    try:
        yield
    except Exception as error:
        if not is_transient(error):
            raise
        emit(Event.DATABASE_TROUBLE, service=what, error=repr(error))
        raise StoreUnavailable from error
