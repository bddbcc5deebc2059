"""Heartbeats: runs that hold a lease keep it, and tell their progress."""

from functools import partial

from jobstream.clock import Clock
from jobstream.wakeful import WakefulLoop
from jobstream_worker.counts import Counts
from jobstream_worker.publisher import Publisher
from jobstream_worker.reports import Reports
from jobstream_worker.runner import Runner
from jobstream_worker.work import Work

TICK_S = 0.25
TELL_PROGRESS_S = 1.0
"""New progress is told at most this often for one run."""


class Heartbeats(WakefulLoop):
    """Sends a HEARTBEAT for each run with a lease: every quarter of the lease, sooner if there is news.

    Handlers cannot block it: async ones share its loop, which the executor's watchdog guards, all
    others run elsewhere.
    """

    name = "heartbeats"

    def __init__(
        self, publisher: Publisher, reports: Reports, runner: Runner, counts: Counts, clock: Clock, *, lease_s: float
    ) -> None:
        super().__init__()
        self._publisher = publisher
        self._reports = reports
        self._runner = runner
        self._counts = counts
        self._clock = clock
        self._every_s = lease_s / 4
        self._tick_s = min(TICK_S, self._every_s / 4)
        self._leased: set[Work] = set()

    def watch(self, work: Work) -> None:
        """Work that holds a lease from now on."""
        self._leased.add(work)
        self.wake()

    async def run(self) -> None:
        while not self.stopping.is_set():
            if not self._leased:
                await self.idle()
            self.beat()
            await self.pause(self._tick_s)

    def beat(self) -> None:
        """Send what is due now."""
        self.succeeded()
        now = self._clock.monotonic()
        for work in [work for work in self._leased if work.ended]:
            self._leased.discard(work)
        for work in self._leased:
            # One at a time: while Kafka is away, heartbeats must not pile up.
            if not work.beat_pending and now - work.beat_at >= self._wait_s(work):
                work.beat_at = now
                work.beat_pending = True
                self._counts.heartbeats += 1
                self._publisher.post(
                    self._reports.heartbeat(work).record,
                    partial(self._runner.beat_acknowledged, work),
                )

    def _wait_s(self, work: Work) -> float:
        news = work.run is not None and work.run.progress_version != work.told_version
        return min(TELL_PROGRESS_S, self._every_s) if news else self._every_s
