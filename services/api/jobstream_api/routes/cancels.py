"""POST /jobs/{job_id}/cancel, POST /jobs/cancel, PATCH /jobs/{job_id}: what changes jobs before they end."""

from dataclasses import asdict

from fastapi import APIRouter, Request, Response

from jobstream.contracts.limits import MAX_BODY_BYTES
from jobstream_api.routes.deps import PartsDep, json_response, only_query
from jobstream_api.routes.jobs import JobId
from jobstream_api.routes.openapi import json_body
from jobstream_api.routes.problems import responses
from jobstream_api.schemas.cancels import TallyView
from jobstream_api.schemas.jobs import JobView, example, job_view
from jobstream_api.services.cancel_filters import read_filter, read_reason

router = APIRouter(tags=["jobs"])

_REFUSALS = (400, 403, 408, 413, 415, 422, 500, 503)
_CANCELLED = {"model": JobView, "description": "It is CANCELLED.", **example("cancelled")}
_MOVED = {"model": JobView, "description": "It waits for its new time.", **example("held")}


@router.post(
    "/jobs/cancel",
    operation_id="cancel_jobs",
    summary="Cancel many jobs",
    description="All jobs under way that match every filter given; at least one must be. In transactions of up to "
    "1,000 jobs, so what was cancelled stays so if the request is cut off; sending it again goes on.",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body("CancelFilter", "Which jobs.", {"type": "example", "tag": "import", "dry_run": True}),
    responses={
        200: {"model": TallyView, "description": "What it came to.", **example("tally")},
        **responses(*_REFUSALS),
    },
)
async def cancel_jobs(request: Request, parts: PartsDep) -> Response:
    wanted = read_filter(await parts.bodies.read_json(request, MAX_BODY_BYTES))
    return json_response(asdict(await parts.canceller.cancel_where(wanted)))


@router.post(
    "/jobs/{job_id}/cancel",
    operation_id="cancel_job",
    summary="Cancel a job",
    description="It is CANCELLED at once, and stays so whatever its worker still reports; a handler that runs is told "
    "to stop. A job that was cancelled before is answered as it is.",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body("Cancellation", "Why; may be left out.", {"reason": "ordered twice"}, required=False),
    responses={200: _CANCELLED, **responses(404, 409, *_REFUSALS)},
)
async def cancel_job(request: Request, parts: PartsDep, job_id: JobId) -> Response:
    reason = read_reason(await parts.bodies.read_optional_json(request, MAX_BODY_BYTES))
    row = await parts.canceller.cancel(job_id, reason)
    return json_response(job_view(row, parts.max_retries_of))


@router.patch(
    "/jobs/{job_id}",
    operation_id="reschedule_job",
    summary="Move a job to another time",
    description="While it waits for its time or for its next attempt. With `priority` alone its time stays.",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body("NewTime", "Its new time, its new priority, or both.", {"delay_s": 3600}),
    responses={200: _MOVED, **responses(404, 409, *_REFUSALS)},
)
async def reschedule_job(request: Request, parts: PartsDep, job_id: JobId) -> Response:
    row = await parts.operations.reschedule(job_id, await parts.bodies.read_json(request, MAX_BODY_BYTES))
    return json_response(job_view(row, parts.max_retries_of))
