"""Async handlers on the loop."""

import asyncio
import time
from pathlib import Path

import pytest

from jobstream.handlers.outcomes import Cancelled, Completed, Failed, Released, Snoozed
from jobstream.telemetry import Event
from jobstream_worker.executor import Executor
from tests.unit.jobstream_worker.executor.conftest import Events, MakeExecutor, MakeRun, reached

pytestmark = pytest.mark.asyncio(loop_scope="module")


def cancelling() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def test_a_handler_returns(executor: Executor, make_run: MakeRun) -> None:
    assert await executor.execute(make_run("loop.sum", a=1, b=2)) == Completed(b"3")


async def test_it_runs_in_its_callers_task_and_makes_none(executor: Executor, make_run: MakeRun) -> None:
    before = asyncio.all_tasks()
    run = make_run("loop.wait", seconds=0.05)
    waiting = asyncio.create_task(executor.execute(run))
    await reached(lambda: run.interrupt is not None)
    assert asyncio.all_tasks() - before == {waiting}
    assert await waiting == Completed()


async def test_progress_and_logs(executor: Executor, make_run: MakeRun, events: Events) -> None:
    run = make_run("loop.progress")
    assert await executor.execute(run) == Completed()
    assert (run.progress, run.progress_text, run.progress_version) == (0.5, "half", 1)
    ((event, fields),) = events
    assert event is Event.JOB_LOG
    assert (fields["message"], fields["step"], fields["job_id"]) == ("on the loop", 1, str(run.job.id))


async def test_a_payload_that_does_not_fit_never_reaches_the_handler(executor: Executor, make_run: MakeRun) -> None:
    outcome = await executor.execute(make_run("loop.sum", a=1))
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.retryable) == ("invalid_payload", False)
    assert outcome.error.message == "/payload/b: field required"


@pytest.mark.parametrize("timeout", [0.05, 0.2])
async def test_a_timeout_ends_the_handler(executor: Executor, make_run: MakeRun, timeout: float) -> None:
    run = make_run("loop.wait", _timeout_s=timeout)
    began = time.monotonic()
    outcome = await executor.execute(run)
    assert timeout - 0.01 <= time.monotonic() - began < timeout + 1
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.retryable) == ("timeout", True)
    assert outcome.error.message == f"the handler took longer than {timeout:g} s"
    assert run.cancelled
    assert cancelling() == 0


async def test_what_a_handler_does_after_its_timeout_does_not_count(executor: Executor, make_run: MakeRun) -> None:
    outcome = await executor.execute(make_run("loop.finish_when_cancelled", _timeout_s=0.05))
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "timeout"


async def test_cancel_ends_the_handler(executor: Executor, make_run: MakeRun) -> None:
    for reason, expected in (("cancelled", Cancelled("cancelled on request")), ("shutdown", Released())):
        run = make_run("loop.wait")
        waiting = asyncio.create_task(executor.execute(run))
        await reached(lambda run=run: run.interrupt is not None)  # type: ignore[misc]
        run.cancel(reason)  # type: ignore[arg-type]
        run.cancel("cancelled")  # the first reason counts
        assert await waiting == expected
        assert waiting.cancelling() == 0


async def test_a_run_that_was_cancelled_before_it_began_does_not_begin(executor: Executor, make_run: MakeRun) -> None:
    for job_type in ("loop.progress", "thread.progress", "process.progress"):
        run = make_run(job_type)
        run.cancel("shutdown")
        assert await executor.execute(run) == Released()
        assert run.progress is None


async def test_a_handler_that_finishes_when_cancelled_has_finished(executor: Executor, make_run: MakeRun) -> None:
    run = make_run("loop.finish_when_cancelled")
    waiting = asyncio.create_task(executor.execute(run))
    await reached(lambda: run.interrupt is not None)
    run.cancel("shutdown")
    assert await waiting == Completed(b'{"cancelled":true}')


async def test_an_exception_while_cleaning_up_changes_nothing(executor: Executor, make_run: MakeRun) -> None:
    run = make_run("loop.clean_up_and_raise")
    waiting = asyncio.create_task(executor.execute(run))
    await reached(lambda: run.interrupt is not None)
    run.cancel("cancelled")
    assert await waiting == Cancelled("cancelled on request")


