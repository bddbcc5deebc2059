"""The JSON Schemas of everything that goes over a topic or the submit door, made from the models."""

from typing import Any

from pydantic import BaseModel

from jobstream.contracts.events import StatusEvent, TypeAnnouncement, WorkerEvent
from jobstream.contracts.jobs import DirectRecord, Job, JobFields

DIALECT = "https://json-schema.org/draft/2020-12/schema"

MODELS: dict[str, type[BaseModel]] = {
    "job-fields": JobFields,
    "direct-record": DirectRecord,
    "job-created.v1": Job,
    "job-status.v1": StatusEvent,
    "worker-status.v1": WorkerEvent,
    "type-announcement.v1": TypeAnnouncement,
}
"""Schema name to model; the files under docs/reference/schemas bear these names."""


def json_schema(name: str) -> dict[str, Any]:
    """The JSON Schema of one model, as a document of its own."""
    schema = MODELS[name].model_json_schema(mode="validation")
    return {"$schema": DIALECT, "$id": f"urn:jobstream:{name}", **schema}
