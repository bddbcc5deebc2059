"""A handler as declared: what runs it, with what limits, and what it tells the api of itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

from jobstream.backoff import Backoff
from jobstream.contracts.events import TypeAnnouncement
from jobstream.contracts.flow import Limit
from jobstream.contracts.unique import Unique
from jobstream.handlers.context import JobContext

RunIn = Literal["loop", "thread", "process"]
PayloadModel = type[BaseModel]
ExceptionTypes = tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class HandlerSpec:
    """One handler of one job type.

    Attributes:
        type: the job type it runs.
        function: the function as its author wrote it.
        call: runs ``function`` with a payload (a model or a dict) and a context; the context may be
            None if ``wants_context`` is false. For an async function it returns the coroutine.
        payload_model: the pydantic model of the payload, or None for a plain dict.
        payload_schema: JSON Schema of the payload, or None for a plain dict.
        max_retries: tries after the first, where the job does not say.
        timeout_s: seconds a run may take, where the job does not say; None is without end.
        run_in: ``loop`` (async), ``thread`` (sync) or ``process`` (either, in a child process).
        non_retryable: exceptions after which no retry makes sense.
        limits: gates that its jobs have to pass.
        strict_order: a job with a key waits until the earlier ones of its type and key are over.
        unique: which of its jobs are the same job, where the job does not say.
        where: module, name, file and line, for messages.
    """

    type: str
    function: Callable[..., Any]
    call: Callable[[Any, JobContext | None], Any]
    wants_context: bool
    payload_model: PayloadModel | None
    payload_schema: dict[str, Any] | None
    max_retries: int
    timeout_s: float | None
    run_in: RunIn
    is_async: bool
    backoff: Backoff
    non_retryable: ExceptionTypes
    limits: tuple[Limit, ...]
    strict_order: bool
    unique: Unique | None
    description: str | None
    where: str

    def announcement(self, at: datetime) -> TypeAnnouncement:
        """What the worker writes to the types topic."""
        return TypeAnnouncement(
            type=self.type,
            payload_schema=self.payload_schema,
            description=self.description,
            max_retries=self.max_retries,
            timeout_s=self.timeout_s,
            run_in=self.run_in,
            backoff_base_s=self.backoff.base_s,
            backoff_factor=self.backoff.factor,
            backoff_cap_s=self.backoff.cap_s,
            limits=list(self.limits),
            strict_order=self.strict_order,
            unique=self.unique,
            at=at,
        )
