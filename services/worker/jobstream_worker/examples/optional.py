"""Handlers whose libraries come with an extra: there when the libraries are, left out when they are not."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, TypeVar

import structlog

from jobstream import Backoff, handler
from jobstream.handlers.spec import RunIn
from jobstream.telemetry import Event, emit

F = TypeVar("F", bound=Callable[..., Any])

EXTRA = "jobstream-worker[examples]"


def optional_handler(
    job_type: str,
    *,
    needs: Sequence[str],
    max_retries: int = 3,
    timeout_s: float | None = None,
    run_in: RunIn | None = None,
    backoff: Backoff | None = None,
) -> Callable[[F], F]:
    """``@handler`` for a function that imports the modules ``needs`` when it runs.

    Without one of them the function stays a plain function, and the log says what to install.
    """
    missing = [name for name in needs if find_spec(name) is None]
    if not missing:
        return handler(job_type, max_retries=max_retries, timeout_s=timeout_s, run_in=run_in, backoff=backoff)
    # A child process imports the handlers too, but has no log of its own: its worker has told already.
    if structlog.is_configured():
        emit(
            Event.HANDLER_LEFT_OUT,
            type=job_type,
            missing=", ".join(missing),
            hint=f"this worker does not run {job_type}; to change that, install {EXTRA}",
        )
    return lambda function: function
