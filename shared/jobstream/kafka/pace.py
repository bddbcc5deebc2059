"""How a consumer fetches: with long waits when all is quiet, with short ones while records come."""

import time

from aiokafka import AIOKafkaConsumer

BUSY_MS = 10
BUSY_FOR_S = 1.0
BUSY_LOOK_S = 0.02
IDLE_LOOK_S = 1.0


class FetchPace:
    """Sets by what a consumer reads how long the broker may hold an empty fetch, and how often we look for work.

    aiokafka has one fetch under way to a broker, and a partition whose records were just being handled
    is not in it. Data that arrives there waits until that fetch ends, and with no data elsewhere that
    is the whole wait: half a second, again and again, for whatever is left in the last partitions.
    A short wait costs a hundred requests a second, so it is for busy times only. An idle consumer has
    every partition in its fetch and is woken by the first record.

    A timer wakes its fetching task too, every 200 ms, to go through all partitions and mostly find nothing to do: two
    thirds of what an idle process costs. But when records are taken at the moment at which a fetch ends, the task still
    counts that fetch as under way, sends none, and only the timer gets it going again. So the timer is short while
    records come, and long when it is quiet.

    Args:
        idle_ms: the wait when all is quiet.
    """

    def __init__(self, consumer: AIOKafkaConsumer, idle_ms: int) -> None:
        self._consumer = consumer
        self._idle_ms = idle_ms
        self._busy_until = 0.0

    def read(self, records: bool) -> None:
        """Tell whether a poll brought any records."""
        now = time.monotonic()
        if records:
            self._busy_until = now + BUSY_FOR_S
        fetcher = self._consumer._fetcher
        if fetcher is not None:  # it is made by start()
            busy = now < self._busy_until
            fetcher._fetch_max_wait_ms = min(BUSY_MS, self._idle_ms) if busy else self._idle_ms
            fetcher._fetcher_timeout = BUSY_LOOK_S if busy else IDLE_LOOK_S
