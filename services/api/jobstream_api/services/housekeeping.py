"""Housekeeping of the leader: partitions made ahead; old workers, fires, empty lanes and uses of rates forgotten."""

from jobstream_api.infrastructure.database import Database
from jobstream_api.infrastructure.partitions import ensure_partitions
from jobstream_api.repositories import backlogs, expiry, fires, gates
from jobstream_api.services.turns import TurningLoop


class Housekeeping(TurningLoop):
    """Runs at once and then every hour."""

    name = "housekeeping"
    rest_s = 3600.0

    def __init__(self, database: Database) -> None:
        super().__init__()
        self._database = database

    async def turn(self) -> float:
        async with self._database.transaction() as connection:
            await ensure_partitions(connection)
        async with self._database.connection() as connection:
            await expiry.forget(connection)
            await gates.forget_usage(connection)
            await fires.tidy(connection)
            await backlogs.tidy_all(connection)
        return self.rest_s
