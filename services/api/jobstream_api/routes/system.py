"""GET /job-types, /workers, /dead-letters, /healthz, /readyz, /metrics."""

from fastapi import APIRouter, Response

from jobstream_api.routes.deps import PartsDep, json_response, only_query
from jobstream_api.routes.jobs import Cursor, Limit
from jobstream_api.routes.problems import responses
from jobstream_api.schemas.system import (
    Alive,
    DeadLetterPage,
    JobTypeList,
    Readiness,
    WorkerList,
    dead_letter_view,
    job_type_view,
    worker_view,
)
from jobstream_api.services.metrics import CONTENT_TYPE

router = APIRouter()
health = APIRouter(tags=["health"])


@router.get(
    "/job-types",
    tags=["catalogue"],
    summary="List job types",
    description="What handlers the workers have announced.",
    response_class=Response,
    dependencies=[only_query()],
    responses={200: {"model": JobTypeList, "description": "All of them."}, **responses(422, 500)},
)
async def list_job_types(parts: PartsDep) -> Response:
    paused = parts.flow.rules.paused
    items = [job_type_view(announced, paused=announced.type in paused) for announced in parts.catalogue.all()]
    return json_response({"items": items, "next_cursor": None})


@router.get(
    "/workers",
    tags=["catalogue"],
    summary="List workers",
    description="Live ones first, with the partitions that each reads.",
    response_class=Response,
    dependencies=[only_query()],
    responses={200: {"model": WorkerList, "description": "All of them."}, **responses(422, 500, 503)},
)
async def list_workers(parts: PartsDep) -> Response:
    items = [worker_view(row) for row in await parts.queries.workers()]
    return json_response({"items": items, "next_cursor": None})


@router.get(
    "/dead-letters",
    tags=["dead letters"],
    summary="List dead letters",
    description="Records that could not be read, run or published, newest first.",
    response_class=Response,
    dependencies=[only_query("limit", "cursor")],
    responses={200: {"model": DeadLetterPage, "description": "A page."}, **responses(422, 500, 503)},
)
async def list_dead_letters(parts: PartsDep, limit: Limit = 50, cursor: Cursor = None) -> Response:
    page = await parts.queries.dead_letters(limit=limit, cursor=cursor)
    return json_response({"items": [dead_letter_view(row) for row in page.items], "next_cursor": page.next_cursor})


@health.get(
    "/healthz",
    summary="Is the process alive?",
    response_class=Response,
    responses={200: {"model": Alive, "description": "It answers."}, **responses(500)},
)
async def alive() -> Response:
    return json_response({"status": "ok"})


@health.get(
    "/readyz",
    summary="Can the process do its work?",
    description="503 within 15 s of trouble with the database, Kafka or one of its loops, with the reasons.",
    response_class=Response,
    responses={
        200: {"model": Readiness, "description": "It can."},
        503: {"model": Readiness, "description": "It cannot, for these reasons."},
        **responses(500),
    },
)
async def ready(parts: PartsDep) -> Response:
    verdict = await parts.readiness.check()
    document = {"ready": not verdict.reasons, "reasons": verdict.reasons, "services": verdict.ages}
    return json_response(document, 503 if verdict.reasons else 200)


@health.get(
    "/metrics",
    summary="Metrics",
    description="In the text format of Prometheus.",
    response_class=Response,
    responses={
        200: {"content": {"text/plain": {"schema": {"type": "string"}}}, "description": "All of them."},
        **responses(500),
    },
)
async def metrics(parts: PartsDep) -> Response:
    return Response(parts.metrics.text(), media_type=CONTENT_TYPE)
