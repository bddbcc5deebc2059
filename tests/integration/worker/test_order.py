"""Jobs with one key run one after another, whatever happens around them."""

import signal
from collections import defaultdict

from jobstream.contracts.events import EventKind
from tests.support.eventually import eventually


async def test_keyed_jobs_run_in_order_under_two_workers_and_rebalances(make_stage):
    stage = await make_stage(partitions=4)
    stage.env["JOBSTREAM_QUEUES"] = "default"
    await stage.start_worker()
    second = await stage.start_worker()
    await eventually(lambda: stage.shares() == [2, 2])
    for n in range(120):
        await stage.put("keyed", key=f"customer-{n % 8}", n=n, seconds=0.12 if n % 3 else 0.02)
    second.send(signal.SIGTERM)
    for n in range(120, 240):
        await stage.put("keyed", key=f"customer-{n % 8}", n=n, seconds=0.12 if n % 3 else 0.02)
    await stage.start_worker()
    await stage.all_ended(240)
    in_order(stage, 240)
    assert len({line["pid"] for line in stage.starts()}) >= 2


async def test_a_key_waits_for_its_job_that_still_runs_in_the_worker_that_left(make_stage):
    stage = await make_stage(partitions=1)
    # Long leases, so that no heartbeat tells of the run again: only the note in the commit can.
    stage.env["JOBSTREAM_WORKER_LEASE_S"] = "60"
    first = await stage.start_worker()
    await stage.put("keyed", key="k", n=0, seconds=12)
    await stage.put("keyed", key="k", n=1)
    await eventually(lambda: stage.of_kind(EventKind.RUNNING))
    first.send(signal.SIGTERM)
    await stage.start_worker()
    await stage.put("keyed", key="k", n=2)
    await stage.put("keyed", key="other", n=3)
    await eventually(lambda: [line["n"] for line in stage.ends()] == [3], timeout=8, what="another key goes on")
    await stage.all_ended(4)
    assert await first.gone() == 0
    in_order(stage, 4)


async def test_a_key_whose_worker_was_killed_is_free_again_once_the_lease_has_passed(make_stage):
    stage = await make_stage(partitions=1)
    first = await stage.start_worker()
    await stage.put("keyed", key="k", n=0, seconds=60)
    await eventually(lambda: stage.of_kind(EventKind.RUNNING))
    await first.kill()
    await stage.put("keyed", key="k", n=1)
    await stage.start_worker()
    await stage.all_ended(1, 30)
    assert [line["n"] for line in stage.starts()] == [0, 1]


def in_order(stage, count):
    """By key: started once each, in order, and none before the one before it ended."""
    lanes = defaultdict(list)
    for line in stage.runs():
        lanes[line["key"]].append((line["what"], line["n"]))
    for key, lines in lanes.items():
        numbers = [n for what, n in lines if what == "start"]
        assert numbers == sorted(numbers), f"{key} ran out of order: {lines}"
        assert lines == [(what, n) for n in numbers for what in ("start", "end")], f"{key} overlapped: {lines}"
    assert len(stage.starts()) == count
