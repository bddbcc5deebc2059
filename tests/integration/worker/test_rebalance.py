"""Members come and go while jobs run."""

from jobstream.contracts.events import EventKind
from tests.support.eventually import eventually


async def test_a_twenty_second_job_survives_five_rebalances_in_one_run_with_lag_zero(make_stage):
    stage = await make_stage(partitions=4)
    await stage.start_worker()
    for partition in range(4):
        await stage.put("keyed", n=partition, seconds=20, partition=partition)
    await eventually(lambda: len(stage.of_kind(EventKind.RUNNING)) == 4)
    await stage.lag_is_zero()
    for _ in range(5):
        bystander = await stage.bystander()
        assert await stage.lag() == 0
        await bystander.stop()
        assert await stage.lag() == 0
    assert stage.ends() == [], "the rebalances came while the jobs ran"
    await stage.all_ended(4)
    assert len(stage.starts()) == 4
    assert len({event.run_id for event in stage.events}) == 4


async def test_jobs_that_just_began_survive_rebalances(make_stage):
    """They have no lease yet, so giving their partition up sends RUNNING first."""
    stage = await make_stage(partitions=2)
    await stage.start_worker()
    bystander = await stage.bystander()
    for n in range(60):
        await stage.put("keyed", n=n, seconds=0.09)
        if n % 20 == 10:
            await bystander.stop()
            bystander = await stage.bystander()
    await bystander.stop()
    await stage.all_ended(60)
    assert len(stage.starts()) == 60


async def test_workers_that_join_and_leave_run_every_job_once(make_stage):
    stage = await make_stage(partitions=6)
    await stage.start_worker()
    for n in range(400):
        await stage.put("keyed", n=n, seconds=0.05 + n % 7 / 10)
    second = await stage.start_worker()
    third = await stage.start_worker()
    await eventually(lambda: stage.shares() == [6, 6, 6])
    for n in range(400, 800):
        await stage.put("keyed", n=n, seconds=0.05 + n % 7 / 10)
    await eventually(lambda: len({line["pid"] for line in stage.starts()}) == 3, timeout=10)
    assert await second.stop() == 0
    assert await third.stop() == 0
    await stage.all_ended(800)
    await stage.lag_is_zero()
    assert len(stage.starts()) == 800
