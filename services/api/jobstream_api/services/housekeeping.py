"""Housekeeping of the leader: partitions made ahead, old idempotency keys and workers forgotten."""

from jobstream.service import LoopService
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database, is_transient
from jobstream_api.infrastructure.partitions import ensure_partitions
from jobstream_api.repositories import expiry

_EVERY_S = 3600.0


class Housekeeping(LoopService):
    """Runs at once and then every hour."""

    name = "housekeeping"

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def run(self) -> None:
        while not self.stopping.is_set():
            try:
                async with self._database.transaction() as connection:
                    await ensure_partitions(connection)
                async with self._database.connection() as connection:
                    await expiry.forget(connection)
                self.succeeded()
                await self.pause(_EVERY_S)
            except Exception as error:
                if not is_transient(error):
                    raise
                emit(Event.DATABASE_TROUBLE, service=self.name, error=repr(error))
                await self.pause(5.0)

    def last_success_age(self) -> float:
        # An hour between two turns is as it should be.
        return max(super().last_success_age() - _EVERY_S, 0.0)
