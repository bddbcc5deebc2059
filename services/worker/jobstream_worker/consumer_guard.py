"""Finds a consumer that has silently stopped, and has it rebuilt."""

import time

from jobstream.errors import BrokerUnavailable
from jobstream.service import LoopService
from jobstream.telemetry import Event, emit
from jobstream_worker.consumer import Consumer
from jobstream_worker.status_watch import StatusWatch

LOOK_EVERY_S = 15.0
STUCK_S = 60.0
"""Longer than any rebalance may take."""
SILENCE_S = 12.0
"""Kafka that has not answered the status watch for so long is away altogether."""


class ConsumerGuard(LoopService):
    """Rebuilds the consumer if, with Kafka answering others, its loop hangs or records do not come."""

    name = "consumer-guard"

    def __init__(self, consumer: Consumer, watch: StatusWatch) -> None:
        super().__init__()
        self._consumer = consumer
        self._watch = watch
        self._suspected_at: float | None = None

    async def run(self) -> None:
        while not self.stopping.is_set():
            await self.pause(LOOK_EVERY_S)
            self.succeeded()
            if await self._stands_still():
                self._suspected_at = self._suspected_at or time.monotonic()
                if time.monotonic() - self._suspected_at >= STUCK_S / 2:
                    emit(Event.KAFKA_TROUBLE, what="consuming", error="no progress; making a new consumer")
                    self._consumer.rebuild()
                    self._suspected_at = None
            else:
                self._suspected_at = None

    async def _stands_still(self) -> bool:
        now = time.monotonic()
        if now - self._watch.answered_at > SILENCE_S:
            return False  # the consumer comes back with it
        if self._consumer.last_success_age() > STUCK_S:
            return True
        if now - self._consumer.taken_at < LOOK_EVERY_S:
            return False
        try:
            return await self._consumer.behind()
        except BrokerUnavailable:
            return False
