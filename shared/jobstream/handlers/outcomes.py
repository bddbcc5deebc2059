"""Outcomes: how a run ended, as values, and the one function that finds them.

Whatever ran the handler (loop, thread, child process, a test), what came out of it goes through
``conclude``, so a result or an exception means the same everywhere.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import orjson
from pydantic import BaseModel

from jobstream.contracts.events import ErrorInfo
from jobstream.contracts.limits import MAX_ERROR_LENGTH, MAX_RESULT_BYTES, dump_json
from jobstream.errors import InvalidInput
from jobstream.handlers.spec import HandlerSpec
from jobstream.handlers.text import clean_text
from jobstream.handlers.verdicts import Cancel, Fail, Retry, Snooze

MAX_TYPE_LENGTH = 200
MAX_TRACEBACK_LENGTH = 32_000
MAX_FRAMES = 40
"""Innermost frames kept of a traceback."""

_KNOWN = ("builtins", Fail.__module__, __name__)
"""Modules whose exceptions everybody knows by their bare names."""

StopReason = Literal["cancelled", "shutdown"]


@dataclass(frozen=True, slots=True)
class Completed:
    """The handler returned. ``result_json`` is its checked result, compact JSON."""

    result_json: bytes = b"null"

    @property
    def result(self) -> Any:
        """The result as a reader of the job gets it."""
        return orjson.loads(self.result_json)


@dataclass(frozen=True, slots=True)
class Failed:
    """The attempt failed. Whether another follows is the api's decision.

    Attributes:
        retryable: false if another try cannot help.
        retry_after_s: the least wait the handler asked for, seconds.
    """

    error: ErrorInfo
    retryable: bool = True
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class Snoozed:
    """The handler asked to be run again in ``delay_s`` seconds. Uses up no attempt."""

    delay_s: float


@dataclass(frozen=True, slots=True)
class Cancelled:
    """The job was cancelled, by an operator or by its handler."""

    reason: str


@dataclass(frozen=True, slots=True)
class Released:
    """The worker shut down and hands the job back. Uses up no attempt."""


Outcome = Completed | Failed | Snoozed | Cancelled | Released


class InvalidPayload(Exception):
    """The payload does not fit the handler's model. Names the field."""


class RunTimeout(Exception):
    """The run took longer than it may."""


class ProcessDied(Exception):
    """The child process that ran the handler is gone."""


def conclude(
    spec: HandlerSpec, error: BaseException | None, result: Any = None, *, stopped: StopReason | None = None
) -> Outcome:
    """What became of a run.

    Args:
        error: what the handler raised, or what ended it; None if it returned ``result``.
        stopped: why the run had been told to stop, if it had. Work that was finished all the same counts.

    Never raises.
    """
    cause = _only(error)
    match cause:
        case None:
            return _completed(result)
        case Cancel() if stopped != "shutdown":
            return Cancelled(clean_text(_message(cause), MAX_ERROR_LENGTH))
        case _ if stopped == "cancelled":
            return Cancelled("cancelled on request")
        case Retry():
            return Failed(_info("retry", cause), retry_after_s=cause.after_s)
        case Fail():
            return Failed(_info("fail", cause), retryable=False)
        case Snooze():
            return Snoozed(cause.delay_s)
        case _ if stopped == "shutdown":
            return Released()
        case InvalidPayload():
            return Failed(_info("invalid_payload", cause), retryable=False)
        case RunTimeout():
            return Failed(_info("timeout", cause))
        case ProcessDied():
            return Failed(_info("process_died", cause))
        case _:
            trace = _trace(error or cause, spec.function)
            return Failed(_info("handler_error", cause, trace), retryable=not isinstance(cause, spec.non_retryable))


def _only(error: BaseException | None) -> BaseException | None:
    """The exception itself, or the one inside a group of one (a TaskGroup wraps whatever its task raised)."""
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    return error


def _completed(result: Any) -> Outcome:
    if result is None:
        return Completed()
    try:
        raw = dump_json(result, what="result", field="/result", max_bytes=MAX_RESULT_BYTES, default=_plain)
    except InvalidInput as refusal:
        message = clean_text(f"{refusal.field}: {refusal.detail}", MAX_ERROR_LENGTH)
        return Failed(ErrorInfo(code="invalid_result", type=_type_name(result), message=message), retryable=False)
    except Exception as error:  # a model's serializer is the handler's code too
        return Failed(_info("invalid_result", error), retryable=False)
    return Completed(raw)


def _plain(value: Any) -> Any:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    raise TypeError(
        f"{type(value).__name__} has no JSON form; return dicts, lists, strings, numbers or a pydantic model"
    )


def _info(code: str, error: BaseException, trace: str | None = None) -> ErrorInfo:
    message = clean_text(_message(error), MAX_ERROR_LENGTH)
    return ErrorInfo(code=code, type=_type_name(error), message=message, traceback=trace)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception as broken:  # a __str__ of the handler's own
        return f"(its message cannot be read: {type(broken).__name__})"


def _type_name(value: object) -> str:
    kind = type(value)
    name = kind.__qualname__ if kind.__module__ in _KNOWN else f"{kind.__module__}.{kind.__qualname__}"
    return clean_text(name, MAX_TYPE_LENGTH)


def _trace(error: BaseException, function: Callable[..., Any]) -> str | None:
    """The traceback from the handler's own frame on, its end if it is too long."""
    code = getattr(function, "__code__", None)
    start: TracebackType | None = error.__traceback__
    while start is not None and start.tb_frame.f_code is not code:
        start = start.tb_next
    try:
        lines = traceback.format_exception(type(error), error, start or error.__traceback__, limit=-MAX_FRAMES)
    except Exception:  # a __str__ or __repr__ of the handler's own
        return None
    return clean_text("".join(lines), MAX_TRACEBACK_LENGTH, keep="end")
