"""What a successor does with the partitions of a worker that was killed."""

import asyncio
import signal

from jobstream.contracts.events import EventKind
from jobstream.contracts.jobs import Job
from jobstream.ids import new_id
from jobstream.kafka.commit_note import CommitNote


async def test_killed_between_the_acknowledge_and_the_commit_no_finished_job_runs_again(make_stage):
    stage = await make_stage(partitions=3)
    for n in range(200):
        await stage.put({"task": "noted", "n": n, "s": 0})
    first = await stage.worker(failpoint="worker.after_outcome_ack:120")
    assert await first.ended(30) == -signal.SIGKILL
    finished = {job for job, outcomes in stage.outcomes().items() if outcomes}
    await stage.worker()
    # A run that was cut off after RUNNING is the reaper's, so it has that fact and no other.
    await stage.until(lambda: len({event.id for event in stage.events}) == 200, 60, "a fact for every job")
    await stage.until(lambda: lag_is_zero(stage))
    assert len(finished) >= 100
    again = [job for job, outcomes in stage.outcomes().items() if len(outcomes) > 1]
    assert again == [], "an outcome that stood on the status topic was made twice"
    starts = [line.job_id for line in stage.starts()]
    assert [job for job in finished if starts.count(job) != 1] == []


async def test_killed_just_before_the_commit_no_finished_job_runs_again_in_any_of_five_rounds(make_stage):
    stage = await make_stage(partitions=1)
    total = 0
    for _ in range(5):
        for n in range(40):
            await stage.put({"task": "noted", "n": total + n, "s": 0.01})
        total += 40
        worker = await stage.worker(failpoint="worker.before_commit:1")
        assert await worker.ended(90) == -signal.SIGKILL
    await stage.worker()
    await stage.until(lambda: len({event.id for event in stage.events}) == total, 60, "a fact for every job")
    await stage.until(lambda: lag_is_zero(stage))
    doubles = {job: outcomes for job, outcomes in stage.outcomes().items() if len(outcomes) > 1}
    assert doubles == {}


async def test_a_job_that_kills_its_worker_is_charged_once_it_is_seen_again(make_stage):
    stage = await make_stage(partitions=1)
    first = await stage.worker()
    await stage.until(lambda: stage.worker_events)
    await stage.put({"task": "deadly", "n": 1})
    for n in range(2, 12):
        await stage.put({"task": "noted", "n": n, "s": 0.2})
    assert await first.ended(30) == -signal.SIGKILL
    second = await stage.worker()
    assert await second.ended(90) == -signal.SIGKILL, "it was started again, after RUNNING"
    deadly = {line.job_id for line in stage.starts() if line.n == 1}
    assert len(deadly) == 1
    running = [event for event in stage.of_kind(EventKind.RUNNING) if event.id in deadly]
    assert len(running) == 1, "its second start was announced before the handler began"
    third = await stage.worker()
    for n in range(12, 22):
        await stage.put({"task": "noted", "n": n, "s": 0})
    await stage.until(lambda: len({event.id for event in stage.events}) == 21, 60, "a fact for every neighbour")
    await stage.until(lambda: lag_is_zero(stage))
    assert third.code is None
    assert len([line for line in stage.starts() if line.n == 1]) == 2, "RUNNING stands: the reaper decides, nobody else"


async def test_every_attempt_after_the_first_is_announced_before_it_starts(make_stage):
    stage = await make_stage(partitions=1)
    worker = await stage.worker()
    await stage.until(lambda: stage.worker_events)
    job = Job(id=new_id(), type="deadly", queue="default", payload={"n": 5}, attempt=2, created_at=_now())
    await stage.put_job(job)
    await worker.ended(20)
    await stage.until(lambda: stage.of_kind(EventKind.RUNNING))
    assert stage.of_kind(EventKind.RUNNING)[0].attempt == 2


async def test_a_pinned_offset_costs_the_successor_little_reading(make_stage):
    """The note in the commit names what is finished above the offset, however long ago that was."""
    stage = await make_stage(partitions=1)
    first = await stage.worker()
    await stage.until(lambda: stage.worker_events)
    # The second job of the key waits for the first, so it has no durable fact and pins the offset.
    await stage.put({"task": "noted", "n": 0, "s": 60}, key="k")
    await stage.put({"task": "noted", "n": 1, "s": 0}, key="k")
    for n in range(2, 402):
        await stage.put({"task": "noted", "n": n, "s": 0})
    await stage.until(lambda: len(stage.outcomes()) == 400)

    async def noted():
        for offset, metadata in (await stage.committed()).values():
            note = CommitNote.decode(metadata, offset)
            if offset == 1 and note is not None and note.finished == ((2, 402),):
                return note
        return None

    note = await stage.until(noted, 10)
    assert note.keyed
    first.signal(signal.SIGKILL)
    second = await stage.worker(log_level="DEBUG", worker_lease_s=1)
    await stage.put({"task": "noted", "n": 500, "s": 0})
    await stage.until(lambda: len(stage.outcomes()) == 401, 90)
    await asyncio.sleep(0.5)
    assert len(stage.starts()) == 402, "nothing finished was started again"
    assert second.code is None


def lag_is_zero(stage):
    async def zero():
        return await stage.lag() == 0

    return zero()


def _now():
    from datetime import UTC, datetime

    return datetime.now(UTC)
