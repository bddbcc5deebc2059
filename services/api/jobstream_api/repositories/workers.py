"""Workers as they last announced themselves."""

from collections.abc import Sequence

from jobstream.contracts.events import WorkerEvent
from jobstream_api.infrastructure.database import Connection
from jobstream_api.repositories.statements import statement


async def upsert(connection: Connection, events: Sequence[WorkerEvent]) -> None:
    """Note the newest word of each worker (one event per worker)."""
    for event in events:
        await connection.execute(
            statement("workers_upsert"),
            event.worker,
            event.host,
            event.pid,
            event.version,
            event.started_at,
            event.at,
            event.event == "worker.stopped",
            event.concurrency,
            event.running,
            event.types,
            event.partitions,
            event.metrics_url,
        )
