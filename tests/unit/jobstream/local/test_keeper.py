"""A service that ends by itself is started again, until it is told to stop."""

import asyncio
import signal
import sys

import pytest

from jobstream.local.keeper import Keeper, describe
from jobstream.local.processes import Command, Family
from tests.support.eventually import eventually


@pytest.fixture
async def family(tmp_path):
    made = Family(tmp_path / "children.json")
    yield made
    await made.close()


async def test_a_killed_service_comes_back_and_it_is_told(family):
    told: list[str] = []
    keeper = Keeper(family, Command("worker-1", [sys.executable, "-c", "import time; time.sleep(60)"]), told.append)
    first = keeper.spawn()
    keeper.watch()
    first.kill()
    await eventually(lambda: keeper.restarts == 1 and keeper.running, timeout=10)
    assert keeper.process is not None
    assert keeper.process.pid != first.pid
    assert told == ["worker-1 was ended by SIGKILL; starting it again in 0.5 s"]
    await keeper.stop()
    assert not keeper.running


async def test_a_stopped_service_stays_stopped(family):
    keeper = Keeper(family, Command("api", [sys.executable, "-c", "import time; time.sleep(60)"]), print)
    process = keeper.spawn()
    keeper.watch()
    await keeper.stop()
    await keeper.stop()
    assert process.poll() == -signal.SIGTERM
    assert keeper.restarts == 0


async def test_a_replaced_service_ends_in_order_and_is_kept_in_its_new_shape(family):
    told: list[str] = []
    keeper = Keeper(family, Command("worker-1", [sys.executable, "-c", "import time; time.sleep(60)"]), told.append)
    first = keeper.spawn()
    keeper.watch()
    await keeper.replace(Command("worker-1", [sys.executable, "-c", "import time; time.sleep(61)"]))
    assert first.poll() == -signal.SIGTERM
    assert keeper.running
    assert (keeper.restarts, told) == (0, [])
    assert keeper.process is not None
    keeper.process.kill()
    await eventually(lambda: keeper.restarts == 1 and keeper.running, timeout=10)
    assert keeper.process.command.argv[-1] == "import time; time.sleep(61)"
    await keeper.stop()


async def test_a_service_that_is_stopped_while_it_is_replaced_stays_stopped(family, tmp_path):
    stubborn = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    )
    log = tmp_path / "log"
    command = Command("worker-1", [sys.executable, "-c", stubborn], grace_s=1.0, log=log)
    keeper = Keeper(family, command, print)
    keeper.spawn()
    keeper.watch()
    await eventually(lambda: log.read_text() == "up\n", timeout=10)
    replacing = asyncio.create_task(keeper.replace(command))
    await asyncio.sleep(0)
    await keeper.stop()
    await replacing
    assert not keeper.running


@pytest.mark.parametrize(
    ("code", "words"),
    [(0, "ended with code 0"), (3, "ended with code 3"), (-9, "was ended by SIGKILL"), (-99, "signal 99")],
)
def test_how_it_ended(code, words):
    assert words in describe(code)
