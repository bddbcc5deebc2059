"""The watchdog over the loop."""

import asyncio
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from jobstream.handlers.outcomes import Completed
from jobstream.telemetry import Event
from jobstream_worker.loop_runs import LoopRuns
from jobstream_worker.watchdog import LoopWatchdog
from tests.unit.jobstream_worker.executor.conftest import Events, MakeRun


@pytest.fixture
async def runs() -> AsyncIterator[LoopRuns]:
    """Runs whose loop may be blocked for 0.3 s."""
    runs = LoopRuns(grace_s=1.0)
    watchdog = LoopWatchdog(runs, blocked_after_s=0.3)
    watchdog.start()
    yield runs
    watchdog.stop()


def blocked(events: Events) -> list[dict[str, Any]]:
    return [fields for event, fields in events if event is Event.LOOP_BLOCKED]


async def test_a_handler_that_blocks_the_loop_is_named_once(runs: LoopRuns, make_run: MakeRun, events: Events) -> None:
    run = make_run("loop.block", seconds=1.2)
    assert await runs.execute(run) == Completed()
    (fields,) = blocked(events)
    assert (fields["handler"], fields["job_id"]) == ("loop.block", str(run.job.id))
    assert 0.3 <= fields["seconds"] < 1.2
    assert "time.sleep(payload" in fields["at"]
    assert 'run_in="process"' in fields["hint"]


async def test_a_block_that_is_no_handlers_names_none(runs: LoopRuns, events: Events) -> None:
    time.sleep(1.2)  # noqa: ASYNC251  (blocking the loop is the point)
    await asyncio.sleep(0)
    (fields,) = blocked(events)
    assert "handler" not in fields
    assert "time.sleep(1.2)" in fields["at"]


async def test_waiting_is_not_blocking(runs: LoopRuns, make_run: MakeRun, events: Events) -> None:
    assert await runs.execute(make_run("loop.wait", seconds=1.2)) == Completed()
    assert blocked(events) == []
