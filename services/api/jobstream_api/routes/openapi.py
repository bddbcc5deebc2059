"""The OpenAPI document: what FastAPI derives, plus the bodies that are read by hand."""

from importlib.metadata import version
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import TypeAdapter

from jobstream.contracts.limits import MAX_BATCH_JOBS
from jobstream.contracts.names import NAME_PATTERN
from jobstream_api.schemas import cancels, flow, jobs, schedules
from jobstream_api.schemas.problems import Problem
from jobstream_api.services.cancel_filters import CANCELLABLE, CancelFilter, Cancellation
from jobstream_api.services.drafts import NewJob
from jobstream_api.services.flow_specs import LimitSetting, QueueChanges, TypeChanges
from jobstream_api.services.operations import NewTime
from jobstream_api.services.schedule_specs import NewBackfill, NewSchedule

_EXAMPLES = jobs.EXAMPLES | cancels.EXAMPLES | schedules.EXAMPLES | flow.EXAMPLES
_REF = "#/components/schemas/{model}"


class _Summary(NamedTuple):
    version: str
    text: str


summary = _Summary(version("jobstream-api"), "Jobs on Kafka and PostgreSQL: submit them, watch them, list them.")
tags = [
    {"name": "jobs", "description": "Submit, read, list, cancel, move, retry."},
    {"name": "schedules", "description": "Jobs that come by the clock."},
    {"name": "flow", "description": "Limits, queues and pauses: what may start when."},
    {"name": "catalogue", "description": "What workers there are, and what they can run."},
    {"name": "dead letters", "description": "Records that could not be used."},
    {"name": "health", "description": "For load balancers and supervisors."},
]


def document(app: FastAPI) -> dict[str, Any]:
    """The document, made once per application."""
    if app.openapi_schema is None:
        built = get_openapi(
            title=app.title, version=app.version, summary=app.summary, routes=app.routes, tags=app.openapi_tags
        )
        schemas = built.setdefault("components", {}).setdefault("schemas", {})
        schemas |= _body_schemas()
        # Validation errors are problems here, like every other error.
        for name in ("HTTPValidationError", "ValidationError"):
            schemas.pop(name, None)
        _put_examples(built)
        app.openapi_schema = built
    return app.openapi_schema


def _put_examples(built: dict[str, Any]) -> None:
    for operations in built["paths"].values():
        for operation in operations.values():
            for answer in operation["responses"].values():
                content = answer.get("content", {}).get("application/json", {})
                if "example" in content:
                    content["example"] = _EXAMPLES[content["example"]]


def json_body(schema: str, description: str, shown: Any, *, required: bool = True) -> dict[str, Any]:
    """What a route that reads its body by itself says of it.

    Args:
        schema: name of a component schema.
        shown: an example.
    """
    return {
        "requestBody": {
            "required": required,
            "description": description,
            "content": {"application/json": {"schema": {"$ref": _REF.format(model=schema)}, "example": shown}},
        }
    }


def _body_schemas() -> dict[str, Any]:
    job = NewJob.model_json_schema(ref_template=_REF)
    named = job.pop("$defs", {})
    properties = job["properties"]
    for name in ("type", "queue"):
        for option in properties[name].get("anyOf", [properties[name]]):
            if option.get("type") == "string":
                option["pattern"] = NAME_PATTERN.pattern
    batch = {
        "title": "NewBatch",
        "description": "Many jobs for one transaction.",
        "type": "object",
        "required": ["jobs"],
        "properties": {
            "jobs": {
                "type": "array",
                "minItems": 1,
                "maxItems": MAX_BATCH_JOBS,
                "items": {"type": "object", "description": "A NewJob; each is judged by itself."},
            }
        },
    }
    problem = TypeAdapter(Problem).json_schema(ref_template=_REF)
    return {
        **named,
        "NewJob": job,
        "NewBatch": batch,
        "Problem": problem,
        **_operator_schemas(),
        **_schedule_schemas(),
        **_flow_schemas(),
    }


def _operator_schemas() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for model in (Cancellation, CancelFilter, NewTime):
        schema = TypeAdapter(model).json_schema(ref_template=_REF)
        schema.pop("$defs", None)
        found[model.__name__] = schema | {"additionalProperties": False}
    found["CancelFilter"] |= {"minProperties": 1}
    for option in found["CancelFilter"]["properties"]["status"]["anyOf"]:
        if "items" in option:
            option["items"] = {"type": "string", "enum": CANCELLABLE}
    # What is left out of it stays as it is.
    found["NewTime"]["properties"] = _without_defaults(found["NewTime"]["properties"])
    return found


def _flow_schemas() -> dict[str, Any]:
    named: dict[str, Any] = {}
    for model in (LimitSetting, QueueChanges, TypeChanges):
        schema = TypeAdapter(model).json_schema(ref_template=_REF)
        named |= schema.pop("$defs", {})
        if model is not TypeChanges:
            # What is left out is as declared, or stays.
            schema["properties"] = _without_defaults(schema["properties"])
            schema.pop("required", None)
        named[model.__name__] = schema | {"additionalProperties": False}
    return named


def _schedule_schemas() -> dict[str, Any]:
    schedule = TypeAdapter(NewSchedule).json_schema(ref_template=_REF)
    backfill = TypeAdapter(NewBackfill).json_schema(ref_template=_REF)
    named = schedule.pop("$defs", {}) | backfill.pop("$defs", {})
    # What is left out of a change stays as it is, so nothing in it has a default.
    fields = _without_defaults(schedule["properties"])
    return {
        **named,
        "NewSchedule": schedule | {"additionalProperties": False},
        "ScheduleChanges": {
            "type": "object",
            "title": "ScheduleChanges",
            "description": "Fields to change.",
            "properties": fields,
            "additionalProperties": False,
        },
        "NewBackfill": backfill | {"additionalProperties": False},
    }


def _without_defaults(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in field.items() if key != "default"} for name, field in properties.items()
    }