@pytest.mark.parametrize("how", ["timeout", "cancelled", "shutdown"])
async def test_a_handler_that_ignores_cancel_is_given_up(
    make_executor: MakeExecutor, make_run: MakeRun, tmp_path: Path, how: str, events: Events
) -> None:
    file = tmp_path / "ended"
    async with make_executor(grace=0.2) as executor:
        timeout = 0.1 if how == "timeout" else 60
        run = make_run("loop.ignore_cancel", seconds=1.0, file=str(file), _timeout_s=timeout)
        waiting = asyncio.create_task(executor.execute(run))
        await reached(lambda: run.interrupt is not None)
        if how != "timeout":
            run.cancel(how)  # type: ignore[arg-type]
        outcome = await waiting
        assert not file.exists()
        assert executor.abandoned == 1
        match how:
            case "timeout":
                assert isinstance(outcome, Failed)
                assert outcome.error.code == "timeout"
            case "cancelled":
                assert outcome == Cancelled("cancelled on request")
            case _:
                assert outcome == Released()
        assert [event for event, _ in events] == [Event.HANDLER_ABANDONED]
        assert waiting.cancelling() == 0
        # The worker goes on, and the stray ends by itself; nobody hears of its result.
        assert await executor.execute(make_run("loop.sum", a=1, b=2)) == Completed(b"3")
        await reached(lambda: executor.abandoned == 0)
        assert file.read_text(encoding="utf-8") == "ended"


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("what", ["SystemExit", "KeyboardInterrupt", "CancelledError", "GeneratorExit", "ValueError"])
async def test_no_exception_of_a_handler_gets_out(executor: Executor, make_run: MakeRun, what: str, late: bool) -> None:
    outcome = await executor.execute(make_run("loop.raise", what=what, late=late))
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.retryable) == ("handler_error", True)
    assert outcome.error.type.endswith(what)
    assert await executor.execute(make_run("loop.sum", a=1, b=2)) == Completed(b"3")


async def test_a_verdict_is_heard(executor: Executor, make_run: MakeRun) -> None:
    assert await executor.execute(make_run("loop.raise", what="Snooze", late=True)) == Snoozed(5.0)


async def test_a_handler_that_cancels_its_own_task_only_fails_itself(executor: Executor, make_run: MakeRun) -> None:
    outcome = await executor.execute(make_run("loop.cancel_own_task", wait=True))
    assert isinstance(outcome, Failed)
    assert outcome.error.code == "handler_error"
    await asyncio.sleep(0)
    assert await executor.execute(make_run("loop.cancel_own_task")) == Completed(b'"went on"')
    await asyncio.sleep(0)
    assert cancelling() == 0


async def test_task_groups_and_timeouts_of_the_handler_work(executor: Executor, make_run: MakeRun) -> None:
    assert await executor.execute(make_run("loop.task_group")) == Completed(b"1")
    assert cancelling() == 0


async def test_cancelling_the_callers_task_stops_the_handler_and_gives_no_outcome(
    executor: Executor, make_run: MakeRun
) -> None:
    for job_type in ("loop.wait", "thread.wait_for_cancel", "process.wait_for_cancel"):
        run = make_run(job_type)
        waiting = asyncio.create_task(executor.execute(run))
        await reached(lambda run=run: run.interrupt is not None)  # type: ignore[misc]
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    await reached(lambda: executor.abandoned == 0)


@pytest.mark.parametrize("place", ["loop", "thread", "process"])
async def test_a_result_that_cannot_be_kept_fails_the_job(executor: Executor, make_run: MakeRun, place: str) -> None:
    for what in ("nan", "nul", "large", "object", "deep"):
        outcome = await executor.execute(make_run(f"{place}.result", what=what))
        assert isinstance(outcome, Failed)
        assert (outcome.error.code, outcome.retryable) == ("invalid_result", False)
    fine = await executor.execute(make_run(f"{place}.result", what="fine"))
    assert fine == Completed('{"a":[1,2.5,null,"ä"]}'.encode())


async def test_a_thousand_at_once(executor: Executor, make_run: MakeRun) -> None:
    runs = [make_run("loop.wait", seconds=0.2) for _ in range(1000)]
    began = time.monotonic()
    outcomes = await asyncio.gather(*map(executor.execute, runs))
    assert set(outcomes) == {Completed()}
    assert time.monotonic() - began < 5
