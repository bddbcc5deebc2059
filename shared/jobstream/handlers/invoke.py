"""Calling a handler: the payload as it wants it, then its result or exception as an outcome."""

from collections.abc import Callable
from typing import Any

import orjson
from pydantic import ValidationError

from jobstream.contracts.jobs import Job, first_problem
from jobstream.handlers.context import JobContext
from jobstream.handlers.outcomes import InvalidPayload, Outcome, StopReason, conclude
from jobstream.handlers.spec import HandlerSpec


def payload_for(spec: HandlerSpec, job: Job) -> Any:
    """The job's payload as the handler takes it: its model, or a dict of its own.

    Raises:
        InvalidPayload: it does not fit the model; names the field.
    """
    model = spec.payload_model
    if model is None:
        # A copy: a handler may change its payload, and a direct job still goes out with a later event.
        return orjson.loads(orjson.dumps(job.payload)) if job.direct else job.payload
    try:
        return model.model_validate(job.payload)
    except ValidationError:
        pass
    try:
        # What a payload means is what it means as JSON: strict models take "2026-01-01" for a date only there.
        return model.model_validate_json(orjson.dumps(job.payload))
    except ValidationError as error:
        problem = first_problem(error, "/payload")
        raise InvalidPayload(f"{problem.field}: {problem.detail}") from None


def never_stopped() -> None:
    """For runs that nobody stops."""


def call(
    spec: HandlerSpec, job: Job, ctx: JobContext | None, stopped: Callable[[], StopReason | None] = never_stopped
) -> Outcome:
    """Run a sync handler to its end. Never raises.

    Args:
        stopped: asked at the end: why the run had been told to stop, if it had.
    """
    try:
        result = spec.call(payload_for(spec, job), ctx)
    except BaseException as error:  # SystemExit of a handler must not end its thread or process
        return conclude(spec, error, stopped=stopped())
    return conclude(spec, None, result, stopped=stopped())


async def call_async(
    spec: HandlerSpec, job: Job, ctx: JobContext | None, stopped: Callable[[], StopReason | None] = never_stopped
) -> Outcome:
    """Run an async handler to its end, in the task of the caller. Never raises, not even CancelledError."""
    try:
        result = await spec.call(payload_for(spec, job), ctx)
    except BaseException as error:  # SystemExit in a task would end the loop
        return conclude(spec, error, stopped=stopped())
    return conclude(spec, None, result, stopped=stopped())
