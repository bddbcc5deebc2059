"""Handlers in child processes."""

import asyncio
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from jobstream.handlers.outcomes import Cancelled, Completed, Failed, Outcome, Released, Snoozed
from jobstream.telemetry import Event
from jobstream_worker.executor import Executor, Run
from tests.unit.jobstream_worker.executor.conftest import Events, MakeExecutor, MakeRun, reached

pytestmark = pytest.mark.asyncio(loop_scope="module")


def error_of(outcome: Outcome) -> tuple[str, str]:
    assert isinstance(outcome, Failed)
    assert outcome.retryable
    return outcome.error.code, outcome.error.message


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def children() -> list[int]:
    return [child.pid for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]


async def begin(executor: Executor, run: Run) -> "asyncio.Task[Outcome]":
    """Start a run and wait until its handler has told progress."""
    waiting = asyncio.create_task(executor.execute(run))
    await reached(lambda: run.progress is not None or waiting.done())
    return waiting


async def test_a_child_starts_with_the_first_job_and_serves_the_next_ones(
    make_executor: MakeExecutor, make_run: MakeRun
) -> None:
    before = set(children())
    async with make_executor() as executor:
        assert set(children()) == before
        pids = set()
        for a in range(20):
            outcome = await executor.execute(make_run("process.sum", a=a, b=1))
            assert isinstance(outcome, Completed)
            assert outcome.result["sum"] == a + 1
            pids.add(outcome.result["pid"])
        assert pids == set(children()) - before
        assert len(pids) == 1
    assert set(children()) == before


async def test_async_handlers_run_in_a_child_too(executor: Executor, make_run: MakeRun) -> None:
    for _ in range(3):
        assert await executor.execute(make_run("process.async_sum", a=1, b=2)) == Completed(b"3")
    run = make_run("process.async_wait")
    waiting = await begin(executor, run)
    run.cancel("cancelled")
    assert await waiting == Cancelled("cancelled on request")
    assert run.progress_text is not None
    assert alive(int(run.progress_text))  # cancelled, not killed


async def test_a_handler_reads_its_run(executor: Executor, make_run: MakeRun) -> None:
    run = make_run("process.context", _key="customer-7", _tags=["a"], _attempt=3)
    outcome = await executor.execute(run)
    assert isinstance(outcome, Completed)
    assert outcome.result == {
        "job_id": str(run.job.id),
        "run_id": str(run.run_id),
        "attempt": 3,
        "max_retries": 7,
        "key": "customer-7",
        "tags": ["a"],
        "deadline": True,
        "cancelled": False,
    }


async def test_progress_and_logs(executor: Executor, make_run: MakeRun, events: Events) -> None:
    run = make_run("process.progress")
    assert await executor.execute(run) == Completed()
    assert (run.progress, run.progress_text) == (0.5, "half")
    assert 1 <= run.progress_version < 50  # the newest now and then, not all 2,001
    ((event, fields),) = events
    assert event is Event.JOB_LOG
    assert (fields["message"], fields["step"], fields["odd"]) == ("in a child", 1, "<class 'object'>")
    assert (fields["job_id"], fields["field_event"]) == (str(run.job.id), "mine")


async def test_a_payload_that_does_not_fit_never_reaches_the_handler(executor: Executor, make_run: MakeRun) -> None:
    outcome = await executor.execute(make_run("process.sum", a=1))
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.error.message) == ("invalid_payload", "/payload/b: field required")


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("segfault", "the child process was killed by SIGSEGV"),
        ("exit", "the child process exited with code 3"),
        ("kill", "the child process was killed by SIGKILL; the system may have run out of memory"),
        ("fork", "the child process exited with code 4"),
    ],
)
async def test_a_child_that_dies_takes_only_its_own_job_with_it(
    executor: Executor, make_run: MakeRun, tmp_path: Path, how: str, says: str
) -> None:
    file = tmp_path / "go"
    neighbour = make_run("process.wait_for_file", file=str(file))
    waiting = await begin(executor, neighbour)
    assert error_of(await executor.execute(make_run("process.die", how=how))) == ("process_died", says)
    outcome = await executor.execute(make_run("process.sum", a=1, b=2))
    assert isinstance(outcome, Completed)
    assert not waiting.done()
    file.touch()
    assert await waiting == Completed(b'"done"')


async def test_programs_that_a_dead_child_leaves_behind_are_ended(
    executor: Executor, make_run: MakeRun, tmp_path: Path
) -> None:
    file = tmp_path / "go"
    run = make_run("process.die", how="leave", file=str(file))
    waiting = await begin(executor, run)
    left_behind = int(run.progress_text or 0)
    assert alive(left_behind)
    file.touch()
    assert error_of(await waiting) == ("process_died", "the child process exited with code 5")
    await reached(lambda: not alive(left_behind))


async def test_an_idle_child_that_dies_harms_no_job(executor: Executor, make_run: MakeRun) -> None:
    first = await executor.execute(make_run("process.sum", a=1, b=2))
    assert isinstance(first, Completed)
    os.kill(first.result["pid"], signal.SIGKILL)
    second = await executor.execute(make_run("process.sum", a=1, b=2))
    assert isinstance(second, Completed)
    assert second.result["pid"] != first.result["pid"]


