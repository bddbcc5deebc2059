"""Workers killed, stopped and added at random; the seed is printed and replays the choices."""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import defaultdict

import pytest

from tests.support.eventually import eventually

SEEDS = [int(seed) for seed in os.environ.get("JOBSTREAM_TEST_SEEDS", "11").split(",")]
JOBS = 1200


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.parametrize("seed", SEEDS)
async def test_no_job_runs_again_after_its_outcome_and_keys_keep_their_order(make_stage, seed):
    print(f"seed {seed}")
    rng = random.Random(seed)
    stage = await make_stage(partitions=4)
    stage.env |= {"JOBSTREAM_QUEUES": "default", "JOBSTREAM_WORKER_LEASE_S": "4"}
    workers = [await stage.start_worker() for _ in range(3)]
    killed: set[int] = set()
    commits = asyncio.create_task(never_backwards(stage))
    for n in range(JOBS):
        key = f"key-{rng.randrange(12)}" if rng.random() < 0.4 else None
        await stage.put("keyed", key=key, n=n, seconds=rng.choice([0, 0, 0.01, 0.08, 0.15, 0.6]))
        if n % 120 == 60:
            await disturb(stage, rng, workers, killed)
    for worker in workers:
        if worker.exit_code is None:
            await worker.stop()
    await stage.start_worker()
    await eventually(lambda: len({event.id for event in stage.events}) == JOBS, timeout=120)
    await eventually(lambda: all_but_killed(stage, killed), timeout=60)
    await stage.lag_is_zero()
    commits.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await commits
    judge(stage, killed)


async def disturb(stage, rng, workers, killed):
    victim = rng.choice(workers)
    match rng.choice(["kill", "kill", "stop", "join", "freeze"]):
        case "kill":
            killed.add(victim.pid)
            await victim.kill()
            workers[workers.index(victim)] = await stage.start_worker(ready=False)
        case "stop":
            victim.send(signal.SIGTERM)
            workers[workers.index(victim)] = await stage.start_worker(ready=False)
        case "join":
            bystander = await stage.bystander()
            await bystander.stop()
        case "freeze":
            # Shorter than a session: nobody takes its partitions over.
            victim.send(signal.SIGSTOP)
            await asyncio.sleep(2)
            victim.send(signal.SIGCONT)


async def never_backwards(stage):
    """I5, seen from outside."""
    highest = {}
    while True:
        for place, (offset, _) in (await stage.committed()).items():
            assert offset >= highest.get(place, 0), f"{place} went back to {offset}"
            highest[place] = offset
        await asyncio.sleep(0.2)


def all_but_killed(stage, killed):
    """Every job has an outcome, save those whose run was cut off by a kill: RUNNING stands, the reaper's turn."""
    ended = stage.outcomes()
    cut = {line["job_id"] for line in stage.starts() if line["pid"] in killed}
    cut |= {str(event.id) for event in stage.events if int(event.worker.rsplit("-", 2)[1]) in killed}
    return all(event.id in ended or str(event.id) in cut for event in stage.events)


def judge(stage, killed):
    outcomes = stage.outcomes()
    twice = {job: events for job, events in outcomes.items() if len(events) > 1}
    assert twice == {}, "two outcomes of one dispatch"
    recorded = {str(job): events[0].at.timestamp() for job, events in outcomes.items()}
    late = [line for line in stage.starts() if line["at"] > recorded.get(line["job_id"], time.time())]
    assert late == [], "started after its outcome was recorded"
    lanes = defaultdict(list)
    for line in stage.runs():
        if line["key"] is not None:
            lanes[line["key"]].append(line)
    for key, lines in lanes.items():
        running = None
        highest = -1
        for line in lines:
            if line["what"] == "end":
                running = None
                continue
            assert running is None or running["pid"] in killed, f"{key}: {line} overlaps {running}"
            assert line["n"] >= highest, f"{key}: {line['n']} after {highest}"
            running, highest = line, line["n"]
