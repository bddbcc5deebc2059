"""Queues share a worker's places by weight: none fills them all, and none stands still."""

import time
from typing import Any

from tests.integration.worker.stage import Stage
from tests.support.eventually import eventually


def starts(stage: Stage, queue: str) -> list[dict[str, Any]]:
    return [line for line in stage.starts() if line["n"] == queue]


async def fill(stage: Stage, queue: str, number: int, seconds: float) -> None:
    """A backlog of jobs that say what queue they are of."""
    record = {"type": "keyed", "payload": {"n": queue, "seconds": seconds}}
    await stage.produce([record] * number, topic=stage.topics.jobs(queue))


async def test_two_queues_with_a_backlog_get_places_in_proportion_to_their_weights(make_stage):
    stage = await make_stage(partitions=3)
    await fill(stage, "high", 1500, 0.02)
    await fill(stage, "low", 1500, 0.02)
    await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="8", JOBSTREAM_WORKER_QUEUES="high:4,low:1")
    await eventually(lambda: len(stage.starts()) >= 900, timeout=60)
    # Whichever partition is read first has the worker to itself for a moment.
    counted = [line["n"] for line in stage.starts()[150:900]]
    assert 750 / 5 * 0.85 < counted.count("low") < 750 / 5 * 1.15


async def test_a_new_job_of_a_heavy_queue_does_not_wait_behind_a_light_ones_backlog(make_stage):
    stage = await make_stage(partitions=3)
    await fill(stage, "low", 2000, 0.2)
    await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="4")
    await eventually(lambda: len(starts(stage, "low")) > 20)
    for n in range(1, 6):
        put_at = time.time()
        await fill(stage, "high", 1, 0.01)
        await eventually(lambda n=n: len(starts(stage, "high")) == n, timeout=5)
        # A place is free every 50 ms.
        assert starts(stage, "high")[-1]["at"] - put_at < 1
    assert len(starts(stage, "low")) < 1000


async def test_with_long_jobs_it_has_the_next_place_that_is_free(make_stage):
    stage = await make_stage(partitions=3)
    await fill(stage, "low", 50, 4)
    await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="2")
    await eventually(lambda: len(starts(stage, "low")) == 2)
    await fill(stage, "high", 1, 0.01)
    start = (await eventually(lambda: starts(stage, "high"), timeout=15))[0]
    freed_at = stage.ends()[0]["at"]
    assert start["at"] - freed_at < 1
    assert len([line for line in starts(stage, "low") if line["at"] < start["at"]]) == 2


async def test_a_light_queue_moves_while_a_heavy_one_is_full(make_stage):
    stage = await make_stage(partitions=3)
    await fill(stage, "high", 2000, 0.02)
    await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="4")
    await eventually(lambda: len(starts(stage, "high")) > 20)
    await fill(stage, "low", 20, 0.02)
    await eventually(lambda: len(starts(stage, "low")) == 20, timeout=20)
    first, last = (starts(stage, "low")[n]["at"] for n in (0, 19))
    between = [line for line in starts(stage, "high") if first < line["at"] < last]
    assert len(between) > 19 * 8 * 0.85, "eight to one"
    assert len(starts(stage, "high")) < 2000
