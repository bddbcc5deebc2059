"""How much one worker does at once, and how soon."""

from jobstream.contracts.events import EventKind


async def test_one_partition_keeps_a_hundred_jobs_running_at_once_in_one_process(make_stage):
    stage = await make_stage(partitions=1)
    for n in range(150):
        await stage.put({"task": "noted", "n": n, "s": 2.5})
    await stage.worker()
    await stage.until(lambda: len(stage.starts()) >= 100)
    assert [line for line in stage.ledger() if line.what == "end"] == [], "the first hundred overlap"
    assert len({line.pid for line in stage.starts()}) == 1
    await stage.until(lambda: len(stage.outcomes()) == 150)
    await stage.until(stage_lag_is_zero(stage), what="lag 0")
    assert len(stage.starts()) == 150


async def test_one_slow_job_holds_up_no_other_of_its_partition(make_stage):
    stage = await make_stage(partitions=1)
    await stage.put({"task": "noted", "n": 0, "s": 8})
    for n in range(1, 301):
        await stage.put({"task": "noted", "n": n, "s": 0.01})
    await stage.worker()
    await stage.until(lambda: len(stage.outcomes()) == 300, 7.0)
    await stage.until(stage_lag_is_zero(stage), 5.0, what="lag 0 while the slow job still runs")
    assert [line.n for line in stage.ledger() if line.what == "end" and line.n == 0] == []


async def test_a_short_job_sends_only_its_outcome_and_a_longer_one_its_lease_first(make_stage):
    stage = await make_stage()
    await stage.worker()
    await stage.until(lambda: stage.worker_events)
    await stage.put({"task": "noted", "n": 1, "s": 0})
    await stage.put({"task": "noted", "n": 2, "s": 0.6})
    await stage.until(lambda: len(stage.outcomes()) == 2)
    kinds = {}
    for event in stage.events:
        kinds.setdefault(event.id, []).append(event)
    short, long = sorted(kinds.values(), key=len)
    assert [event.event for event in short] == [EventKind.COMPLETED]
    assert short[0].job is not None
    assert short[0].job.payload["n"] == 1
    assert short[0].started_at is not None
    assert short[0].result == {"n": 1}
    assert [event.event for event in long] == [EventKind.RUNNING, EventKind.COMPLETED]
    assert long[0].lease_s == 30
    assert long[0].job is not None
    assert long[1].job is None, "the job goes whole into its first event only"
    assert all(event.origin is not None for event in stage.events)
    waited = (long[0].at - long[0].started_at).total_seconds()
    assert 0.1 <= waited < 0.4


async def test_progress_shows_within_about_a_second_and_heartbeats_keep_the_lease(make_stage):
    stage = await make_stage()
    await stage.worker(worker_lease_s=2)
    await stage.put({"task": "stepwise", "s": 3})
    beat = await stage.until(lambda: [event for event in stage.events if event.progress == 0.25])
    assert beat[0].progress_text == "a quarter"
    assert (beat[0].at - beat[0].started_at).total_seconds() < 1.3
    await stage.until(lambda: stage.outcomes())
    beats = [event.at for event in stage.events if event.event.rank == 1]
    gaps = [(later - earlier).total_seconds() for earlier, later in zip(beats, beats[1:], strict=False)]
    assert len(beats) >= 5
    assert max(gaps) < 1.0, "a heartbeat every quarter of the lease"


def stage_lag_is_zero(stage):
    async def zero():
        return await stage.lag() == 0

    return zero
