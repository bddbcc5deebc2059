"""jobstream.testing: handlers without servers."""

from datetime import date
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict

from jobstream import Backoff, Cancel, Fail, JobContext, Retry, Snooze, handler
from jobstream.contracts.status import JobStatus
from jobstream.errors import HandlerError, InvalidInput
from jobstream.handlers.outcomes import Cancelled, Failed, Released
from jobstream.testing import JobHarness, run_handler, run_handler_sync


class Email(BaseModel):
    to: str
    copies: int = 1


class StrictDay(BaseModel):
    model_config = ConfigDict(strict=True)
    day: date


@handler("send_email")
async def send_email(payload: Email, ctx: JobContext) -> dict[str, Any]:
    return {"to": payload.to, "copies": payload.copies, "attempt": ctx.attempt}


async def test_a_handler_runs_with_its_model() -> None:
    ran = await run_handler(send_email, {"to": "ann"}, attempt=2)
    assert ran.result == {"to": "ann", "copies": 1, "attempt": 2}
    assert (await run_handler(send_email, Email(to="bob", copies=3))).result["copies"] == 3


def test_and_without_asyncio() -> None:
    @handler("sync")
    def sync(payload: dict[str, Any]) -> int:
        return len(payload)

    assert run_handler_sync(sync, {"a": 1}).result == 1
    assert run_handler_sync(send_email, {"to": "ann"}).result["to"] == "ann"


@pytest.mark.parametrize(
    ("payload", "says"),
    [({}, "/payload/to: field required"), ({"to": "a", "copies": "many"}, "/payload/copies: input should be")],
)
async def test_a_payload_that_does_not_fit_names_the_field(payload: dict[str, Any], says: str) -> None:
    outcome = (await run_handler(send_email, payload)).outcome
    assert isinstance(outcome, Failed)
    assert (outcome.error.code, outcome.retryable) == ("invalid_payload", False)
    assert outcome.error.message.startswith(says)


async def test_a_strict_model_reads_json_as_json() -> None:
    @handler("day")
    async def day(payload: StrictDay) -> str:
        return payload.day.isoformat()

    assert (await run_handler(day, {"day": "2026-01-02"})).result == "2026-01-02"


async def test_a_handler_cannot_change_the_payload_of_its_job() -> None:
    @handler("changes")
    async def changes(payload: dict[str, Any]) -> None:
        payload["list"].append(2)
        payload.clear()

    ran = await run_handler(changes, {"list": [1]})
    assert ran.job.payload == {"list": [1]}


async def test_a_payload_that_no_door_takes_is_refused() -> None:
    with pytest.raises(InvalidInput, match="/payload/a"):
        await run_handler(send_email, {"a": float("nan")})
    with pytest.raises(InvalidInput, match="payload_too_large"):
        await run_handler(send_email, {"a": "x" * 300_000})


async def test_a_result_is_asked_of_a_completed_run_only() -> None:
    @handler("fails")
    async def fails() -> None:
        raise Fail("no")

    with pytest.raises(AssertionError, match="fails did not complete: Failed"):
        _ = (await run_handler(fails)).result
    with pytest.raises(HandlerError, match="is no handler"):
        await run_handler(test_a_result_is_asked_of_a_completed_run_only)


async def test_a_stopped_run_is_seen_by_the_handler() -> None:
    @handler("sees")
    def sees(ctx: JobContext) -> None:
        if ctx.cancelled:
            raise Cancel("seen")

    assert (await run_handler(sees)).result is None
    assert (await run_handler(sees, stop_reason="cancelled")).outcome == Cancelled("seen")
    assert (await run_handler(sees, stop_reason="shutdown")).outcome == Released()


async def test_system_exit_of_a_handler_ends_nothing() -> None:
    @handler("leaves")
    async def leaves() -> None:
        raise SystemExit(3)

    outcome = (await run_handler(leaves)).outcome
    assert isinstance(outcome, Failed)
    assert outcome.error.type == "SystemExit"


async def test_the_harness_retries_until_it_works() -> None:
    @handler("third", backoff=Backoff(base_s=2))
    async def third(ctx: JobContext) -> str:
        if ctx.attempt == 1:
            raise ValueError("first")
        if ctx.attempt == 2:
            raise Retry(after=30, message="second")
        return "done"

    report = await JobHarness(third).run({})
    assert (report.status, report.result, report.retries) == (JobStatus.COMPLETED, "done", 2)
    assert [error.message for error in report.errors] == ["first", "second"]
    assert report.waits == [2.0, 30.0]
    assert len({run.job.id for run in report.runs}) == 1


@pytest.mark.parametrize(("asked", "attempts"), [(None, 4), (0, 1), (1, 2)])
async def test_the_harness_gives_up_when_the_retries_are_used_up(asked: int | None, attempts: int) -> None:
    @handler("never", max_retries=3)
    def never(ctx: JobContext) -> None:
        raise ValueError(str(ctx.max_retries))

    report = await JobHarness(never, max_retries=asked).run()
    assert report.status is JobStatus.FAILED
    assert [run.job.attempt for run in report.runs] == list(range(1, attempts + 1))
    assert {error.message for error in report.errors} == {str(attempts - 1)}


async def test_the_harness_ends_at_once_on_fail_and_cancel() -> None:
    @handler("fail")
    def fail() -> None:
        raise Fail("no")

    @handler("cancel")
    def cancel() -> None:
        raise Cancel("not wanted")

    assert (await JobHarness(fail).run()).status is JobStatus.FAILED
    cancelled = await JobHarness(cancel).run()
    assert (cancelled.status, cancelled.errors, len(cancelled.runs)) == (JobStatus.CANCELLED, [], 1)


async def test_snoozes_use_up_no_attempt_and_have_an_end() -> None:
    left = [5.0, 5.0]

    @handler("tired")
    def tired(ctx: JobContext) -> int:
        if left:
            raise Snooze(left.pop())
        return ctx.attempt

    report = await JobHarness(tired).run()
    assert (report.status, report.result, report.waits) == (JobStatus.COMPLETED, 1, [5.0, 5.0])

    @handler("asleep", max_retries=0)
    def asleep() -> None:
        raise Snooze(1)

    report = await JobHarness(asleep, max_snoozes=10).run()
    assert (report.status, len(report.runs)) == (JobStatus.PENDING, 11)
