"""What a crash, or a full backlog, left in the outbox."""

import time

from jobstream.contracts.topics import Topics
from jobstream.kafka.ends import Ends
from jobstream.telemetry import Event, emit
from jobstream_api.infrastructure.database import Database
from jobstream_api.repositories import outbox
from jobstream_api.repositories.outbox import OutboxRow
from jobstream_api.services import outbox_floor
from jobstream_api.services.catching_up import applied
from jobstream_api.services.outbox_floor import OutboxFloor
from jobstream_api.services.relay import Relay
from jobstream_api.services.turns import TurningLoop
from jobstream_api.settings import ApiSettings

_PAGE = 1_000
_WHOLE_EVERY_S = 300.0
"""So often a pass begins at the very beginning."""


class Sweep(TurningLoop):
    """Finds rows that whoever wrote them did not get out, and gives them to this process's relay.

    One that died before it deleted a row may have published it: a job that has started since is not
    published again, for a worker that never saw the first record would run it a second time.

    The leader's goes on and on. Every process makes some passes of its own soon after it started:
    after a crash its restart comes sooner than the end of the dead leader's lease.

    Args:
        floor: raised by what a pass saw.
        passes: end after so many passes; None goes on.
    """

    name = "sweep"

    def __init__(
        self,
        settings: ApiSettings,
        database: Database,
        relay: Relay,
        *,
        floor: OutboxFloor | None = None,
        passes: int | None = None,
    ) -> None:
        super().__init__()
        self._floor = floor or OutboxFloor()
        self._whole_at = 0.0
        self._passes, self._done = passes, 0
        if passes is not None:
            self.name = "first-sweep"
        self._database = database
        self._relay = relay
        self._after_s = settings.relay_sweep_after_s
        self.rest_s = max(self._after_s / 2, 0.05)
        self._status = Topics(settings.topic_prefix).status
        self._ends = Ends(settings, f"jobstream-api-{self.name}")

    async def turn(self) -> float:
        await self.pause(self.rest_s)
        async with self._relay.sweeping:
            await self._sweep()
        self._done += 1
        if self._done == self._passes:
            self.stopping.set()
        return 0.0

    async def teardown(self) -> None:
        await self._ends.close()

    def last_success_age(self) -> float:
        # A sweep that was to end after some passes is well once it has.
        return 0.0 if self._passes is not None else super().last_success_age()

    async def _sweep(self) -> None:
        """One pass over all that is due, a page at a time, as long as the relay has room."""
        self._begin()
        after, found, caught_up = self._floor.id, 0, False
        seen_at = outbox_floor.now()
        async with self._database.connection() as connection:
            oldest = await outbox.oldest(connection, after)
        while not self.stopping.is_set() and self._relay.room >= _PAGE:
            async with self._database.connection() as connection:
                rows = await outbox.stale(connection, self._after_s, _PAGE, after=after)
            left = [row for row in rows if not self._relay.holds(row.id)]
            if left and not caught_up:
                # In vain after some seconds: better published twice than late.
                await applied(self._database, await self._ends.ends([self._status]), self)
                caught_up = True
                continue  # others may have brought some of them out meanwhile
            left = await self._not_gone_on(left)
            self._relay.hand_over(left)
            found += len(left)
            if len(rows) < _PAGE:
                self._floor.rise(oldest, seen_at)
                break
            after = rows[-1].id
        if found:
            emit(Event.OUTBOX_SWEPT, count=found)

    def _begin(self) -> None:
        if time.monotonic() >= self._whole_at:
            self._floor.fall()
            self._whole_at = time.monotonic() + _WHOLE_EVERY_S

    async def _not_gone_on(self, rows: list[OutboxRow]) -> list[OutboxRow]:
        if not rows:
            return []
        async with self._database.connection() as connection:
            behind = await outbox.behind(connection, rows)
            if behind:
                await outbox.delete(connection, list(behind))
        return [row for row in rows if row.id not in behind]
