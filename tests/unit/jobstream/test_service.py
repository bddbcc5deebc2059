"""Loops and their supervisor: start, stop, restart, deadlines."""

import asyncio

import pytest

from jobstream.service import LoopService, Supervisor
from tests.support.eventually import eventually


class Ticker(LoopService):
    """Counts its turns; raises at the turns it is told to."""

    name = "ticker"

    def __init__(self, *, raise_at: tuple[int, ...] = (), stubborn: bool = False, broken: bool = False) -> None:
        super().__init__()
        self.turns = 0
        self.raise_at = raise_at
        self.stubborn = stubborn
        self.broken = broken
        self.torn_down = 0
        self.turned = asyncio.Condition()

    async def setup(self) -> None:
        if self.broken:
            raise RuntimeError("cannot begin")

    async def teardown(self) -> None:
        self.torn_down += 1

    async def run(self) -> None:
        while not self.stopping.is_set() or self.stubborn:
            self.turns += 1
            async with self.turned:
                self.turned.notify_all()
            if self.turns in self.raise_at:
                raise RuntimeError("fell over")
            self.succeeded()
            await asyncio.sleep(0.001)

    async def reach(self, turns: int) -> None:
        async with asyncio.timeout(10), self.turned:
            await self.turned.wait_for(lambda: self.turns >= turns)


async def test_a_loop_runs_until_it_is_stopped_and_stop_may_be_called_again():
    ticker = Ticker()
    await ticker.start()
    await ticker.reach(3)
    await ticker.stop(1.0)
    turns = ticker.turns
    await ticker.stop(1.0)
    assert ticker.turns == turns
    assert ticker.torn_down == 1


async def test_stop_before_start_is_nothing():
    await Ticker().stop(1.0)


async def test_a_loop_that_will_not_end_is_cancelled_at_the_deadline():
    ticker = Ticker(stubborn=True)
    await ticker.start()
    await ticker.reach(1)
    started = asyncio.get_running_loop().time()
    await ticker.stop(0.1)
    assert asyncio.get_running_loop().time() - started < 1.0
    assert ticker.torn_down == 1


async def test_what_falls_over_is_restarted_and_goes_on():
    ticker = Ticker(raise_at=(2, 4))
    supervisor = Supervisor([ticker])
    await supervisor.start()
    await ticker.reach(6)
    await supervisor.stop(1.0)
    assert ticker.torn_down == 3


async def test_a_start_that_fails_stops_what_was_started_and_raises():
    first, second = Ticker(), Ticker(broken=True)
    with pytest.raises(RuntimeError, match="cannot begin"):
        await Supervisor([first, second]).start()
    assert first.torn_down == 1
    turns, other = first.turns, Ticker()
    await other.start()
    await other.reach(10)
    await other.stop(1.0)
    assert first.turns == turns


async def test_services_stop_in_reverse_order():
    order: list[str] = []

    class Named(Ticker):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

        async def teardown(self) -> None:
            order.append(self.name)

    supervisor = Supervisor([Named("first"), Named("second"), Named("third")])
    await supervisor.start()
    await supervisor.stop(1.0)
    assert order == ["third", "second", "first"]


async def test_ages_grow_only_while_nothing_succeeds():
    ticker = Ticker()
    supervisor = Supervisor([ticker])
    await supervisor.start()
    await ticker.reach(2)
    assert supervisor.ages()["ticker"] < 1.0
    await supervisor.stop(1.0)
    before = ticker.last_success_age()
    await eventually(lambda: ticker.last_success_age() > before, timeout=2, every=0.001)
