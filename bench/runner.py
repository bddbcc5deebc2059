"""Runs scenarios: those that may share a system one after another in one, each other in one of its own."""

import traceback
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

import asyncpg

from bench.figures import Figure
from bench.place import Place, own_place
from bench.rounds import warm_up
from bench.scenario import Here, Scenario
from bench.watch import Watch
from jobstream.errors import JobstreamError


class Runner:
    """Collects figures, and what failed.

    Args:
        named: a system that runs already; None: clusters of our own.
        broker: as of `jobstream up`, for those.
        seen: called with each figure as soon as it is there.
    """

    def __init__(
        self,
        named: Place | None,
        broker: str | None,
        *,
        scale: float,
        rounds: int,
        hold_s: float,
        tell: Callable[[str], None],
        seen: Callable[[Figure], None],
    ) -> None:
        self.figures: list[Figure] = []
        self.failures: list[str] = []
        self.versions: dict[str, str] = {}
        self._named = named
        self._broker = broker
        self._scale = scale
        self._rounds = rounds
        self._hold_s = hold_s
        self._tell = tell
        self._seen = seen

    async def run(
        self, scenarios: Sequence[Scenario], then: Callable[[Here], Awaitable[list[Figure]]] | None = None
    ) -> None:
        """Run them. ``then`` is called in the shared system, after those that share it."""
        if self._named is not None:
            fit = [scenario for scenario in scenarios if not scenario.ours]
            for scenario in scenarios:
                if scenario.ours:
                    self._tell(f"left out, since it needs a cluster of its own: {scenario.name}")
            async with AsyncExitStack() as stack:
                await self._in(await self._here(self._named, stack), fit, then)
            return
        shared = [scenario for scenario in scenarios if scenario.shared]
        if shared or then is not None:
            await self._in_own(shared, 1, then)
        for scenario in scenarios:
            if not scenario.shared:
                await self._in_own([scenario], scenario.workers)

    async def _in_own(
        self,
        scenarios: Sequence[Scenario],
        workers: int,
        then: Callable[[Here], Awaitable[list[Figure]]] | None = None,
    ) -> None:
        async with AsyncExitStack() as stack:
            place = await stack.enter_async_context(own_place(self._broker, workers))
            await self._in(await self._here(place, stack), scenarios, then)

    async def _here(self, place: Place, stack: AsyncExitStack) -> Here:
        watch = await stack.enter_async_context(Watch(place.database))
        self.versions = await place.versions()
        return Here(place, watch, self._scale, self._rounds, self._hold_s, self._tell)

    async def _in(
        self,
        here: Here,
        scenarios: Sequence[Scenario],
        then: Callable[[Here], Awaitable[list[Figure]]] | None,
    ) -> None:
        if any(scenario.shared for scenario in scenarios):
            self._tell("warming up")
            await warm_up(here.place, here.watch, self._scale)
        for scenario in scenarios:
            self._tell(f"measuring: {scenario.name}")
            await self._one(scenario.name, partial(scenario.measure, here, scenario))
        if then is not None:
            await self._one("peers", partial(then, here))

    async def _one(self, name: str, measure: Callable[[], Awaitable[list[Figure]]]) -> None:
        try:
            found = await measure()
        except (JobstreamError, asyncpg.PostgresError, OSError, TimeoutError, RuntimeError) as error:
            traceback.print_exc()
            self.failures.append(f"{name}: {error or type(error).__name__}")
            return
        for figure in found:
            self.figures.append(figure)
            self._seen(figure)
