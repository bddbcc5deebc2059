"""Sync handlers in threads."""

import asyncio
import threading
import time
from pathlib import Path

import pytest

from jobstream.handlers.outcomes import Cancelled, Completed, Failed, Outcome, Released, Snoozed
from jobstream.telemetry import Event
from jobstream_worker.executor import Executor
from tests.unit.jobstream_worker.executor.conftest import Events, MakeExecutor, MakeRun, reached

pytestmark = pytest.mark.asyncio(loop_scope="module")


def error_of(outcome: Outcome) -> tuple[str, str]:
    assert isinstance(outcome, Failed)
    assert outcome.retryable
    return outcome.error.code, outcome.error.message


async def test_a_handler_returns(executor: Executor, make_run: MakeRun) -> None:
    assert await executor.execute(make_run("thread.sum", a=1, b=2)) == Completed(b"3")


async def test_no_thread_before_the_first_and_none_more_than_needed(
    make_executor: MakeExecutor, make_run: MakeRun
) -> None:
    before = set(threading.enumerate())

    def threads() -> set[threading.Thread]:
        return {t for t in set(threading.enumerate()) - before if t.name.startswith("handler-")}

    async with make_executor(concurrency=3) as executor:
        assert threads() == set()
        for _ in range(5):
            await executor.execute(make_run("thread.sum", a=1, b=2))
        assert len(threads()) == 1
        await asyncio.gather(*(executor.execute(make_run("thread.sum", a=1, b=2)) for _ in range(50)))
        assert len(threads()) <= 3
    await reached(lambda: not threads())


async def test_progress_and_logs(executor: Executor, make_run: MakeRun, events: Events) -> None:
    run = make_run("thread.progress")
    assert await executor.execute(run) == Completed()
    assert (run.progress, run.progress_text, run.progress_version) == (0.5, "half", 1)
    ((event, fields),) = events
    assert event is Event.JOB_LOG
    assert (fields["message"], fields["step"]) == ("in a thread", 1)


@pytest.mark.parametrize("what", ["SystemExit", "KeyboardInterrupt", "CancelledError", "GeneratorExit", "ValueError"])
async def test_no_exception_of_a_handler_ends_its_thread(executor: Executor, make_run: MakeRun, what: str) -> None:
    code, _ = error_of(await executor.execute(make_run("thread.raise", what=what)))
    assert code == "handler_error"
    assert await executor.execute(make_run("thread.raise", what="Snooze")) == Snoozed(5.0)


async def test_a_timeout_gives_the_outcome_at_the_deadline_and_leaves_the_thread(
    executor: Executor, make_run: MakeRun, tmp_path: Path, events: Events
) -> None:
    file = tmp_path / "go"
    run = make_run("thread.wait_for_file", file=str(file), _timeout_s=0.1)
    began = time.monotonic()
    outcome = await executor.execute(run)
    assert time.monotonic() - began < 2
    assert error_of(outcome) == ("timeout", "the handler took longer than 0.1 s")
    assert executor.abandoned == 1
    assert run.cancelled
    assert [event for event, _ in events] == [Event.HANDLER_ABANDONED]
    file.touch()
    await reached(lambda: executor.abandoned == 0)


async def test_when_all_threads_are_stuck_a_job_still_ends_and_its_handler_never_begins(
    make_executor: MakeExecutor, make_run: MakeRun, tmp_path: Path
) -> None:
    file = tmp_path / "go"
    async with make_executor(concurrency=1) as executor:
        stuck = make_run("thread.wait_for_file", file=str(file), _timeout_s=0.05)
        assert error_of(await executor.execute(stuck))[0] == "timeout"
        late = make_run("thread.progress", _timeout_s=0.05)
        code, message = error_of(await executor.execute(late))
        assert code == "timeout"
        assert "no thread became free within 0.05 s; 1 of 1 threads are held" in message
        cancelled = make_run("thread.progress")
        waiting = asyncio.create_task(executor.execute(cancelled))
        await reached(lambda: cancelled.interrupt is not None)
        cancelled.cancel("shutdown")
        assert await waiting == Released()
        file.touch()
        assert await executor.execute(make_run("thread.sum", a=1, b=2)) == Completed(b"3")
        assert executor.abandoned == 0
        assert (late.progress, cancelled.progress) == (None, None)


async def test_cancel_is_seen_by_the_handler(executor: Executor, make_run: MakeRun) -> None:
    for reason, expected in (("cancelled", Cancelled("seen in the thread")), ("shutdown", Released())):
        run = make_run("thread.wait_for_cancel")
        waiting = asyncio.create_task(executor.execute(run))
        await reached(lambda run=run: run.progress is not None)  # type: ignore[misc]
        run.cancel(reason)  # type: ignore[arg-type]
        assert await waiting == expected


async def test_a_handler_that_does_not_look_is_given_up_after_the_grace(
    make_executor: MakeExecutor, make_run: MakeRun, tmp_path: Path
) -> None:
    file = tmp_path / "go"
    async with make_executor(grace=0.1) as executor:
        run = make_run("thread.wait_for_file", file=str(file))
        waiting = asyncio.create_task(executor.execute(run))
        await reached(lambda: run.progress is not None)
        run.cancel("shutdown")
        assert await waiting == Released()
        assert executor.abandoned == 1
        file.touch()
        await reached(lambda: executor.abandoned == 0)


async def test_a_handler_that_finishes_within_the_grace_has_finished(
    executor: Executor, make_run: MakeRun, tmp_path: Path
) -> None:
    file = tmp_path / "go"
    run = make_run("thread.wait_for_file", file=str(file))
    waiting = asyncio.create_task(executor.execute(run))
    await reached(lambda: run.progress is not None)
    run.cancel("cancelled")
    file.touch()
    assert await waiting == Completed(b"true")
    assert executor.abandoned == 0
