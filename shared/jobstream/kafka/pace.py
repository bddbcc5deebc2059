"""How a consumer fetches: which fetch the broker may hold for how long, and how often we look for work."""

import time
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

BUSY_MS = 10
BUSY_FOR_S = 1.0
QUIET_MS = 2000
QUIET_AFTER_S = 10.0
LOOK_S = 0.2
QUIET_LOOK_S = 1.0


class FetchPace:
    """Says of each fetch how long the broker may hold it while it is empty.

    aiokafka has one fetch under way to a broker. It has all partitions but those whose records wait to be taken, when
    they have waited for a tenth of a second. Where it has all, the first record ends it, however long it may be held.
    What comes to a partition that was left out waits for its end, and with no data elsewhere that is the whole hold,
    again and again for whatever is left in the last partitions of a flood: such a fetch is short. And long ones are for
    quiet times alone, since a seek, or a rebalance, takes effect when the fetch before it has ended.

    Records that are taken at the moment at which a fetch ends make the fetching task believe that it is still under
    way: it sends none until its timer has run down. So then the timer is zero, and otherwise as long as may be: to go
    through all partitions and find nothing to do is most of what an idle process costs.

    Args:
        hold_ms: how long a fetch may be held that is neither.
        quiet_ms: how long in quiet times; default: four times that, of at most two seconds if it was not longer before.
    """

    def __init__(self, consumer: AIOKafkaConsumer, hold_ms: int, quiet_ms: int | None = None) -> None:
        self._consumer = consumer
        self._hold_ms = hold_ms
        self._quiet_ms = max(hold_ms, min(4 * hold_ms, QUIET_MS)) if quiet_ms is None else quiet_ms
        self._read_at = 0.0
        self._stirred_at = 0.0
        self._fetcher: Any = None
        self._actions: Any = None

    def start(self) -> None:
        """Take the pace over from the consumer, which has just started."""
        self._fetcher = self._consumer._fetcher
        self._actions = self._fetcher._get_actions_per_node
        self._fetcher._get_actions_per_node = self._next_actions
        self.stir()

    def read(self) -> None:
        """Tell that records were taken."""
        self._read_at = time.monotonic()

    def stir(self) -> None:
        """Tell that partitions come and go, or positions change: it is not quiet."""
        self._stirred_at = time.monotonic()

    def _leaves_out(self, assignment: Any, place: TopicPartition) -> bool:
        fetcher = self._fetcher
        return (
            place in fetcher._records
            or assignment.state_value(place).paused
            or fetcher._select_read_replica(place) in (None, -1)  # between two leaders
        )

    def _next_actions(self, assignment: Any) -> Any:
        fetcher, now = self._fetcher, time.monotonic()
        quiet = now - self._stirred_at >= QUIET_AFTER_S
        if any(self._leaves_out(assignment, place) for place in assignment.tps):
            busy = now - self._read_at < BUSY_FOR_S
            hold_ms = min(BUSY_MS, self._hold_ms) if busy else self._hold_ms
        else:
            hold_ms = self._quiet_ms if quiet else self._hold_ms
        fetcher._fetch_max_wait_ms = hold_ms
        under_way = sum(not task.done() for task in fetcher._pending_tasks)
        fetcher._fetcher_timeout = 0.0 if len(fetcher._in_flight) > under_way else QUIET_LOOK_S if quiet else LOOK_S
        return self._actions(assignment)
