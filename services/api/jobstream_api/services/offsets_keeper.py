"""Offsets keeper: remembers the workers' committed offsets, and puts them back if Kafka forgets.

Kafka drops the offsets of a group that stays empty for a week (offsets.retention.minutes). The
group would then begin at the earliest record and run a week of jobs again.
"""

from jobstream.contracts.topics import Topics
from jobstream.kafka.ends import Ends
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import progress
from jobstream_api.services.turns import TurningLoop
from jobstream_api.settings import ApiSettings


class OffsetsKeeper(TurningLoop):
    """Copies the worker group's offsets to the database, and back when they are gone."""

    name = "offsets-keeper"
    rest_s = 30.0

    def __init__(self, settings: ApiSettings, database: Database) -> None:
        super().__init__()
        self._database = database
        self._group = settings.worker_group
        self._copy_name = f"kafka:{settings.worker_group}"
        topics = Topics(settings.topic_prefix)
        self._topic_names = [topics.jobs(queue) for queue in settings.queues]
        self._ends = Ends(settings, "jobstream-api-offsets")

    async def teardown(self) -> None:
        await self._ends.close()

    async def turn(self) -> float:
        committed = await self._ends.committed(self._group)
        async with self._database.connection() as connection:
            if committed:
                await progress.keep_copy(connection, self._copy_name, committed)
                return self.rest_s
            copy = await progress.load_copy(connection, self._copy_name)
        if copy:
            await self._put_back(copy)
        return self.rest_s

    async def _put_back(self, copy: dict[tuple[str, int], tuple[int, str]]) -> None:
        ends = await self._ends.ends(self._topic_names)
        # An offset beyond the end belongs to a topic that was made anew.
        fitting = {place: entry for place, entry in copy.items() if entry[0] <= ends.get(place, -1)}
        if fitting:
            await self._ends.restore(self._group, fitting)
            emit(Event.OFFSETS_RESTORED, group=self._group, partitions=len(fitting))
