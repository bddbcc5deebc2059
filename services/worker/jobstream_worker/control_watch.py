"""Follows the control topic, from its beginning: a worker that starts learns what was said before."""

import asyncio
import time
from typing import Any

from jobstream.backoff import Backoff
from jobstream.contracts.control import CancelOrder, Gates
from jobstream.contracts.limits import MAX_RECORD_BYTES, parse_json
from jobstream.errors import BrokerUnavailable, InvalidInput
from jobstream.kafka.follower import TopicFollower
from jobstream.service import LoopService
from jobstream.settings import Settings
from jobstream.telemetry import Event, emit
from jobstream_worker.control import Control
from jobstream_worker.counts import Counts

READ_S = 5.0
CATCH_UP_S = 0.25
ASK_EVERY_S = 15.0
"""After so long without a record the topic's end is asked for: it shows a reader that has silently stopped."""
SILENCE_S = 15.0
RETRY = Backoff(base_s=0.5, cap_s=5.0)


class ControlWatch(LoopService):
    """The worker's reader of the control topic. When all is quiet it costs a fetch that the broker holds."""

    name = "control-watch"

    def __init__(self, settings: Settings, client_id: str, topic: str, control: Control, counts: Counts) -> None:
        super().__init__()
        self._settings = settings
        self._client_id = client_id
        self._topic = topic
        self._control = control
        self._counts = counts
        self._follower: TopicFollower | None = None
        self._reading: asyncio.Task[list[Any]] | None = None

    async def run(self) -> None:
        tries = 0
        while not self.stopping.is_set():
            began = time.monotonic()
            try:
                await self._follow()
            except BrokerUnavailable as error:
                emit(Event.KAFKA_TROUBLE, what="following the control topic", error=str(error))
            await self._close()
            tries = 1 if time.monotonic() - began > SILENCE_S else tries + 1
            await self.pause(RETRY.ceiling(tries))

    async def stop(self, deadline_s: float = 10.0) -> None:
        self.stopping.set()
        if self._reading is not None:
            self._reading.cancel()  # what reads is closed next, so nothing is left half done
        await super().stop(deadline_s)

    async def teardown(self) -> None:
        await self._close()

    async def _close(self) -> None:
        follower, self._follower = self._follower, None
        if follower is not None:
            await follower.stop(1.0)

    async def _follow(self) -> None:
        follower = self._follower = TopicFollower(self._settings, self._client_id, self._topic, patient=True)
        await follower.start()
        # From the beginning also after a break: all of it holds twice as well as once.
        follower.rewind([])
        await self._catch_up(follower)
        heard_at = time.monotonic()
        while not self.stopping.is_set():
            self.succeeded()
            if await self._read(follower, READ_S):
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at >= ASK_EVERY_S:
                await self._catch_up(follower)
                heard_at = time.monotonic()

    async def _catch_up(self, follower: TopicFollower) -> None:
        ends = await follower.ends()
        heard_at = time.monotonic()
        while not await follower.reached(ends):
            if self.stopping.is_set():
                return
            self.succeeded()
            if await self._read(follower, CATCH_UP_S):
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > SILENCE_S:
                raise BrokerUnavailable(f"the control topic has more, but nothing came for {SILENCE_S:g} s")
        self._control.caught_up()

    async def _read(self, follower: TopicFollower, timeout_s: float) -> bool:
        """Take the next records; false if none came in time."""
        self._reading = asyncio.create_task(follower.read(timeout_s), name="read control topic")
        await asyncio.wait([self._reading])
        records = [] if self._reading.cancelled() else self._reading.result()
        self.take(records)
        return bool(records)

    def take(self, records: list[Any]) -> None:
        """Have records of the topic obeyed; what cannot be read is counted and passed over."""
        orders: list[CancelOrder] = []
        newest: Gates | None = None
        for record in records:
            try:
                told = read_control(record.value)
            except InvalidInput as error:
                self._counts.control_ignored += 1
                emit(Event.CONTROL_IGNORED, offset=record.offset, error=str(error))
                continue
            if isinstance(told, CancelOrder):
                orders.append(told)
            elif newest is None or told.version > newest.version:
                newest = told
        self._counts.orders += len(orders)
        if orders or newest is not None:
            self._control.obey(orders, newest)


def read_control(value: bytes | None) -> CancelOrder | Gates:
    """What a record of the control topic says.

    Raises:
        InvalidInput: it is neither an order nor gates.
    """
    if value is None:
        raise InvalidInput("null_value", "", "the record has no value")
    document = parse_json(value, max_bytes=MAX_RECORD_BYTES)
    match document:
        case {"control": "cancel"}:
            return CancelOrder.read(document)
        case {"control": "gates"}:
            return Gates.read(document)
        case _:
            raise InvalidInput("invalid_field", "/control", "must be cancel or gates")
