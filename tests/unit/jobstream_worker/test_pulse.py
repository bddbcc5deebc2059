"""A process that stood still asks before it goes on."""

import pytest

from jobstream_worker.pulse import Pulse
from tests.unit.jobstream_worker.desk import PLACE, Desk


@pytest.fixture
async def told(desk: Desk) -> list[bool]:
    """What the desk's pulse told, wired as in the app."""
    told: list[bool] = []

    def was_late() -> None:
        told.append(True)
        desk.runner.hold(True)

    desk.pulse = Pulse(39.0, was_late, desk.clock)
    desk.runner.stood_still = desk.pulse.late
    return told


async def test_ticks_in_time_tell_nothing(desk, told):
    for _ in range(100):
        desk.clock.at += 0.5
        desk.pulse.tick()
    assert told == []
    desk.direct()
    await desk.settle()
    assert len(desk.gate.started) == 1


async def test_after_a_freeze_nothing_starts_before_or_after_the_late_tick(desk, told):
    desk.clock.at += 40
    desk.direct(payload={"n": 0})
    await desk.settle()
    assert desk.gate.started == [], "not even before the tick"
    desk.pulse.tick()
    assert told == [True]
    assert desk.runner.room(PLACE.topic) == 0
    desk.direct(payload={"n": 1})
    await desk.settle()
    assert desk.gate.started == []


async def test_what_is_still_ours_goes_on_and_what_is_not_is_gone(desk, told):
    desk.clock.at += 40
    desk.direct(payload={"n": 0})
    other = desk.open_slot()
    desk.direct(other, offset=1, payload={"n": 1})
    desk.pulse.tick()
    desk.runner.withdraw({desk.slot})
    desk.runner.hold(False)
    await desk.settle()
    assert desk.gate.started == [1]
    desk.pulse.tick()
    assert told == [True]
