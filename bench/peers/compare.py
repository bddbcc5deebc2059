"""Measures every peer beside us: end to end, the same job, the same machine, the same run."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from pathlib import Path

from bench.figures import Figure, Target
from bench.peers.catalogue import ALL, Peer
from bench.peers.stand import Stand, prepare, standing
from bench.processes import Cpu
from bench.scenario import Here
from bench.watch import Wrong
from jobstream.errors import JobstreamError
from jobstream.local.processes import Family

LOOK_S = 0.02
PATIENCE_S = 180.0
SETTLE_S = 2.0
DOUBLES_S = 0.5
"""For so long a job that ran twice may still show."""


class Compare:
    """Runs the peers.

    Args:
        own: our figures of this run; the ratios are to the rate of ``single`` among them.
        names: which peers; empty: all.
    """

    def __init__(self, own: Sequence[Figure], names: Sequence[str]) -> None:
        self._own = own
        self._peers = [peer for peer in ALL if peer.name in names or not names]

    async def run(self, here: Here) -> list[Figure]:
        """Every peer in turn; one that cannot run here is told of, and left out."""
        assert here.place.folder is not None
        figures: list[Figure] = []
        logs = here.place.folder / "logs"
        family = Family(here.place.folder / "peers.json")
        try:
            here.tell("preparing the peers' environment")
            await prepare(family, logs)
            for peer in self._peers:
                here.tell(f"measuring: {peer.title}")
                try:
                    figures += await self._peer(here, peer, family, logs)
                except (JobstreamError, Wrong, OSError, TimeoutError) as error:
                    here.tell(f"left out: {peer.title}: {error or type(error).__name__}")
        finally:
            await family.close()
        return figures

    async def _peer(self, here: Here, peer: Peer, family: Family, logs: Path) -> list[Figure]:
        jobs = max(int(peer.jobs * here.scale), 100)
        async with standing(peer, here.place, family, logs) as stand:
            await _round(stand, max(jobs // 5, 100))
            await asyncio.sleep(SETTLE_S)
            rounds = [await _round(stand, jobs) for _ in range(here.rounds)]
            await stand.verify()
        rates = tuple(round(jobs / done_s, 1) for done_s, _ in rounds)
        _, cpu = sorted(rounds, key=lambda one: one[0])[len(rounds) // 2]
        rate = statistics.median(rates)
        named, detail = f"peer {peer.name}", {"kept": peer.kept, "jobs": jobs}
        spent = {part: round(used / jobs * 1e6, 1) for part, used in cpu.items()}
        per_1000 = sum(cpu.values()) / jobs * 1000
        figures = [
            Figure(named, f"{peer.title}: end to end", rate, "jobs/s", None, rates, detail),
            Figure(named, f"{peer.title}: CPU", per_1000, "s per 1,000 jobs", None, (), {"us_per_job": spent}),
        ]
        ours = [figure for figure in self._own if (figure.scenario, figure.unit) == ("single", "jobs/s")]
        if ours:
            target = None if peer.least is None else Target(peer.least)
            what = f"jobstream's single submits against {peer.title}"
            figures.append(Figure(named, what, ours[0].value / rate, "times", target))
        return figures


async def _round(stand: Stand, jobs: int) -> tuple[float, dict[str, float]]:
    """Seconds from the first submit to the last durable outcome, and the CPU of every part.

    Raises:
        Wrong: a submit was refused, or there are not as many outcomes as jobs.
    """
    before, cpu = await stand.outcomes(), Cpu(stand.parts)
    began = time.perf_counter()
    load = await stand.submit(jobs)
    while (done := await stand.outcomes() - before) < jobs:
        if time.perf_counter() - began > PATIENCE_S:
            raise Wrong(f"{done:,} of {jobs:,} outcomes after {PATIENCE_S:.0f} s")
        await asyncio.sleep(LOOK_S)
    taken, spent = time.perf_counter() - began, cpu.spent()
    await asyncio.sleep(DOUBLES_S)
    if load.refused or await stand.outcomes() - before != jobs:
        raise Wrong(f"{load.refused} refused, and not as many outcomes as jobs")
    return taken, spent
