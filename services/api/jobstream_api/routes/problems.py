"""From errors to answers: the one table of status codes, and problem+json for all of them."""

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote
from uuid import UUID

import orjson
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from jobstream.errors import InvalidInput, JobstreamError
from jobstream_api.domain import errors
from jobstream_api.schemas.problems import Problem

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_S = 2

STATUS_OF_ERROR: dict[type[JobstreamError], tuple[int, str]] = {
    errors.JobNotFound: (404, "job_not_found"),
    errors.NotReopenable: (409, "not_retryable"),
    errors.RunNotOver: (409, "run_not_over"),
    errors.NotCancellable: (409, "not_cancellable"),
    errors.NotHeld: (409, "not_held"),
    errors.ScheduleNotFound: (404, "schedule_not_found"),
    errors.ScheduleExists: (409, "schedule_exists"),
    errors.ScheduleBusy: (409, "schedule_busy"),
    errors.LimitNotFound: (404, "limit_not_found"),
    errors.LimitNotSet: (404, "limit_not_set"),
    errors.QueueNotFound: (404, "queue_not_found"),
    errors.JobTypeNotFound: (404, "job_type_not_found"),
    errors.IdempotencyMismatch: (422, "idempotency_mismatch"),
    errors.IdempotencyInFlight: (409, "idempotency_in_flight"),
    errors.NotUnique: (409, "not_unique"),
    errors.ReplayGone: (409, "idempotency_gone"),
    errors.Overloaded: (503, "overloaded"),
    errors.ListTooSlow: (503, "list_too_slow"),
    errors.StoreUnavailable: (503, "unavailable"),
}
STATUS_OF_CODE: dict[str, int] = {
    "invalid_json": 400,
    "incomplete_body": 400,
    "cross_site": 403,
    "body_timeout": 408,
    "body_too_large": 413,
    "payload_too_large": 413,
    "unsupported_media_type": 415,
    "unsupported_encoding": 415,
    "backlog_full": 429,
}
"""Codes of InvalidInput that are not 422."""

_SOON_OVER = frozenset({"idempotency_in_flight", "run_not_over"})
"""Conflicts that end by themselves."""

TITLES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    500: "Internal Server Error",
    503: "Service Unavailable",
}
"""The statuses that the api answers errors with, in the words of RFC 9110; Python's words differ by version."""

_CODE_OF_STATUS = {404: "not_found", 405: "method_not_allowed", 500: "internal_error"}


def problem(
    status: int,
    code: str,
    detail: str,
    *,
    field: str | None = None,
    instance: str | None = None,
    job_id: UUID | None = None,
) -> dict[str, Any]:
    """A problem document."""
    document = {
        "type": f"urn:jobstream:problem:{code}",
        "title": TITLES.get(status, "Error"),
        "status": status,
        "detail": detail,
        "code": code,
        "field": field,
        "instance": instance,
        "job_id": None if job_id is None else str(job_id),
    }
    return {name: value for name, value in document.items() if value is not None}


def problem_of(error: JobstreamError, instance: str | None = None) -> dict[str, Any]:
    """The problem document of a domain error; one that the table does not know is a 500."""
    if isinstance(error, InvalidInput):
        return problem(
            STATUS_OF_CODE.get(error.code, 422), error.code, error.detail, field=error.field, instance=instance
        )
    status, code = STATUS_OF_ERROR.get(type(error), (500, "internal_error"))
    detail = str(error) if status != 500 else _INTERNAL
    job_id = error.job_id if isinstance(error, errors.NotUnique) else None
    return problem(status, code, detail or (type(error).__doc__ or code), instance=instance, job_id=job_id)


_INTERNAL = "something went wrong here; the log of the api says what"


def answer(document: dict[str, Any], headers: dict[str, str] | None = None) -> Response:
    """A problem document as the response."""
    status = document["status"]
    headers = dict(headers or {})
    if status in (429, 503) or document["code"] in _SOON_OVER:
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    if "job_id" in document:
        headers.setdefault("Location", f"/jobs/{document['job_id']}")
    return Response(orjson.dumps(document), status_code=status, headers=headers, media_type=MEDIA_TYPE)


def install(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """Make every error of ``app`` a problem, and take ``routers`` in."""
    for router in routers:
        app.include_router(router)
    app.state.routes = [route for router in routers for route in router.routes if isinstance(route, APIRoute)]
    app.add_exception_handler(JobstreamError, _on_error)
    app.add_exception_handler(RequestValidationError, _on_validation)
    app.add_exception_handler(HTTPException, _on_http)
    app.add_exception_handler(Exception, _on_crash)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI entries for error answers."""
    return {
        status: {
            "description": TITLES[status],
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": {"Retry-After": _RETRY_AFTER}} if status in (429, 503) else {}),
            **({"headers": {"Location": _LOCATION, "Retry-After": _RETRY_AFTER}} if status == 409 else {}),
        }
        for status in statuses
    }


_LOCATION = {"description": "With `not_unique`: the job that is there.", "schema": {"type": "string"}}
_RETRY_AFTER = {"description": "Seconds after which to try again.", "schema": {"type": "integer"}}


def _path(request: Request) -> str:
    return quote(request.url.path, safe="/:@!$&'()*+,;=-._~")[:500]


async def _on_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, JobstreamError)
    return answer(problem_of(error, _path(request)))


async def _on_validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    field = "/" + "/".join(part.replace("~", "~0").replace("/", "~1") for part in place)
    code, detail = "invalid_parameter", str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        code, detail = "unknown_parameter", f"there is no parameter {place[-1]!r} here; see /docs for those there are"
    return answer(problem(422, code, detail, field=field[:500], instance=_path(request)))


async def _on_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODE_OF_STATUS.get(error.status_code, "http_error")
    detail = str(error.detail)
    headers = dict(error.headers or {})
    if error.status_code == 404:
        detail = "there is nothing at this path; see /docs for what there is"
    elif error.status_code == 405:
        allowed = _allowed(request)
        headers["Allow"] = ", ".join(allowed)
        detail = f"this path takes {' and '.join(allowed)}, not {request.method[:20]}"
    return answer(problem(error.status_code, code, detail, instance=_path(request)), headers)


def _allowed(request: Request) -> list[str]:
    """All methods of a path; the router's own answer names those of its first route only."""
    path = request.url.path
    matching = [route for route in request.app.state.routes if route.path_regex.match(path)]
    return sorted({method for route in matching for method in route.methods} or {"GET", "HEAD"})


async def _on_crash(request: Request, error: Exception) -> Response:
    return answer(problem(500, "internal_error", _INTERNAL, instance=_path(request)))


__all__ = ["MEDIA_TYPE", "Problem", "answer", "install", "problem", "problem_of", "responses"]
