"""conclude: what a result or an exception means."""

import asyncio
import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, model_serializer

from jobstream import Cancel, Fail, Retry, Snooze, handler
from jobstream.contracts.limits import MAX_RESULT_BYTES
from jobstream.handlers.declare import spec_of
from jobstream.handlers.outcomes import (
    Cancelled,
    Completed,
    Failed,
    InvalidPayload,
    Outcome,
    ProcessDied,
    Released,
    RunTimeout,
    Snoozed,
    StopReason,
    conclude,
)


@handler("some", non_retryable=(LookupError,))
def some(payload: dict[str, Any]) -> None:
    raise ValueError("from the handler")


def end(error: BaseException | None = None, result: Any = None, stopped: StopReason | None = None) -> Outcome:
    spec = spec_of(some)
    assert spec is not None
    return conclude(spec, error, result, stopped=stopped)


def failed(error: BaseException | None = None, result: Any = None) -> Failed:
    outcome = end(error, result)
    assert isinstance(outcome, Failed)
    return outcome


class Colour(Enum):
    RED = "red"


class Model(BaseModel):
    at: date


@dataclass
class Point:
    x: float


@pytest.mark.parametrize(
    ("result", "raw"),
    [
        (None, b"null"),
        (True, b"true"),
        (0, b"0"),
        (1.5, b"1.5"),
        ("ä", '"ä"'.encode()),
        ([None, (1, 2)], b"[null,[1,2]]"),
        ({"output": "success"}, b'{"output":"success"}'),
        (Model(at=date(2026, 1, 2)), b'{"at":"2026-01-02"}'),
        ([Model(at=date(2026, 1, 2)), None], b'[{"at":"2026-01-02"},null]'),
        (Point(1.0), b'{"x":1.0}'),
        (Colour.RED, b'"red"'),
        (UUID(int=1), b'"00000000-0000-0000-0000-000000000001"'),
        (datetime(2026, 1, 2, tzinfo=UTC), b'"2026-01-02T00:00:00+00:00"'),
        ("x" * (MAX_RESULT_BYTES - 2), b'"' + b"x" * (MAX_RESULT_BYTES - 2) + b'"'),
        (2**53 - 1, b"9007199254740991"),
    ],
)
def test_a_json_value_is_a_result(result: Any, raw: bytes) -> None:
    assert end(result=result) == Completed(raw)


def deep(levels: int) -> Any:
    value: Any = None
    for _ in range(levels):
        value = [value]
    return value


class Broken(BaseModel):
    @model_serializer
    def broken(self) -> Any:
        raise KeyError("serializer")


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (math.nan, "/result: nan is not JSON; send null or a string"),
        ({"a": [None, {"b": -math.inf}]}, "/result/a/1/b: -inf is not JSON"),
        (Point(math.nan), "/result/x: nan is not JSON"),
        ([Broken.model_construct()], "serializer"),
        ("a\0b", "/result: contains NUL"),
        ({"a": ["\0"]}, "/result/a/0: contains NUL"),
        ("\ud800", "surrogates not allowed"),
        ("x" * MAX_RESULT_BYTES, f"the result has {MAX_RESULT_BYTES + 2} bytes, at most {MAX_RESULT_BYTES} are taken"),
        (2**53, "2^53"),
        (2**64, "64-bit"),
        (object(), "object"),
        ({1, 2}, "set"),
        (b"raw", "bytes"),
        ({1: "one"}, "Dict key must be str"),
        (deep(65), "nests deeper than 64 levels"),
        (deep(5000), "Recursion limit"),
    ],
)
def test_anything_else_fails_the_job_for_good(result: Any, says: str) -> None:
    outcome = failed(result=result)
    assert (outcome.error.code, outcome.retryable) == ("invalid_result", False)
    assert says in outcome.error.message


def test_an_exception_fails_the_attempt() -> None:
    try:
        some({})
    except ValueError as error:
        outcome = failed(error)
    assert outcome.retryable
    assert (outcome.error.code, outcome.error.type) == ("handler_error", "ValueError")
    assert outcome.error.message == "from the handler"
    trace = outcome.error.traceback
    assert trace is not None
    assert trace.startswith("Traceback")
    assert 'raise ValueError("from the handler")' in trace
    assert "test_an_exception_fails_the_attempt" not in trace  # begins in the handler, not in what called it


def test_jobstreams_own_exceptions_are_named_as_people_know_them() -> None:
    assert failed(Fail("no")).error.type == "Fail"
    assert failed(RunTimeout("late")).error.type == "RunTimeout"

    class OutOfStock(Fail):
        """A verdict of the handler's own."""

    assert str(failed(OutOfStock("no")).error.type).startswith(f"{__name__}.")