async def test_a_timeout_kills_the_child_and_what_it_started(
    executor: Executor, make_run: MakeRun, tmp_path: Path
) -> None:
    file = tmp_path / "go"
    neighbour = await begin(executor, make_run("process.wait_for_file", file=str(file)))
    run = make_run("process.spin", _timeout_s=1.0)
    waiting = await begin(executor, run)
    assert run.progress_text is not None
    pids = [int(pid) for pid in run.progress_text.split()]
    began = time.monotonic()
    assert error_of(await waiting) == ("timeout", "the handler took longer than 1 s")
    assert time.monotonic() - began < 3
    await reached(lambda: not any(map(alive, pids)))
    assert not neighbour.done()
    file.touch()
    assert await neighbour == Completed(b'"done"')


async def test_cancel_is_seen_by_the_handler_and_the_child_lives_on(executor: Executor, make_run: MakeRun) -> None:
    run = make_run("process.wait_for_cancel")
    waiting = await begin(executor, run)
    run.cancel("shutdown")
    outcome = await waiting
    assert isinstance(outcome, Completed)  # it finished all the same
    again = await executor.execute(make_run("process.sum", a=1, b=2))
    assert isinstance(again, Completed)
    assert again.result["pid"] == outcome.result["pid"]


@pytest.mark.parametrize(
    ("reason", "expected"), [("cancelled", Cancelled("cancelled on request")), ("shutdown", Released())]
)
async def test_a_handler_that_does_not_look_is_killed_after_the_grace(
    make_executor: MakeExecutor, make_run: MakeRun, reason: str, expected: Outcome
) -> None:
    async with make_executor(grace=0.3) as executor:
        run = make_run("process.spin")
        waiting = await begin(executor, run)
        began = time.monotonic()
        run.cancel(reason)  # type: ignore[arg-type]
        assert await waiting == expected
        assert 0.25 < time.monotonic() - began < 3
        assert executor.abandoned == 0
        assert run.progress_text is not None
        await reached(lambda: not any(alive(int(pid)) for pid in (run.progress_text or "").split()))


async def test_more_jobs_than_slots_wait_their_turn(
    make_executor: MakeExecutor, make_run: MakeRun, tmp_path: Path
) -> None:
    file = tmp_path / "go"
    async with make_executor(slots=1) as executor:
        first = await begin(executor, make_run("process.wait_for_file", file=str(file)))
        # Its timeout counts from the start of the handler, so waiting for the slot does not use it up.
        second_run = make_run("process.sum", a=1, b=2, _timeout_s=30)
        second = asyncio.create_task(executor.execute(second_run))
        cancelled_run = make_run("process.progress")
        cancelled = asyncio.create_task(executor.execute(cancelled_run))
        gone = asyncio.create_task(executor.execute(make_run("process.progress")))
        await reached(lambda: cancelled_run.interrupt is not None and second_run.interrupt is not None)
        cancelled_run.cancel("cancelled")
        assert await cancelled == Cancelled("cancelled on request")
        gone.cancel()
        await asyncio.wait([gone])
        assert not second.done()
        file.touch()
        assert await first == Completed(b'"done"')
        assert isinstance(await second, Completed)
        assert isinstance(await executor.execute(make_run("process.sum", a=1, b=2)), Completed)


async def test_signals_meant_for_the_worker_do_not_end_its_children(executor: Executor, make_run: MakeRun) -> None:
    outcome = await executor.execute(make_run("process.signals"))
    assert outcome == Completed(b'"alive, and a program of mine ends by 15"')


@pytest.mark.parametrize("what", ["SystemExit", "KeyboardInterrupt", "CancelledError", "GeneratorExit", "ValueError"])
async def test_no_exception_of_a_handler_ends_its_child(executor: Executor, make_run: MakeRun, what: str) -> None:
    await executor.execute(make_run("process.sum", a=1, b=2))
    before = set(children())
    assert error_of(await executor.execute(make_run("process.raise", what=what)))[0] == "handler_error"
    assert await executor.execute(make_run("process.raise", what="Snooze")) == Snoozed(5.0)
    outcome = await executor.execute(make_run("process.raise", what="LookupError"))
    assert isinstance(outcome, Failed)
    assert not outcome.retryable
    assert outcome.error.traceback is not None
    assert "process_raise" in outcome.error.traceback
    assert set(children()) <= before


async def test_payloads_and_results_of_any_size_pass(executor: Executor, make_run: MakeRun) -> None:
    text = 'ä"\\\n\u2028' * 20_000
    outcome = await executor.execute(make_run("process.echo", text=text, number=0.1))
    assert isinstance(outcome, Completed)
    assert outcome.result == {"text": text, "number": 0.1}


async def test_after_stop_no_child_starts(make_executor: MakeExecutor, make_run: MakeRun, tmp_path: Path) -> None:
    before = set(children())
    async with make_executor(slots=1) as executor:
        first = asyncio.create_task(executor.execute(make_run("process.sum", a=1, b=2)))  # its child is starting
        second = asyncio.create_task(executor.execute(make_run("process.sum", a=1, b=2)))  # waits for the slot
        await reached(lambda: set(children()) - before)
        await executor.stop(10.0)
        for waiting in (first, second):
            assert "starts no child process any more" in error_of(await waiting)[1]
    await reached(lambda: set(children()) <= before)


async def test_stop_ends_children_that_are_at_work(make_executor: MakeExecutor, make_run: MakeRun) -> None:
    async with make_executor() as executor:
        run = make_run("process.spin")
        waiting = await begin(executor, run)
        await executor.stop(10.0)
        assert error_of(await waiting)[0] == "process_died"
        assert run.progress_text is not None
        await reached(lambda: not any(alive(int(pid)) for pid in (run.progress_text or "").split()))
