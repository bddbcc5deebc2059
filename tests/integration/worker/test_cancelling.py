"""Jobs that are cancelled from outside: an order on the control topic ends them, wherever they are."""

import time
from datetime import UTC, datetime
from typing import Any

import pytest

from jobstream.contracts.events import EventKind
from jobstream.contracts.jobs import Job
from jobstream.ids import new_id
from tests.support.eventually import eventually


def job(job_type: str, queue: str = "default", **payload: Any) -> Job:
    return Job(id=new_id(), type=job_type, queue=queue, payload=payload, created_at=datetime.now(UTC))


@pytest.mark.parametrize("job_type", ["sleeper", "blocking", "attentive", "cpu"])
async def test_a_running_job_ends_within_five_seconds_wherever_its_handler_runs(make_stage, job_type):
    stage = await make_stage(partitions=1)
    worker = await stage.start_worker()
    doomed = job(job_type, seconds=60)
    await stage.put_job(doomed)
    await eventually(stage.starts)
    told_at = time.monotonic()
    await stage.cancel(doomed.id, "not needed")
    event = (await eventually(lambda: stage.of_kind(EventKind.CANCELLED), timeout=5))[0]
    assert time.monotonic() - told_at < 5
    assert (event.id, event.error.message) == (doomed.id, "not needed")
    await stage.lag_is_zero()
    await stage.put("instant")
    await stage.all_ended(2)
    assert worker.exit_code is None
    noted = {line["what"] for line in stage.runs()}
    assert ("cancelled" in noted) == (job_type == "attentive")
    assert "end" not in noted


async def test_a_queued_job_is_cancelled_without_a_start_and_its_record_is_done(make_stage):
    stage = await make_stage(partitions=1)
    await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="1")
    first, second, third = (job("keyed", n=n, seconds=4) for n in range(3))
    for each in (first, second, third):
        await stage.put_job(each)
    await eventually(stage.starts)
    await stage.cancel(second.id)
    event = (await eventually(lambda: stage.of_kind(EventKind.CANCELLED), timeout=3))[0]
    assert (event.id, event.started_at) == (second.id, None)
    await stage.all_ended(3)
    assert [line["n"] for line in stage.starts()] == [0, 2]
    await stage.lag_is_zero()


async def test_an_order_that_is_older_than_the_worker_and_its_job_holds_and_a_retry_runs(make_stage):
    stage = await make_stage(partitions=1)
    doomed = job("instant")
    await stage.cancel(doomed.id)
    await stage.put_job(doomed)
    await stage.start_worker()
    await eventually(lambda: stage.of_kind(EventKind.CANCELLED))
    await stage.put_job(doomed.model_copy(update={"dispatch": 2}))
    await eventually(lambda: stage.of_kind(EventKind.COMPLETED))
    assert len(stage.starts()) == 1
    await stage.lag_is_zero()
