"""Census: figures about the whole system, taken by the leader for metrics."""

from collections.abc import Mapping

from jobstream.contracts.topics import Topics
from jobstream.kafka.ends import Ends
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import figures, progress
from jobstream_api.services import applier, intake
from jobstream_api.services.outbox_floor import OutboxFloor
from jobstream_api.services.turns import TurningLoop
from jobstream_api.settings import ApiSettings

Figures = Mapping[str, Mapping[str, float]]


class Census(TurningLoop):
    """Counts every few seconds; ``figures`` are those of the last count."""

    name = "census"
    rest_s = 15.0

    def __init__(self, settings: ApiSettings, database: Database, floor: OutboxFloor) -> None:
        super().__init__()
        self._floor = floor
        self._database = database
        self._group = settings.worker_group
        self._topics = Topics(settings.topic_prefix)
        self._queues = settings.queues
        self._ends = Ends(settings, "jobstream-api-census")
        self.figures: Figures = {}

    async def teardown(self) -> None:
        await self._ends.close()

    async def turn(self) -> float:
        async with self._database.connection() as connection:
            counts = await figures.count(connection, self._floor.id)
            applied = await progress.load(connection, applier.CONSUMER)
            taken_in = await progress.load(connection, intake.CONSUMER)
        job_topics = {self._topics.jobs(queue): queue for queue in self._queues}
        ends = await self._ends.ends([*job_topics, self._topics.status])
        committed = await self._ends.committed(self._group)
        lag = dict.fromkeys(self._queues, 0.0)
        behind = {"applier": 0.0, "intake": 0.0}
        for place, end in ends.items():
            if place[0] == self._topics.status:
                behind["applier"] += end - applied.get(place, 0)
            else:
                lag[job_topics[place[0]]] += end - committed.get(place, (0, ""))[0]
                behind["intake"] += end - taken_in.get(place, 0)
        self.figures = {
            "outbox_records": {"": counts.outbox},
            "outbox_oldest_age_seconds": {"": counts.outbox_age_s},
            "held_jobs": {"": counts.held},
            "oldest_waiting_age_seconds": {"": counts.waiting_age_s},
            "queue_lag_records": lag,
            "applier_lag_records": {"": behind["applier"]},
            "intake_lag_records": {"": behind["intake"]},
        }
        return self.rest_s
