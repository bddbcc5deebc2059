"""``@handler``: turns a function into the handler of a job type."""

import inspect
from collections.abc import Callable
from typing import Any, TypeVar, get_args

from pydantic import BaseModel

from jobstream.backoff import Backoff
from jobstream.contracts.names import NAME_PATTERN
from jobstream.contracts.unique import Unique
from jobstream.errors import HandlerError
from jobstream.handlers.limits import DeclaredLimits, read_limits
from jobstream.handlers.signature import read_signature
from jobstream.handlers.spec import HandlerSpec, RunIn

F = TypeVar("F", bound=Callable[..., Any])

DEFAULT_MAX_RETRIES = 3
MAX_TIMEOUT_S = 7 * 86400.0
_ATTRIBUTE = "__jobstream_handler__"


def handler(
    job_type: str,
    *,
    max_retries: int = DEFAULT_MAX_RETRIES,
    timeout_s: float | None = None,
    run_in: RunIn | None = None,
    backoff: Backoff | None = None,
    non_retryable: tuple[type[BaseException], ...] = (),
    limits: DeclaredLimits = (),
    strict_order: bool = False,
    unique: Unique | None = None,
    description: str | None = None,
) -> Callable[[F], F]:
    """Declare a function as the handler of a job type. The function stays as it is, directly callable.

    Args:
        job_type: what jobs call it, ``[a-z0-9_.-]{1,100}``.
        max_retries: tries after the first, 0 to 100; a job may ask for another number.
        timeout_s: a run that takes longer is ended and counts as failed; a job may ask for another limit.
            None: no limit.
        run_in: ``loop`` for async functions that mostly wait (their default), ``thread`` for sync ones that
            mostly wait (theirs), ``process`` for whatever computes: it gets a child process to itself.
        backoff: how long to wait between tries. None: 1 s, doubling to at most 10 min, with full jitter.
        non_retryable: exceptions after which another try cannot help.
        limits: how often its jobs may start, and how many may be under way, in all workers together:
            ``[RateLimit(100, per_s=60), ConcurrencyLimit(5, key="$.account")]``. Operators may set other numbers.
        strict_order: a job with a key does not start before the earlier ones of its type and key are over, also
            while one of them waits for its next attempt. False: a job that is tried again is overtaken.
        unique: which jobs of this type, submitted over HTTP, are the same job; a job may say something else.
        description: one line for people. None: the first line of the docstring.

    Raises:
        HandlerError: the declaration or the signature cannot work; says why and how to mend it.
    """
    if not isinstance(job_type, str):
        raise HandlerError('@handler needs the job type: write @handler("send_email") above the function')
    frame = inspect.currentframe()
    local_names = dict(frame.f_back.f_locals) if frame is not None and frame.f_back is not None else {}

    def declare(function: F) -> F:
        if not inspect.isfunction(function):
            raise HandlerError(f"@handler({job_type!r}) stands on {function!r}: put it on a plain function")
        where = _place(function)
        if _ATTRIBUTE in vars(function):
            raise HandlerError(f"{where}: it has a @handler already; write a function for each type")
        _check_options(job_type, max_retries, timeout_s, non_retryable, where)
        if not isinstance(strict_order, bool):
            raise HandlerError(f"{where}: strict_order is True or False, not {strict_order!r}")
        if unique is not None and not isinstance(unique, Unique):
            raise HandlerError(f'{where}: unique takes Unique(by=["type", "$.order_id"], ...), not {unique!r}')
        is_async = inspect.iscoroutinefunction(function)
        signature = read_signature(function, where, local_names)
        spec = HandlerSpec(
            type=job_type,
            function=function,
            call=signature.call,
            wants_context=signature.wants_context,
            payload_model=signature.model,
            payload_schema=_schema(signature.model, where),
            max_retries=max_retries,
            timeout_s=timeout_s,
            run_in=_run_in(function, run_in, is_async, where),
            is_async=is_async,
            backoff=backoff or Backoff(),
            non_retryable=non_retryable,
            limits=read_limits(limits, job_type, where),
            strict_order=strict_order,
            unique=unique,
            description=description or (inspect.getdoc(function) or "").partition("\n")[0] or None,
            where=where,
        )
        setattr(function, _ATTRIBUTE, spec)
        return function

    return declare


def spec_of(thing: object) -> HandlerSpec | None:
    """The declaration of a decorated function, or None for anything else.

    Raises:
        HandlerError: another decorator was put around the handler; the worker would not run it.
    """
    spec: HandlerSpec | None = vars(thing).get(_ATTRIBUTE) if inspect.isfunction(thing) else None
    if spec is not None and spec.function is not thing:
        raise HandlerError(f"{spec.where}: another decorator stands above @handler; put @handler outermost")
    return spec


def _place(function: Callable[..., Any]) -> str:
    code = function.__code__
    return f"{function.__module__}.{function.__qualname__} ({code.co_filename}:{code.co_firstlineno})"


def _check_options(job_type: str, max_retries: int, timeout_s: float | None, non_retryable: object, where: str) -> None:
    if not NAME_PATTERN.fullmatch(job_type):
        raise HandlerError(f"{where}: the type {job_type!r} must match {NAME_PATTERN.pattern}")
    if isinstance(max_retries, bool) or not isinstance(max_retries, int) or not 0 <= max_retries <= 100:
        raise HandlerError(f"{where}: max_retries is a whole number from 0 to 100, not {max_retries!r}")
    if timeout_s is not None and not 0 < timeout_s <= MAX_TIMEOUT_S:
        raise HandlerError(f"{where}: timeout_s is above 0 and at most {MAX_TIMEOUT_S:.0f} (a week), not {timeout_s!r}")
    if not isinstance(non_retryable, tuple) or not all(
        isinstance(error, type) and issubclass(error, BaseException) for error in non_retryable
    ):
        raise HandlerError(f"{where}: non_retryable is a tuple of exception classes, e.g. (ValueError,)")


def _run_in(function: Callable[..., Any], run_in: RunIn | None, is_async: bool, where: str) -> RunIn:
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        raise HandlerError(f"{where}: it yields, but a job has one result; return it")
    if run_in is None:
        return "loop" if is_async else "thread"
    if run_in not in get_args(RunIn):
        raise HandlerError(f"{where}: run_in is one of {', '.join(get_args(RunIn))}, not {run_in!r}")
    if run_in == "loop" and not is_async:
        raise HandlerError(f'{where}: a sync function would block the loop; make it async or say run_in="thread"')
    if run_in == "thread" and is_async:
        raise HandlerError(
            f'{where}: an async function runs on the loop; make it a plain def or leave run_in="thread" out'
        )
    return run_in


def _schema(model: type[BaseModel] | None, where: str) -> dict[str, Any] | None:
    if model is None:
        return None
    try:
        return model.model_json_schema()
    except Exception as error:  # pydantic raises several, none with a common root
        raise HandlerError(f"{where}: {model.__name__} has no JSON Schema: {error}") from error
