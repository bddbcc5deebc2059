"""POST /jobs and POST /jobs/batch."""

from typing import Annotated, Any

from fastapi import APIRouter, Header, Request, Response

from jobstream.contracts.limits import MAX_BATCH_BODY_BYTES, MAX_BATCH_JOBS, MAX_BODY_BYTES
from jobstream.errors import InvalidInput
from jobstream_api.domain.errors import NotUnique
from jobstream_api.repositories.submits import Draft
from jobstream_api.routes.deps import Parts, PartsDep, json_response, only_query
from jobstream_api.routes.openapi import json_body
from jobstream_api.routes.problems import problem_of, responses
from jobstream_api.schemas.jobs import BatchVerdicts, JobView, example, job_view
from jobstream_api.services.remembering import Existing, Verdict
from jobstream_api.services.submit import Answer, Key

router = APIRouter(tags=["jobs"])

_REPLAY_HEADERS = {
    "Idempotent-Replayed": {
        "description": "`true`: this is the answer to an earlier request with the same Idempotency-Key.",
        "schema": {"type": "string", "enum": ["true"]},
    },
    "Idempotency-Key-Expires": {
        "description": "Until when the key of this request is remembered (RFC 3339).",
        "schema": {"type": "string", "format": "date-time"},
    },
}
_EXISTING = {
    "Jobstream-Existing": {
        "description": "`true`: the job was there already, and is as it was; `replaced`: it took the payload over.",
        "schema": {"type": "string", "enum": ["true", "replaced"]},
    }
}
_LOCATION = {"Location": {"description": "Where to read it.", "schema": {"type": "string"}}}
_REFUSALS = (400, 403, 408, 409, 413, 415, 422, 429, 500, 503)

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$",
        description="Makes repeats of this request safe: the same key with the same body gets the first answer again, "
        "with another body it gets 422. Remembered for a day (JOBSTREAM_IDEMPOTENCY_TTL_S). A refused request "
        "does not use its key up.",
        examples=["order-4711"],
    ),
]


@router.post(
    "/jobs",
    status_code=201,
    summary="Submit a job",
    description="Stored once answered: a job that got its 201 will run. Without `type`, `payload.task` names it.",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body(
        "NewJob", "The job. At most 1 MiB, its payload at most 256 KiB.", {"payload": {"task": "example", "value": 42}}
    ),
    responses={
        201: {
            "model": JobView,
            "description": "Stored.",
            **example("pending"),
            "headers": {**_LOCATION, **_REPLAY_HEADERS},
            "links": {
                "read": {"operationId": "read_job", "parameters": {"job_id": "$response.body#/id"}},
                "cancel": {"operationId": "cancel_job", "parameters": {"job_id": "$response.body#/id"}},
                "retry": {"operationId": "retry_job", "parameters": {"job_id": "$response.body#/id"}},
            },
        },
        200: {
            "model": JobView,
            "description": "A job that is the same by `unique` was there: it is the answer, and no other was stored.",
            **example("pending"),
            "headers": {**_LOCATION, **_EXISTING, **_REPLAY_HEADERS},
        },
        **responses(*_REFUSALS),
    },
)
async def submit_job(request: Request, parts: PartsDep, idempotency_key: IdempotencyKey = None) -> Response:
    document = await parts.bodies.read_json(request, MAX_BODY_BYTES)
    draft = parts.drafter.draft(document)
    key = None if idempotency_key is None else Key.of(idempotency_key, document)
    answer = await parts.submitter.submit(draft, key)
    [verdict] = answer.verdicts
    if isinstance(verdict, InvalidInput | NotUnique):
        raise verdict
    status, headers = 201, _key_headers(answer)
    if isinstance(verdict, Existing):
        status, headers["Jobstream-Existing"], verdict = 200, _existing(verdict), verdict.row
    headers["Location"] = f"/jobs/{verdict['id']}"
    return json_response(job_view(verdict, parts.max_retries_of), status, headers)


@router.post(
    "/jobs/batch",
    status_code=201,
    summary="Submit many jobs",
    description=f"Up to {MAX_BATCH_JOBS:,} jobs in one transaction, one verdict per job, in order. What is no JSON "
    "document by our limits (NUL, duplicate members, ...) is refused as a whole, and the field names the job.",
    response_class=Response,
    dependencies=[only_query()],
    openapi_extra=json_body(
        "NewBatch",
        "The jobs. At most 32 MiB in all.",
        {"jobs": [{"payload": {"task": "example", "value": 1}}, {"payload": {"task": "example", "value": 2}}]},
    ),
    responses={
        201: {
            "model": BatchVerdicts,
            "description": "All were stored.",
            **example("batch"),
            "headers": _REPLAY_HEADERS,
        },
        207: {"model": BatchVerdicts, "description": "Some were stored.", "headers": _REPLAY_HEADERS},
        **responses(*(status for status in _REFUSALS if status != 422)),
        422: {
            "description": "None was stored: the verdicts, or one problem about the request as a whole.",
            "content": {
                "application/json": {"schema": {"$ref": "#/components/schemas/BatchVerdicts"}},
                "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
            },
        },
    },
)
async def submit_batch(request: Request, parts: PartsDep, idempotency_key: IdempotencyKey = None) -> Response:
    document = await parts.bodies.read_json(request, MAX_BATCH_BODY_BYTES)
    jobs = _jobs(document)
    items = await parts.bodies.aside(len(jobs) * 1024, lambda: [_draft(parts, job) for job in jobs])
    key = None if idempotency_key is None else Key.of(idempotency_key, document)
    answer = await parts.submitter.submit_batch(items, key)
    taken = sum(not isinstance(verdict, InvalidInput | NotUnique) for verdict in answer.verdicts)
    status = 422 if taken == 0 else 201 if taken == len(jobs) else 207
    headers = _key_headers(answer) if taken else {}
    return await parts.bodies.aside(
        len(jobs) * 128,
        lambda: json_response({"items": [_item(parts, verdict) for verdict in answer.verdicts]}, status, headers),
    )


def _jobs(document: Any) -> list[Any]:
    if not isinstance(document, dict):
        raise InvalidInput("not_an_object", "", 'must be a JSON object: {"jobs": [...]}')
    jobs = document.get("jobs")
    if not isinstance(jobs, list):
        code = "missing_field" if "jobs" not in document else "invalid_field"
        raise InvalidInput(code, "/jobs", "must be an array of jobs")
    if not 1 <= len(jobs) <= MAX_BATCH_JOBS:
        raise InvalidInput("invalid_field", "/jobs", f"has {len(jobs)} jobs; send 1 to {MAX_BATCH_JOBS}")
    return jobs


def _draft(parts: Parts, job: Any) -> Draft | InvalidInput:
    try:
        return parts.drafter.draft(job)
    except InvalidInput as error:
        return error


def _item(parts: Parts, verdict: Verdict) -> dict[str, Any]:
    if isinstance(verdict, InvalidInput | NotUnique):
        error = problem_of(verdict)
        return {"status": error["status"], "error": error}
    if isinstance(verdict, Existing):
        return {"status": 200, "job": job_view(verdict.row, parts.max_retries_of), "existing": _existing(verdict)}
    return {"status": 201, "job": job_view(verdict, parts.max_retries_of)}


def _key_headers(answer: Answer) -> dict[str, str]:
    headers = {"Idempotent-Replayed": "true"} if answer.replayed else {}
    if answer.key_expires_at is not None:
        headers["Idempotency-Key-Expires"] = answer.key_expires_at.isoformat()
    return headers


def _existing(verdict: Existing) -> str:
    return "replaced" if verdict.replaced else "true"
