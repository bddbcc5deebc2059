"""What a successor does with the partitions of a worker that was killed."""

import signal
import time
from datetime import UTC, datetime

import pytest

from jobstream.contracts.events import EventKind
from jobstream.contracts.jobs import Job
from jobstream.ids import new_id
from jobstream.kafka.commit_note import CommitNote
from tests.support.eventually import eventually

KILLED = -signal.SIGKILL


async def test_killed_between_the_acknowledge_and_the_commit_no_finished_job_runs_again(make_stage):
    stage = await make_stage(partitions=3)
    for n in range(200):
        await stage.put("keyed", n=n)
    first = await stage.start_worker(ready=False, JOBSTREAM_FAILPOINT="worker.after_outcome_ack:120")
    assert await first.gone() == KILLED
    await stage.start_worker()
    await every_job_has_a_fact(stage, 200)
    assert len(finished_once(stage)) >= 120


async def test_killed_just_before_the_commit_no_finished_job_runs_again_in_any_of_five_rounds(make_stage):
    stage = await make_stage(partitions=1)
    for round_ in range(5):
        for n in range(40):
            await stage.put("keyed", n=round_ * 40 + n)
        worker = await stage.start_worker(ready=False, JOBSTREAM_FAILPOINT="worker.before_commit")
        assert await worker.gone() == KILLED
    await stage.start_worker()
    await every_job_has_a_fact(stage, 200)
    finished_once(stage)


@pytest.mark.parametrize("line", ["before_handler", "after_handler", "after_outcome_ack", "before_commit"])
async def test_killed_at_any_line_nothing_is_lost_and_nothing_finished_runs_again(make_stage, line):
    stage = await make_stage(partitions=2)
    nth = 1 if line == "before_commit" else 30
    first = await stage.start_worker(
        JOBSTREAM_FAILPOINT=f"worker.{line}:{nth}", JOBSTREAM_WORKER_CONCURRENCY="8", JOBSTREAM_QUEUES="default"
    )
    for n in range(100):
        await stage.put("keyed", n=n, key=f"k{n % 4}" if n % 2 else None)
    assert await first.gone() == KILLED
    await stage.start_worker()
    await every_job_has_a_fact(stage, 100)
    finished_once(stage)


async def test_a_job_that_kills_its_worker_is_charged_once_it_is_seen_again(make_stage):
    stage = await make_stage(partitions=1)
    first = await stage.start_worker()
    await stage.put("killer")
    for n in range(10):
        await stage.put("keyed", n=n)
    assert await first.gone() == KILLED
    second = await stage.start_worker(ready=False)
    assert await second.gone() == KILLED, "it was started again"
    killers = {line["job_id"] for line in stage.starts() if "n" not in line}
    assert len(killers) == 1
    assert len([event for event in stage.of_kind(EventKind.RUNNING) if str(event.id) in killers]) == 1, (
        "the second start was announced before the handler began"
    )
    third = await stage.start_worker()
    for n in range(10, 20):
        await stage.put("keyed", n=n)
    await every_job_has_a_fact(stage, 21)
    assert third.exit_code is None
    assert len([line for line in stage.starts() if "n" not in line]) == 2, "RUNNING stands: now the reaper decides"


async def test_every_attempt_after_the_first_is_announced_before_it_starts(make_stage):
    stage = await make_stage(partitions=1)
    worker = await stage.start_worker()
    job = Job(id=new_id(), type="killer", queue="default", payload={}, attempt=2, created_at=datetime.now(UTC))
    await stage.put_job(job)
    assert await worker.gone() == KILLED
    running = await eventually(lambda: stage.of_kind(EventKind.RUNNING))
    assert running[0].attempt == 2
    assert running[0].started_at is None


async def test_a_worker_that_was_frozen_past_its_session_moves_no_offset_back(make_stage):
    """Its group is empty by then, and Kafka takes commits of anybody for an empty group."""
    stage = await make_stage(partitions=1)
    frozen = await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="5")
    for n in range(300):
        await stage.put("keyed", n=n, seconds=0.09)
    await eventually(lambda: len(stage.starts()) > 50)
    frozen.send(signal.SIGSTOP)
    second = await stage.start_worker()
    await eventually(lambda: len({event.id for event in stage.events}) == 300)
    await stage.lag_is_zero()
    assert await second.stop() == 0
    seen = []
    frozen.send(signal.SIGCONT)
    until = time.monotonic() + 4
    while time.monotonic() < until:
        seen += [offset for offset, _ in (await stage.committed()).values()]
    assert set(seen) == {300}
    assert frozen.exit_code is None, "it has joined the group again"
    again = [line for line in stage.starts() if [other["job_id"] for other in stage.starts()].count(line["job_id"]) > 1]
    assert len(again) <= 2 * 10, "only what it had taken and not announced when it froze"


async def test_a_pinned_offset_costs_the_successor_little_reading(make_stage):
    """The note in the commit names what is finished above the offset, however long ago that was."""
    stage = await make_stage(partitions=1)
    first = await stage.start_worker(JOBSTREAM_WORKER_LEASE_S="60")
    # The second job of the key waits for the first, so it has no durable fact and pins the offset.
    await stage.put("keyed", key="k", n=0, seconds=60)
    await stage.put("keyed", key="k", n=1)
    for n in range(2, 402):
        await stage.put("keyed", n=n)
    await stage.all_ended(400)

    async def noted():
        for offset, metadata in (await stage.committed()).values():
            note = CommitNote.decode(metadata, offset)
            if offset == 1 and note is not None and note.finished == ((2, 402),):
                return note
        return None

    assert (await eventually(noted)).keyed
    await first.kill()
    second = await stage.start_worker()
    await stage.put("keyed", n=500)
    await stage.all_ended(401)
    assert len(stage.starts()) == 402, "nothing finished was started again"
    assert second.exit_code is None


async def every_job_has_a_fact(stage, number):
    """An outcome; or, for a run that was cut off after RUNNING, that: it is the reaper's then."""
    await eventually(lambda: len({event.id for event in stage.events}) == number, timeout=60)
    await stage.lag_is_zero()


def finished_once(stage):
    """The jobs that have an outcome: exactly one, made by the run that started last."""
    outcomes = stage.outcomes()
    assert {job: len(events) for job, events in outcomes.items() if len(events) > 1} == {}
    last_run = {line["job_id"]: line["run_id"] for line in stage.starts()}
    assert [job for job, (event,) in outcomes.items() if last_run[str(job)] != str(event.run_id)] == []
    return outcomes
