"""GET /jobs, GET /jobs/{job_id}, POST /jobs/{job_id}/retry."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import AfterValidator

from jobstream.contracts.jobs import Moment
from jobstream.contracts.limits import MAX_KEY_LENGTH, check_text
from jobstream.contracts.names import NAME_PATTERN
from jobstream.contracts.status import JobStatus
from jobstream.errors import InvalidInput
from jobstream_api.repositories.listings import JobFilter
from jobstream_api.routes.deps import PartsDep, json_response, only_query
from jobstream_api.routes.problems import responses
from jobstream_api.schemas.jobs import EXAMPLE_ID, JobPage, JobView, example, job_view

router = APIRouter(tags=["jobs"])


def _checked(cursor: str | None) -> str | None:
    if cursor is not None:
        check_text(cursor, "/query/cursor")
    return cursor


JobId = Annotated[UUID, Path(description="The job's id.", examples=[EXAMPLE_ID])]
Limit = Annotated[int, Query(ge=1, le=200, description="Most items of the page.")]
Cursor = Annotated[
    str | None,
    AfterValidator(_checked),
    Query(min_length=1, max_length=500, description="`next_cursor` of the page before.", examples=[None]),
]
Named = Query(pattern=NAME_PATTERN.pattern, min_length=1, max_length=100)

_FILTERS = ("status", "type", "queue", "key", "tag", "created_after", "created_before", "limit", "cursor")
_READ = {"model": JobView, "description": "The job.", **example("completed")}
_REOPENED = {"model": JobView, "description": "It will run again.", **example("pending")}


@router.get(
    "/jobs",
    summary="List jobs",
    description="Newest first. All filters given must hold; each may be given once.",
    response_class=Response,
    dependencies=[only_query(*_FILTERS)],
    responses={200: {"model": JobPage, "description": "A page."}, **responses(422, 500, 503)},
)
async def list_jobs(
    parts: PartsDep,
    status: Annotated[JobStatus | None, Query(description="Only jobs in this state.")] = None,
    type: Annotated[str | None, Named] = None,
    queue: Annotated[str | None, Named] = None,
    key: Annotated[str | None, Query(min_length=1, max_length=MAX_KEY_LENGTH, description="Ordering key.")] = None,
    tag: Annotated[str | None, Query(min_length=1, max_length=100, description="Jobs that carry this tag.")] = None,
    created_after: Annotated[Moment | None, Query(description="At or after, RFC 3339 with a zone.")] = None,
    created_before: Annotated[Moment | None, Query(description="Before, RFC 3339 with a zone.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> Response:
    for name, text in (("key", key), ("tag", tag)):
        if text is not None:
            check_text(text, f"/query/{name}")
    wanted = JobFilter(status, type, queue, key, tag, created_after, created_before)
    page = await parts.queries.jobs(wanted, limit=limit, cursor=cursor)
    items = [job_view(row, parts.max_retries_of) for row in page.items]
    return json_response({"items": items, "next_cursor": page.next_cursor})


@router.get(
    "/jobs/{job_id}",
    operation_id="read_job",
    summary="Read a job",
    description="With `wait`, answers once the job is COMPLETED, FAILED or CANCELLED, or when that time is over; "
    "look at `status`.",
    response_class=Response,
    dependencies=[only_query("wait")],
    responses={200: _READ, **responses(404, 422, 500, 503)},
)
async def read_job(
    parts: PartsDep,
    job_id: JobId,
    wait: Annotated[
        float,
        Query(ge=0, allow_inf_nan=False, description="Seconds, at most JOBSTREAM_WAIT_MAX_S (60).", examples=[10]),
    ] = 0,
) -> Response:
    if wait > parts.settings.wait_max_s:
        raise InvalidInput("invalid_parameter", "/query/wait", f"at most {parts.settings.wait_max_s:g} seconds")
    row = await parts.queries.job(job_id, wait_s=wait)
    return json_response(job_view(row, parts.max_retries_of))


@router.post(
    "/jobs/{job_id}/retry",
    operation_id="retry_job",
    summary="Run a job again",
    description="A FAILED or CANCELLED job becomes PENDING, with its next attempt and as many retries as it had at "
    "first. Attempts are counted on, so `max_retries` grows: a job with 3 that failed at attempt 4 gets attempts 5 "
    "to 8 and reads `max_retries` 7.",
    response_class=Response,
    dependencies=[only_query()],
    responses={200: _REOPENED, **responses(404, 409, 422, 500, 503)},
)
async def retry_job(parts: PartsDep, job_id: JobId) -> Response:
    row = await parts.operations.retry(job_id)
    return json_response(job_view(row, parts.max_retries_of))
