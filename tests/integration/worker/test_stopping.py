"""How a worker stops."""

import signal
import time

from jobstream.contracts.events import EventKind
from tests.support.eventually import eventually


async def test_sigterm_lets_running_jobs_finish_and_leaves_the_rest_of_the_topic(make_stage):
    stage = await make_stage(partitions=1)
    worker = await stage.start_worker(JOBSTREAM_WORKER_CONCURRENCY="4")
    for n in range(40):
        await stage.put("keyed", n=n, seconds=1.5)
    await eventually(lambda: len(stage.starts()) >= 4)
    assert await worker.stop() == 0
    started = len(stage.starts())
    assert 4 <= started < 40
    await stage.all_ended(started, 5)
    assert {event.event for event in stage.events} <= {EventKind.RUNNING, EventKind.HEARTBEAT, EventKind.COMPLETED}
    assert stage.worker_events[-1].event == "worker.stopped"
    assert await stage.lag() == 40 - started
    await stage.start_worker()
    await stage.all_ended(40)
    assert len(stage.starts()) == 40


async def test_what_is_done_when_a_worker_stops_is_committed(make_stage):
    stage = await make_stage(partitions=4)
    worker = await stage.start_worker()
    for round_ in range(1, 4):
        await stage.produce([{"type": "instant", "payload": {"n": n}} for n in range(25)])
        await stage.all_ended(round_ * 25)
        assert await worker.stop() == 0
        assert await stage.lag() == 0
        worker = await stage.start_worker()


async def test_after_the_grace_the_rest_is_released_uncharged(make_stage):
    stage = await make_stage(partitions=1)
    worker = await stage.start_worker(JOBSTREAM_WORKER_GRACE_S="1")
    for _ in range(100):
        await stage.put("sleeper", seconds=3600)
    await eventually(lambda: len(stage.starts()) == 100)
    began = time.monotonic()
    assert await worker.stop() == 0
    assert time.monotonic() - began < 1 + 5
    await eventually(lambda: len(stage.of_kind(EventKind.RELEASED)) == 100, timeout=5)
    assert await stage.lag() == 0


async def test_a_second_sigterm_skips_the_grace(make_stage):
    stage = await make_stage(partitions=1)
    worker = await stage.start_worker(JOBSTREAM_WORKER_GRACE_S="60")
    for _ in range(20):
        await stage.put("sleeper", seconds=3600)
    await eventually(lambda: len(stage.starts()) == 20)
    worker.send(signal.SIGTERM)
    await eventually(lambda: "process.stopping" in worker.log_text())
    began = time.monotonic()
    assert await worker.stop() == 0
    assert time.monotonic() - began < 5
    await eventually(lambda: len(stage.of_kind(EventKind.RELEASED)) == 20, timeout=5)


async def test_with_the_broker_away_sigterm_still_ends_it_within_the_grace_and_five_seconds(make_stage):
    stage = await make_stage(partitions=1)
    worker = await stage.start_worker(
        ready=False, JOBSTREAM_WORKER_GRACE_S="3", JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9"
    )
    await eventually(lambda: "process.ready" in worker.log_text())
    began = time.monotonic()
    assert await worker.stop() == 0
    assert time.monotonic() - began < 3 + 5


async def test_wrong_settings_end_it_with_one_line_and_code_two(make_stage):
    stage = await make_stage(partitions=1)
    for variable, value, words in (
        ("HANDLERS", "", "JOBSTREAM_HANDLERS is empty"),
        ("HANDLERS", "no.such.module", "no.such.module"),
        ("WORKER_CONCURRENCY", "many", "JOBSTREAM_WORKER_CONCURRENCY"),
        ("WORKER_QUEUES", "other", "JOBSTREAM_WORKER_QUEUES"),
    ):
        worker = await stage.start_worker(ready=False, **{f"JOBSTREAM_{variable}": value})
        assert await worker.gone() == 2
        lines = worker.log_text().splitlines()
        assert len(lines) == 1, lines
        assert words in lines[0]
