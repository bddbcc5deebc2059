"""The HTTP calls as values: how they are asked and how their answers are read. No I/O.

Both clients send these, so they cannot differ in anything but waiting.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx2
import orjson

from jobstream.backoff import Backoff
from jobstream.client.errors import (
    ApiError,
    ApiUnavailable,
    JobNotFound,
    JobTypeNotFound,
    LimitNotFound,
    NotUnique,
    QueueNotFound,
    ScheduleNotFound,
)
from jobstream.contracts.unique import Unique
from jobstream.ids import new_id

BACKOFF = Backoff(base_s=0.2, factor=2.0, cap_s=3.0)
TRIES = 5
_KINDS: dict[str, type[ApiError]] = {
    "job_not_found": JobNotFound,
    "schedule_not_found": ScheduleNotFound,
    "limit_not_found": LimitNotFound,
    "limit_not_set": LimitNotFound,
    "queue_not_found": QueueNotFound,
    "job_type_not_found": JobTypeNotFound,
    "not_unique": NotUnique,
}
LONGEST_POLL_S = 25.0
"""One long poll; longer ones are cut by proxies."""


@dataclass(frozen=True, slots=True)
class Call:
    """One request.

    Attributes:
        repeatable: sending it twice does what sending it once does, so lost answers are asked for again.
        patience_s: how long the api may take on purpose, on top of the usual timeout.
    """

    method: str
    path: str
    params: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    repeatable: bool = True
    patience_s: float = 0.0


def submit(fields: Mapping[str, Any], idempotency_key: str | None) -> Call:
    """``POST /jobs``. Without a key of the caller's it gets one, so that a repeat makes no second job."""
    return _post("/jobs", fields, idempotency_key)


def submit_batch(jobs: Sequence[Mapping[str, Any]], idempotency_key: str | None) -> Call:
    """``POST /jobs/batch``."""
    return _post("/jobs/batch", {"jobs": [dict(job) for job in jobs]}, idempotency_key)


def get(job_id: UUID | str, wait_s: float = 0.0) -> Call:
    """``GET /jobs/{id}``, answered after ``wait_s`` seconds at the latest."""
    params = {"wait": f"{wait_s:g}"} if wait_s > 0 else {}
    return Call("GET", f"/jobs/{_id(job_id)}", params, patience_s=wait_s)


def list_jobs(filters: Mapping[str, Any]) -> Call:
    """``GET /jobs``; filters that are None are left out."""
    return Call("GET", "/jobs", {name: str(value) for name, value in filters.items() if value is not None})


def cancel(job_id: UUID | str, reason: str | None) -> Call:
    """``POST /jobs/{id}/cancel``. A job that is CANCELLED stays so, so it may be repeated."""
    return _send_json("POST", f"/jobs/{_id(job_id)}/cancel", {} if reason is None else {"reason": reason})


def cancel_where(filters: Mapping[str, Any], *, reason: str | None, dry_run: bool) -> Call:
    """``POST /jobs/cancel``. A repeat would count only what the first left."""
    given = {name: value for name, value in {**filters, "reason": reason}.items() if value is not None}
    call = _send_json("POST", "/jobs/cancel", given | {"dry_run": dry_run})
    return replace(call, repeatable=dry_run, patience_s=60.0)


def reschedule(
    job_id: UUID | str, *, run_at: datetime | str | None, delay_s: float | None, priority: int | None
) -> Call:
    """``PATCH /jobs/{id}``; what is None stays as it is. A repeat may find the job gone to Kafka."""
    wanted = {"run_at": run_at, "delay_s": delay_s, "priority": priority}
    given = {name: value for name, value in wanted.items() if value is not None}
    return replace(_send_json("PATCH", f"/jobs/{_id(job_id)}", given), repeatable=False)


def retry(job_id: UUID | str) -> Call:
    """``POST /jobs/{id}/retry``."""
    return Call("POST", f"/jobs/{_id(job_id)}/retry", repeatable=False)


def read(response: httpx2.Response) -> Any:
    """The document of a good answer; None if it has none.

    Raises:
        NotUnique, ApiError: the api refused; NotFound, which is one, if what was asked for is not there.
        ApiUnavailable: it is no JSON, so something else than the api answered.
    """
    if response.status_code == 204:
        return None
    try:
        document = orjson.loads(response.content)
    except orjson.JSONDecodeError:
        raise ApiUnavailable(
            f"{response.request.url} answered {response.status_code} without JSON; is this the api's address?"
        ) from None
    # A batch of which no job was taken is 422, with the verdicts as its document.
    if response.is_success or (isinstance(document, dict) and "items" in document):
        return document
    problem = document if isinstance(document, dict) else {}
    code = str(problem.get("code", "unknown"))
    raise _KINDS.get(code, ApiError)(
        response.status_code,
        code,
        str(problem.get("detail", "no reason given")),
        problem.get("field"),
        problem.get("job_id"),
    )


def pause_before_retry(call: Call, attempt: int, response: httpx2.Response | None, rng: random.Random) -> float | None:
    """Seconds to wait before the call is sent again, or None if its answer stands.

    Args:
        attempt: how often it was sent, from 1.
        response: the answer; None if there was none.
    """
    if not call.repeatable or attempt >= TRIES:
        return None
    if response is None:
        return BACKOFF.delay(attempt, rng)
    if response.status_code not in (429, 502, 503, 504) and not _in_flight(response):
        return None
    asked = response.headers.get("retry-after", "")
    return float(asked) if asked.isdigit() and int(asked) <= 30 else BACKOFF.delay(attempt, rng)


def _in_flight(response: httpx2.Response) -> bool:
    """True if the first request with this Idempotency-Key has no answer yet: ask again for it."""
    return response.status_code == 409 and b'"idempotency_in_flight"' in response.content


def _post(path: str, document: Mapping[str, Any], idempotency_key: str | None) -> Call:
    headers = {"content-type": "application/json", "idempotency-key": idempotency_key or str(new_id())}
    return Call("POST", path, body=orjson.dumps(dict(document), default=_plain), headers=headers)


def _plain(value: Any) -> Any:
    if isinstance(value, Unique):
        return value.to_dict()
    raise TypeError(f"{type(value).__name__} is no JSON")


def _send_json(method: str, path: str, document: Mapping[str, Any]) -> Call:
    return Call(method, path, body=orjson.dumps(dict(document)), headers={"content-type": "application/json"})


def _id(job_id: UUID | str) -> str:
    try:
        return str(UUID(str(job_id)))
    except ValueError:
        raise JobNotFound(404, "job_not_found", f"{job_id!r} is no job id: ids are UUIDs") from None


def job_fields(payload: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """The body of a submit; options that are None are left out."""
    return {"payload": dict(payload), **{name: value for name, value in options.items() if value is not None}}
