"""How much one worker does at once, and how soon."""

from collections import defaultdict
from itertools import pairwise

from jobstream.contracts.events import EventKind
from tests.support.eventually import eventually


async def test_one_partition_keeps_a_hundred_jobs_running_at_once_in_one_process(make_stage):
    stage = await make_stage(partitions=1)
    for n in range(150):
        await stage.put("keyed", n=n, seconds=2.5)
    await stage.start_worker()
    await eventually(lambda: len(stage.starts()) >= 100)
    assert stage.ends() == [], "the first hundred overlap"
    assert len({line["pid"] for line in stage.starts()}) == 1
    await stage.all_ended(150)
    await stage.lag_is_zero()
    assert len(stage.starts()) == 150


async def test_one_slow_job_holds_up_no_other_of_its_partition(make_stage):
    stage = await make_stage(partitions=1)
    await stage.start_worker()
    await stage.put("keyed", n=0, seconds=15)
    for n in range(1, 301):
        await stage.put("keyed", n=n)
    await stage.all_ended(300, 8.0)
    await stage.lag_is_zero(5.0)
    assert [line["n"] for line in stage.ends() if line["n"] == 0] == [], "the slow one still runs"


async def test_a_short_job_sends_only_its_outcome_and_a_longer_one_its_lease_first(make_stage):
    stage = await make_stage()
    await stage.start_worker()
    await stage.put("keyed", n=1)
    await stage.put("keyed", n=2, seconds=0.6)
    await stage.all_ended(2)
    kinds = defaultdict(list)
    for event in stage.events:
        kinds[event.id].append(event)
    short, long = sorted(kinds.values(), key=len)
    assert [event.event for event in short] == [EventKind.COMPLETED]
    assert short[0].job.payload == {"n": 1}
    assert short[0].started_at is not None
    assert [event.event for event in long] == [EventKind.RUNNING, EventKind.COMPLETED]
    assert long[0].lease_s == 6
    assert long[0].job.payload["n"] == 2
    assert long[1].job is None, "the job goes whole into its first event only"
    assert all(event.origin.topic == stage.topics.jobs() for event in stage.events)
    assert 0.1 <= (long[0].at - long[0].started_at).total_seconds() < 0.4


async def test_progress_shows_within_about_a_second_and_heartbeats_keep_the_lease(make_stage):
    stage = await make_stage()
    await stage.start_worker(JOBSTREAM_WORKER_LEASE_S="8")
    await stage.put("sleeper", seconds=7)
    await stage.all_ended(1)
    beats = [event for event in stage.events if event.event.rank == 1]
    first = next(event for event in beats if event.progress)
    # The handler tells its first step after half a second.
    assert (first.at - first.started_at).total_seconds() < 1.8
    gaps = [(later.at - earlier.at).total_seconds() for earlier, later in pairwise(beats)]
    assert min(gaps) > 0.7, "at most about one a second"
    assert max(gaps) < 2.3, "at least one every quarter of the lease"


async def test_a_queue_with_a_long_backlog_does_not_starve_the_others(make_stage):
    stage = await make_stage(partitions=1)
    backlog = {"type": "keyed", "payload": {"n": 0, "seconds": 0.05}}
    await stage.produce([backlog] * 3000, topic=stage.topics.jobs("low"))
    await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="10")
    await eventually(lambda: len(stage.starts()) > 20)
    await stage.put("keyed", n=1)
    await eventually(lambda: any(line["n"] == 1 for line in stage.starts()), timeout=4)
    assert len(stage.starts()) < 2000
