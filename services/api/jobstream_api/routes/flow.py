"""/limits, /queues, and pauses of job types: what may start when."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response

from jobstream.contracts.limits import MAX_BODY_BYTES
from jobstream.contracts.names import NAME_PATTERN
from jobstream_api.routes.deps import Parts, PartsDep, json_response, only_query
from jobstream_api.routes.openapi import json_body
from jobstream_api.routes.problems import responses
from jobstream_api.schemas.flow import SETTING, LimitList, LimitView, QueueList, QueueView, limit_view, queue_view
from jobstream_api.schemas.jobs import example
from jobstream_api.schemas.system import JobTypeView, job_type_view

router = APIRouter(tags=["flow"])

LimitName = Annotated[str, Path(pattern=NAME_PATTERN.pattern, description="The limit's name.", examples=["mail"])]
QueueName = Annotated[str, Path(pattern=NAME_PATTERN.pattern, description="The queue's name.", examples=["default"])]
TypeName = Annotated[str, Path(pattern=NAME_PATTERN.pattern, description="The job type.", examples=["example"])]

_REFUSALS = (404, 422, 500, 503)
_BODY_REFUSALS = (400, 403, 408, 413, 415, 422, 500, 503)
_LIMIT = {"model": LimitView, "description": "The limit.", **example("limit")}
_QUEUE = {"model": QueueView, "description": "The queue.", **example("queue")}
_TYPE = {"model": JobTypeView, "description": "The type.", **example("job_type")}


@router.get(
    "/limits",
    summary="List limits",
    description="What handlers declare and what operators have set, by name, with the jobs at each. Counting looks at "
    "100,000 jobs at most.",
    response_class=Response,
    dependencies=[only_query()],
    responses={
        200: {"model": LimitList, "description": "All of them.", **example("limits")},
        **responses(422, 500, 503),
    },
)
async def list_limits(parts: PartsDep) -> Response:
    items = [limit_view(state) for state in await parts.flow_figures.limits()]
    return json_response({"items": items, "next_cursor": None})


@router.get(
    "/limits/{limit}",
    operation_id="read_limit",
    summary="Read a limit",
    response_class=Response,
    dependencies=[only_query()],
    responses={200: _LIMIT, **responses(*_REFUSALS)},
)
async def read_limit(parts: PartsDep, limit: LimitName) -> Response:
    return json_response(limit_view(await parts.flow_figures.limit(limit)))


@router.put(
    "/limits/{limit}",
    operation_id="set_limit",
    summary="Set a limit",
    description="In place of what was set of it before. Holds everywhere within two seconds, and until it is removed. "
    "What is left out is as handlers declare it; a limit that none declares needs `kind`, `limit` and `types`.",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body("LimitSetting", "The limit.", SETTING),
    responses={200: _LIMIT, **responses(404, *_BODY_REFUSALS)},
)
async def set_limit(request: Request, parts: PartsDep, limit: LimitName) -> Response:
    document = await parts.bodies.read_json(request, MAX_BODY_BYTES)
    await parts.flow_control.put_limit(limit, document)
    return json_response(limit_view(await parts.flow_figures.limit(limit)))


@router.delete(
    "/limits/{limit}",
    operation_id="remove_limit",
    status_code=204,
    summary="Take back what was set of a limit",
    description="What handlers declare holds again; a limit that none declares is gone.",
    response_class=Response,
    dependencies=[only_query()],
    responses={204: {"description": "It is taken back."}, **responses(*_REFUSALS)},
)
async def remove_limit(parts: PartsDep, limit: LimitName) -> Response:
    await parts.flow_control.delete_limit(limit)
    return Response(status_code=204)


@router.get(
    "/queues",
    summary="List queues",
    description="All that are configured, with their jobs. Counting looks at 100,000 jobs at most.",
    response_class=Response,
    dependencies=[only_query()],
    responses={
        200: {"model": QueueList, "description": "All of them.", **example("queues")},
        **responses(422, 500, 503),
    },
)
async def list_queues(parts: PartsDep) -> Response:
    items = [queue_view(state) for state in await parts.flow_figures.queues()]
    return json_response({"items": items, "next_cursor": None})


@router.get(
    "/queues/{queue}",
    operation_id="read_queue",
    summary="Read a queue",
    response_class=Response,
    dependencies=[only_query()],
    responses={200: _QUEUE, **responses(*_REFUSALS)},
)
async def read_queue(parts: PartsDep, queue: QueueName) -> Response:
    return json_response(queue_view(await parts.flow_figures.queue(queue)))


@router.patch(
    "/queues/{queue}",
    operation_id="change_queue",
    summary="Change a queue",
    description="The given fields replace those that it has, `weights` as a whole.",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body("QueueChanges", "Fields to change.", {"mode": "managed", "fair_by": "$.tenant"}),
    responses={200: _QUEUE, **responses(404, *_BODY_REFUSALS)},
)
async def change_queue(request: Request, parts: PartsDep, queue: QueueName) -> Response:
    return await _change_queue(parts, queue, await parts.bodies.read_json(request, MAX_BODY_BYTES))


@router.post(
    "/queues/{queue}/pause",
    operation_id="pause_queue",
    summary="Pause a queue",
    description="Nothing of it is started any more; what runs goes on.",
    response_class=Response,
    dependencies=[only_query()],
    responses={200: _QUEUE, **responses(*_REFUSALS)},
)
async def pause_queue(parts: PartsDep, queue: QueueName) -> Response:
    return await _change_queue(parts, queue, {"paused": True})


@router.post(
    "/queues/{queue}/resume",
    operation_id="resume_queue",
    summary="Resume a queue",
    response_class=Response,
    dependencies=[only_query()],
    responses={200: _QUEUE, **responses(*_REFUSALS)},
)
async def resume_queue(parts: PartsDep, queue: QueueName) -> Response:
    return await _change_queue(parts, queue, {"paused": False})


@router.patch(
    "/job-types/{type}",
    operation_id="change_job_type",
    summary="Pause or resume a job type",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body("TypeChanges", "What to change.", {"paused": True}),
    responses={200: _TYPE, **responses(404, *_BODY_REFUSALS)},
)
async def change_job_type(request: Request, parts: PartsDep, type: TypeName) -> Response:
    return await _change_type(parts, type, await parts.bodies.read_json(request, MAX_BODY_BYTES))


@router.post(
    "/job-types/{type}/pause",
    operation_id="pause_job_type",
    summary="Pause a job type",
    description="No job of it is started any more, in any queue; what runs goes on.",
    response_class=Response,
    dependencies=[only_query()],
    responses={200: _TYPE, **responses(*_REFUSALS)},
)
async def pause_job_type(parts: PartsDep, type: TypeName) -> Response:
    return await _change_type(parts, type, {"paused": True})


@router.post(
    "/job-types/{type}/resume",
    operation_id="resume_job_type",
    summary="Resume a job type",
    response_class=Response,
    dependencies=[only_query()],
    responses={200: _TYPE, **responses(*_REFUSALS)},
)
async def resume_job_type(parts: PartsDep, type: TypeName) -> Response:
    return await _change_type(parts, type, {"paused": False})


async def _change_queue(parts: Parts, queue: str, document: Any) -> Response:
    await parts.flow_control.change_queue(queue, document)
    return json_response(queue_view(await parts.flow_figures.queue(queue)))


async def _change_type(parts: Parts, job_type: str, document: Any) -> Response:
    announced = await parts.flow_control.change_type(job_type, document)
    return json_response(job_type_view(announced, paused=job_type in parts.flow.rules.paused))