def test_non_retryable_exceptions_and_their_children_fail_the_job_for_good() -> None:
    assert not failed(KeyError("k")).retryable
    assert not failed(LookupError()).retryable
    assert failed(ValueError()).retryable


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), asyncio.CancelledError()])
def test_exceptions_that_end_programs_only_fail_the_attempt(error: BaseException) -> None:
    outcome = failed(error)
    assert outcome.retryable
    assert outcome.error.code == "handler_error"


def test_verdicts_of_the_handler() -> None:
    asked = failed(Retry(after=timedelta(minutes=2), message="busy"))
    assert (asked.retryable, asked.retry_after_s, asked.error.code) == (True, 120.0, "retry")
    assert asked.error.message == "busy"
    assert failed(Retry()).retry_after_s is None
    given_up = failed(Fail("no such user"))
    assert (given_up.retryable, given_up.error.code, given_up.error.message) == (False, "fail", "no such user")
    assert end(Snooze(5)) == Snoozed(5.0)
    assert end(Cancel("not wanted")) == Cancelled("not wanted")


@pytest.mark.parametrize("delay", [-1, math.nan, math.inf, 367 * 86400, timedelta(days=-1)])
def test_a_delay_that_no_clock_knows_is_refused_where_it_is_written(delay: Any) -> None:
    for verdict in (Snooze, Retry):
        with pytest.raises(ValueError, match="a delay is 0 to"):
            verdict(delay)


def test_what_ended_the_run_from_outside() -> None:
    late = failed(RunTimeout("took longer than 1 s"))
    assert (late.error.code, late.retryable) == ("timeout", True)
    dead = failed(ProcessDied("killed by SIGSEGV"))
    assert (dead.error.code, dead.retryable) == ("process_died", True)
    refused = failed(InvalidPayload("/payload/to: field required"))
    assert (refused.error.code, refused.retryable) == ("invalid_payload", False)
    own = failed(TimeoutError("the handler's own"))
    assert own.error.code == "handler_error"


@pytest.mark.parametrize(
    ("stopped", "error", "expected"),
    [
        ("cancelled", asyncio.CancelledError(), Cancelled("cancelled on request")),
        ("cancelled", Cancel("seen"), Cancelled("seen")),
        ("cancelled", Retry(), Cancelled("cancelled on request")),
        ("cancelled", Snooze(1), Cancelled("cancelled on request")),
        ("cancelled", ValueError(), Cancelled("cancelled on request")),
        ("cancelled", ProcessDied(), Cancelled("cancelled on request")),
        ("cancelled", None, Completed()),
        ("shutdown", asyncio.CancelledError(), Released()),
        ("shutdown", Cancel("seen"), Released()),
        ("shutdown", ValueError(), Released()),
        ("shutdown", RunTimeout(), Released()),
        ("shutdown", Snooze(1), Snoozed(1.0)),
        ("shutdown", None, Completed()),
    ],
)
def test_a_run_that_was_told_to_stop(stopped: StopReason, error: BaseException | None, expected: Outcome) -> None:
    assert end(error, stopped=stopped) == expected


def test_fail_is_kept_during_a_shutdown() -> None:
    outcome = end(Fail("for good"), stopped="shutdown")
    assert isinstance(outcome, Failed)
    assert not outcome.retryable


def test_a_group_of_one_counts_as_the_one() -> None:
    assert end(ExceptionGroup("tasks", [ExceptionGroup("inner", [Snooze(3)])])) == Snoozed(3.0)
    assert not failed(ExceptionGroup("tasks", [KeyError("k")])).retryable
    several = failed(ExceptionGroup("tasks", [KeyError("k"), Fail()]))
    assert several.error.type == "ExceptionGroup"


class Unreadable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no")


def test_messages_are_brought_within_the_contract() -> None:
    assert failed(ValueError("a\0b\ud800c")).error.message == "a�b�c"
    long = failed(ValueError("x" * 100_000))
    assert len(long.error.message) == 8_000
    assert long.error.message.endswith("…")
    assert len(long.error.traceback or "") == 32_000
    assert failed(Unreadable()).error.message == "(its message cannot be read: RuntimeError)"
    named = failed(type("E" * 500, (Exception,), {})())
    assert len(named.error.type) == 200


def test_a_recursion_without_end_has_a_short_traceback() -> None:
    def again() -> None:
        again()

    with pytest.raises(RecursionError) as caught:
        again()
    trace = failed(caught.value).error.traceback
    assert trace is not None
    assert len(trace) < 32_000
    assert trace.rstrip().endswith("maximum recursion depth exceeded")
