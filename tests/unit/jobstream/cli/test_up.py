"""How often somebody asked to stop."""

import asyncio

from jobstream.cli import up
from jobstream.cli.up import Presses


async def test_signals_within_a_second_are_one_press(monkeypatch):
    now = 100.0
    monkeypatch.setattr(up.time, "monotonic", lambda: now)
    presses = Presses()
    presses.press()
    now = 100.5
    presses.press()
    assert presses.count == 1
    now = 102.0
    presses.press()
    assert presses.count == 2


async def test_waiting_for_a_press(monkeypatch):
    monkeypatch.setattr(up, "BETWEEN_PRESSES_S", 0.0)
    presses = Presses()
    second = asyncio.create_task(presses.reached(2))
    presses.press()
    await asyncio.sleep(0)
    assert not second.done()
    presses.press()
    await asyncio.wait_for(second, 1)
