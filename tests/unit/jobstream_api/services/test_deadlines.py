import asyncio

from jobstream_api.services.deadlines import Deadlines
from tests.support.eventually import eventually


async def test_what_is_met_does_not_expire_and_what_is_not_does():
    deadlines = Deadlines(0.05)
    expired: list[str] = []
    met = deadlines.start(lambda: expired.append("met"))
    deadlines.start(lambda: expired.append("first"))
    met.met()
    await asyncio.sleep(0.03)  # so that the second is due while the timer waits for the first alone
    deadlines.start(lambda: expired.append("second"))
    await eventually(lambda: len(expired) == 2, timeout=2, every=0.01)
    assert expired == ["first", "second"]


async def test_no_timer_runs_once_nobody_waits():
    deadlines = Deadlines(0.02)
    deadlines.start(lambda: None).met()
    await eventually(lambda: deadlines._timer is None, timeout=2, every=0.005)
    later: list[int] = []
    deadlines.start(lambda: later.append(1))
    await eventually(lambda: later, timeout=2, every=0.005)
