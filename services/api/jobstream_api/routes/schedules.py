"""/schedules: made, read, changed, removed; triggered and backfilled."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from jobstream.contracts.limits import MAX_BODY_BYTES
from jobstream.contracts.schedules import Overlap
from jobstream_api.domain.schedules import FireStatus
from jobstream_api.routes.deps import PartsDep, json_response, only_query
from jobstream_api.routes.jobs import Cursor, Limit
from jobstream_api.routes.openapi import json_body
from jobstream_api.routes.problems import responses
from jobstream_api.schemas.jobs import example
from jobstream_api.schemas.schedules import (
    EXAMPLE,
    Backfilled,
    FireView,
    ScheduleDetail,
    ScheduleFires,
    SchedulePage,
    detail_view,
    fire_view,
    fires_view,
    schedule_view,
)
from jobstream_api.services.schedules import PREVIEW

router = APIRouter(tags=["schedules"])

Named = Annotated[
    str,
    Path(pattern=r"^[A-Za-z0-9_.-]{1,100}$", description="The schedule's name or id.", examples=["nightly-report"]),
]
Count = Annotated[int, Query(ge=1, le=100, description="Most of each.")]

_BODY_REFUSALS = (400, 403, 408, 413, 415, 422, 500, 503)
_READ = {"model": ScheduleDetail, "description": "The schedule.", **example("schedule")}
_LOCATION = {"Location": {"description": "Where to read it.", "schema": {"type": "string"}}}


def _links(*operations: str) -> dict[str, Any]:
    return {name: {"operationId": name, "parameters": {"schedule": "$response.body#/name"}} for name in operations}


@router.post(
    "/schedules",
    status_code=201,
    summary="Create a schedule",
    description="Its first tick is the first one after now. The job is checked like a submitted one.",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body("NewSchedule", "When which job runs.", EXAMPLE),
    responses={
        201: {
            "model": ScheduleDetail,
            "description": "It fires from now on.",
            **example("schedule"),
            "headers": _LOCATION,
            "links": _links("read_schedule", "trigger_schedule", "change_schedule"),
        },
        409: responses(409)[409],
        **responses(*_BODY_REFUSALS),
    },
)
async def create_schedule(request: Request, parts: PartsDep) -> Response:
    document = await parts.bodies.read_json(request, MAX_BODY_BYTES)
    detail = await parts.schedules.create(document)
    return json_response(detail_view(detail), 201, {"Location": f"/schedules/{detail.row['name']}"})


@router.get(
    "/schedules",
    summary="List schedules",
    description="Newest first.",
    response_class=Response,
    dependencies=[only_query("limit", "cursor")],
    responses={200: {"model": SchedulePage, "description": "A page."}, **responses(422, 500, 503)},
)
async def list_schedules(parts: PartsDep, limit: Limit = 50, cursor: Cursor = None) -> Response:
    page = await parts.schedules.page(limit=limit, cursor=cursor)
    return json_response({"items": [schedule_view(row) for row in page.items], "next_cursor": page.next_cursor})


@router.get(
    "/schedules/{schedule}",
    operation_id="read_schedule",
    summary="Read a schedule",
    description="With its next ticks, and what became of its latest one.",
    response_class=Response,
    dependencies=[only_query()],
    responses={200: _READ, **responses(404, 422, 500, 503)},
)
async def read_schedule(parts: PartsDep, schedule: Named) -> Response:
    return json_response(detail_view(await parts.schedules.read(schedule)))


@router.patch(
    "/schedules/{schedule}",
    operation_id="change_schedule",
    summary="Change a schedule",
    description="The given fields replace those that it has, `job` as a whole. `paused` stops and resumes it: what "
    "falls into a pause is not missed. Another `cron` or `timezone` counts from now.",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body("ScheduleChanges", "Fields to change.", {"paused": True}),
    responses={200: _READ, **responses(404, 409, *_BODY_REFUSALS)},
)
async def change_schedule(request: Request, parts: PartsDep, schedule: Named) -> Response:
    document = await parts.bodies.read_json(request, MAX_BODY_BYTES)
    return json_response(detail_view(await parts.schedules.change(schedule, document)))


@router.delete(
    "/schedules/{schedule}",
    operation_id="remove_schedule",
    status_code=204,
    summary="Remove a schedule",
    description="With the memory of its ticks. Jobs that it made stay as they are.",
    response_class=Response,
    dependencies=[only_query()],
    responses={204: {"description": "It is gone."}, **responses(404, 422, 500, 503)},
)
async def remove_schedule(parts: PartsDep, schedule: Named) -> Response:
    await parts.schedules.remove(schedule)
    return Response(status_code=204)


@router.get(
    "/schedules/{schedule}/fires",
    operation_id="list_schedule_fires",
    summary="What comes, and what came",
    description="The next ticks, and what became of the latest ones.",
    response_class=Response,
    dependencies=[only_query("count")],
    responses={
        200: {"model": ScheduleFires, "description": "Both.", **example("fires")},
        **responses(404, 422, 500, 503),
    },
)
async def list_fires(parts: PartsDep, schedule: Named, count: Count = PREVIEW) -> Response:
    return json_response(fires_view(await parts.schedules.read(schedule, count)))


@router.post(
    "/schedules/{schedule}/trigger",
    operation_id="trigger_schedule",
    status_code=201,
    summary="Fire a schedule now",
    description="Also a paused one. The schedule's overlap policy holds, unless another is asked for.",
    response_class=Response,
    dependencies=[only_query("overlap")],
    responses={
        201: {"model": FireView, "description": "A job was made.", **example("trigger"), "headers": _LOCATION},
        202: {"model": FireView, "description": "It waits until an earlier job has ended."},
        **responses(404, 409, 413, 422, 500, 503),
    },
)
async def trigger_schedule(
    parts: PartsDep,
    schedule: Named,
    overlap: Annotated[
        Overlap | None, Query(description="Instead of the schedule's policy.", examples=["allow"])
    ] = None,
) -> Response:
    fire = await parts.schedules.trigger(schedule, overlap)
    if fire.status is FireStatus.WAITING:
        return json_response(fire_view(fire), 202)
    return json_response(fire_view(fire), 201, {"Location": f"/jobs/{fire.job_id}"})


@router.post(
    "/schedules/{schedule}/backfill",
    operation_id="backfill_schedule",
    summary="Make up for ticks of the past",
    description="Makes the jobs of the ticks in the range that made none yet, at most 1,000 at once. Ticks that fired "
    "already are left alone and told.",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body(
        "NewBackfill", "The range.", {"from": "2026-10-01T00:00:00Z", "to": "2026-10-03T00:00:00Z", "overlap": "queue"}
    ),
    responses={
        200: {"model": Backfilled, "description": "What became of each tick.", **example("backfill")},
        **responses(404, *_BODY_REFUSALS),
    },
)
async def backfill_schedule(request: Request, parts: PartsDep, schedule: Named) -> Response:
    document = await parts.bodies.read_json(request, MAX_BODY_BYTES)
    fires = await parts.schedules.backfill(schedule, document)
    return json_response({"items": [fire_view(fire) for fire in fires]})
