"""Clients that have silently stopped are replaced."""

import asyncio
import os

import pytest

from jobstream_worker import consumer_guard
from jobstream_worker.app import build
from jobstream_worker.settings import WorkerSettings
from tests.support.eventually import eventually
from tests.support.space import HANDLERS


@pytest.fixture
async def worker(make_stage, monkeypatch):
    """A worker in this process, whose guard looks often."""
    monkeypatch.setattr(consumer_guard, "LOOK_EVERY_S", 0.5)
    monkeypatch.setattr(consumer_guard, "STUCK_S", 2.0)
    stage = await make_stage(partitions=2)
    monkeypatch.setitem(os.environ, "LEDGER", str(stage.ledger))
    made = build(stage.settings(WorkerSettings, handlers=(HANDLERS,)))
    made.stage = stage
    await made.start()
    await eventually(lambda: made.consumer.joined)
    yield made
    await made.stop(1.0)


async def test_a_consumer_whose_fetching_died_is_replaced_and_runs_go_on(worker):
    stage = worker.stage
    await stage.put("keyed", n=0, seconds=6)
    await eventually(stage.starts)
    first = worker.consumer._group
    first._consumer._fetcher._fetch_task.cancel()
    for n in range(1, 11):
        await stage.put("keyed", n=n)
    await stage.all_ended(11)
    assert worker.consumer._group is not first
    assert len(stage.starts()) == 11
    await stage.lag_is_zero()


async def test_a_consumer_that_hangs_in_a_rebalance_is_replaced(worker):
    stage = worker.stage
    first = worker.consumer._group
    first._consumer._coordinator._coordination_task.cancel()
    first._consumer._subscription.begin_reassignment()
    await stage.put("keyed", n=1)
    await stage.all_ended(1)
    assert worker.consumer._group is not first


async def test_a_producer_that_failed_for_good_is_replaced_and_facts_are_sent_again(worker):
    stage = worker.stage
    await stage.put("keyed", n=0)
    await stage.all_ended(1)
    producer = worker.outbound._publisher._producer
    producer._sender.sender_task.cancel()
    await asyncio.wait([producer._sender.sender_task])
    producer._message_accumulator.fail_all(RuntimeError("fatal"))
    for n in range(1, 21):
        await stage.put("keyed", n=n)
    await eventually(lambda: len(stage.outcomes()) == 21)
    assert len(stage.starts()) == 21
    await stage.lag_is_zero()
