"""Gates and pauses: what may not start, does not; what is handed back, is handed back whole."""

import time
from datetime import UTC, datetime, timedelta

from jobstream.contracts.events import EventKind
from jobstream.contracts.jobs import Job
from jobstream.ids import new_id
from tests.support.eventually import eventually


async def test_jobs_of_a_gated_type_come_back_without_a_permit_and_start_with_one(make_stage):
    stage = await make_stage(partitions=1)
    await stage.gates(1, types=["keyed"])
    await stage.start_worker()
    await stage.put("keyed", n=1)
    made = Job(id=new_id(), type="keyed", queue="default", payload={"n": 2}, created_at=datetime.now(UTC))
    await stage.put_job(made)
    direct, api = await eventually(lambda: len(found := stage.of_kind(EventKind.DEFERRED)) == 2 and found)
    assert [(event.reason, event.delay_s) for event in (direct, api)] == [("gated", 0)] * 2
    assert direct.job.payload == {"n": 1}
    assert (api.id, api.job) == (made.id, None)
    late = {"dispatch": 2, "permit": True, "start_by": datetime.now(UTC) - timedelta(seconds=1)}
    await stage.put_job(made.model_copy(update=late))
    event = await eventually(lambda: len(found := stage.of_kind(EventKind.DEFERRED)) == 3 and found[-1])
    assert event.reason == "late"
    await stage.put_job(made.model_copy(update={"dispatch": 3, "permit": True}))
    await eventually(lambda: stage.of_kind(EventKind.COMPLETED))
    assert [line["n"] for line in stage.starts()] == [2]
    await stage.lag_is_zero()


async def test_a_gate_that_shuts_takes_back_what_is_queued_within_two_seconds(make_stage):
    stage = await make_stage(partitions=1)
    await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="2")
    for n in range(5):
        await stage.put("keyed", n=n, seconds=3)
    await eventually(lambda: len(stage.starts()) == 2)
    await stage.gates(1, types=["keyed"])
    await eventually(lambda: len(stage.of_kind(EventKind.DEFERRED)) == 3, timeout=2)
    await stage.all_ended(5)
    assert len(stage.starts()) == 2
    await stage.lag_is_zero()


async def test_a_paused_queue_holds_others_go_on_and_it_resumes_at_once_also_after_a_restart(make_stage):
    stage = await make_stage(partitions=2)
    worker = await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="4")
    low = stage.topics.jobs("low")
    await stage.produce([{"type": "keyed", "payload": {"n": -1, "seconds": 0.1}}] * 300, topic=low)
    await eventually(lambda: len(stage.starts()) >= 8)
    await stage.gates(1, paused=["low"])
    told_at = time.time()
    await stage.produce([{"type": "keyed", "payload": {"n": n}} for n in range(200)])

    def started(at_least: int, *, low: bool, since: float = 0.0) -> int:
        found = [line for line in stage.starts() if (line["n"] == -1) == low and line["at"] > since]
        return len(found) if len(found) >= at_least else 0

    await eventually(lambda: started(200, low=False), timeout=10)
    assert started(0, low=True, since=told_at + 2) == 0
    held = started(0, low=True)
    assert held < 300
    assert await worker.stop() == 0
    await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="4")
    await stage.put("keyed", n=1000)
    await eventually(lambda: started(201, low=False))
    assert started(0, low=True) == held, "it has read the control topic from its beginning"
    await stage.gates(2)
    resumed_at = time.time()
    await eventually(lambda: started(held + 1, low=True), timeout=5)
    assert min(line["at"] for line in stage.starts() if line["n"] == -1 and line["at"] > resumed_at) < resumed_at + 2
    await stage.all_ended(501)
    assert len(stage.starts()) == 501
    await stage.lag_is_zero()


async def test_a_rebalance_while_a_queue_is_paused_loses_nothing(make_stage):
    stage = await make_stage(partitions=2)
    worker = await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="4")
    await stage.gates(1, paused=["default"])
    await stage.produce([{"type": "keyed", "payload": {"n": n}} for n in range(60)])
    other = await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="4")
    await eventually(lambda: len(stage.shares()) == 2)
    await worker.kill()
    await eventually(lambda: "partitions.assigned" in other.log_text())
    assert stage.starts() == []
    await stage.gates(2)
    await stage.all_ended(60)
    assert len(stage.starts()) == 60
    assert other.exit_code is None
    await stage.lag_is_zero(20.0)
