"""Lag: records of each queue that no worker has started, for those who ask."""

import asyncio
import time
from collections.abc import Mapping

from jobstream.contracts.topics import Topics
from jobstream.errors import BrokerUnavailable
from jobstream.kafka.ends import Ends
from jobstream.settings import Settings
from jobstream.telemetry import Event, emit

_REMEMBER_S = 1.0
_WAIT_S = 2.0


class Lag:
    """Asks Kafka for the lag of the workers' group. One answer serves a second."""

    def __init__(self, settings: Settings) -> None:
        self._topics = Topics(settings.topic_prefix)
        self._queues = settings.queues
        self._group = settings.worker_group
        self._ends = Ends(settings, "jobstream-api-lag")
        self._asking: asyncio.Task[Mapping[str, int] | None] | None = None
        self._asked_at = 0.0

    async def by_queue(self) -> Mapping[str, int] | None:
        """Records by queue; None if Kafka does not answer at once."""
        if self._asking is None or (self._asking.done() and time.monotonic() - self._asked_at > _REMEMBER_S):
            self._asking = asyncio.create_task(self._ask(), name="lag")
        await asyncio.wait([self._asking], timeout=_WAIT_S)
        return self._asking.result() if self._asking.done() else None

    async def close(self) -> None:
        """Close the connections."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait([self._asking])
            self._asking = None
        await self._ends.close()

    async def _ask(self) -> Mapping[str, int] | None:
        topics = {self._topics.jobs(queue): queue for queue in self._queues}
        lag = dict.fromkeys(self._queues, 0)
        try:
            ends = await self._ends.ends(list(topics))
            committed = await self._ends.committed(self._group)
        except BrokerUnavailable as error:
            emit(Event.KAFKA_TROUBLE, what="lag", error=str(error))
            return None
        finally:
            self._asked_at = time.monotonic()
        for place, end in ends.items():
            lag[topics[place[0]]] += max(end - committed.get(place, (0, ""))[0], 0)
        return lag
