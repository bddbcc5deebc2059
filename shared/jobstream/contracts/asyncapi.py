"""The AsyncAPI 3 document of the topics, made from the models and the topic specifications.

It tells other programs what to write and what to read. ``receive`` is what jobstream reads,
``send`` what it writes. The control topic is between jobstream's own processes and is left out.
"""

import json
from importlib.metadata import version
from typing import Any

from pydantic.json_schema import models_json_schema

from jobstream.contracts.events import StatusEvent, TypeAnnouncement, WorkerEvent
from jobstream.contracts.headers import JOB_CREATED, ORIGIN_HEADER
from jobstream.contracts.jobs import DirectRecord, Job
from jobstream.contracts.topics import Topics, TopicSpec, topic_specs
from jobstream.contracts.yaml import to_yaml
from jobstream.settings import Settings

_MODELS = (DirectRecord, Job, StatusEvent, WorkerEvent, TypeAnnouncement)
_TEXT = {"type": "string"}
_CLOUD_EVENT: dict[str, Any] = {
    "type": "object",
    "description": "CloudEvents 1.0, binary content mode.",
    "properties": {
        "ce_specversion": {"const": "1.0"},
        "ce_id": _TEXT,
        "ce_type": _TEXT,
        "ce_source": _TEXT,
        "ce_time": {"type": "string", "format": "date-time"},
        "ce_subject": {"type": "string", "description": "The job's id, or the worker's."},
        "content-type": {"const": "application/json"},
        "traceparent": {"type": "string", "description": "W3C trace context."},
    },
    "required": ["ce_specversion", "ce_id", "ce_type", "ce_source", "ce_time"],
}
_DEAD_HEADERS = {
    **_CLOUD_EVENT,
    "properties": {
        **_CLOUD_EVENT["properties"],
        "jobstream_reason": {"type": "string", "description": "Stable code, e.g. `invalid_json`."},
        "jobstream_field": {"type": "string", "description": "Where in the record, as a JSON Pointer."},
        "jobstream_detail": {"type": "string", "description": "What is wrong and what to do, for people."},
        "jobstream_origin_topic": _TEXT,
        "jobstream_origin_partition": {"type": "string", "pattern": "^[0-9]+$"},
        "jobstream_origin_offset": {"type": "string", "pattern": "^[0-9]+$"},
    },
}


def document(settings: Settings | None = None) -> dict[str, Any]:
    """The document, for the topics that ``settings`` ask for; default: the default settings."""
    # Built without the environment, so that the document in the repository is the same everywhere.
    chosen = settings or Settings.model_construct()
    channels, operations = _channels(chosen)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "jobstream topics",
            "version": version("jobstream"),
            "description": "Submit jobs by writing to a job topic; follow them on the status topic. "
            "Values are JSON in UTF-8. Fields that a reader does not know are to be ignored.",
            "license": {"name": "Apache 2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": chosen.kafka_bootstrap_servers,
                "protocol": "kafka",
                "description": "What `jobstream up` runs; JOBSTREAM_KAFKA_BOOTSTRAP_SERVERS elsewhere.",
            }
        },
        "channels": channels,
        "operations": operations,
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def asyncapi_json() -> str:
    """The document as JSON."""
    return json.dumps(document(), indent=2) + "\n"


def asyncapi_yaml() -> str:
    """The document as YAML."""
    return to_yaml(document())


def _channels(settings: Settings) -> tuple[dict[str, Any], dict[str, Any]]:
    topics = Topics(settings.topic_prefix)
    specs = {spec.name: spec for spec in topic_specs(settings)}
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}

    def add(name: str, spec: TopicSpec, action: str, messages: list[str], summary: str) -> None:
        channels[name] = {
            "address": spec.name,
            "description": spec.purpose,
            "messages": {message: {"$ref": f"#/components/messages/{message}"} for message in messages},
            "bindings": {"kafka": _binding(spec)},
        }
        operations[f"{action}_{name}"] = {
            "action": action,
            "channel": {"$ref": f"#/channels/{name}"},
            "summary": summary,
            "messages": [{"$ref": f"#/channels/{name}/messages/{message}"} for message in messages],
        }

    for queue in settings.queues:
        summary = f"Jobs of the queue {queue}: write a directRecord to submit one."
        add(
            f"jobs_{queue}".replace("-", "_"),
            specs[topics.jobs(queue)],
            "receive",
            ["directRecord", "jobCreated"],
            summary,
        )
    add(
        "status", specs[topics.status], "send", ["jobStatus", "workerStatus"], "What became of jobs, and who runs them."
    )
    add(
        "types", specs[topics.types], "send", ["typeAnnouncement"], "What handlers there are; the newest by type holds."
    )
    add("dead", specs[topics.dead], "send", ["deadRecord"], "Records that could not be read, byte for byte.")
    return channels, operations


def _binding(spec: TopicSpec) -> dict[str, Any]:
    named = {"cleanup.policy", "retention.ms", "max.message.bytes"}
    config: dict[str, Any] = {key: value for key, value in spec.config.items() if key in named}
    for key in ("retention.ms", "max.message.bytes"):
        if key in config:
            config[key] = int(config[key])
    if "cleanup.policy" in config:
        config["cleanup.policy"] = config["cleanup.policy"].split(",")
    return {
        "topic": spec.name,
        "partitions": spec.partitions,
        "replicas": spec.replication,
        "topicConfiguration": config,
        "bindingVersion": "0.5.0",
    }


def _messages() -> dict[str, Any]:
    return {
        "directRecord": {
            "title": "A job, written by any program",
            "summary": "Needs no headers and no id. The record's key orders jobs only if the field `key` says so too.",
            "payload": {"$ref": "#/components/schemas/DirectRecord"},
            "examples": [
                {"name": "least", "payload": {"payload": {"task": "example", "value": 42}}},
                {
                    "name": "more",
                    "payload": {
                        "type": "example",
                        "payload": {"value": 42},
                        "key": "customer-7",
                        "max_retries": 5,
                        "timeout_s": 30,
                        "run_at": "2026-12-24T18:00:00Z",
                        "idempotency_key": "order-4711",
                    },
                },
            ],
        },
        "jobCreated": {
            "name": JOB_CREATED,
            "title": "A job, published by the api",
            "summary": f"Told from a direct record by its header `{ORIGIN_HEADER}`.",
            "headers": _with_header(_CLOUD_EVENT, ORIGIN_HEADER),
            "payload": {"$ref": "#/components/schemas/Job"},
        },
        "jobStatus": {
            "name": "job.{event}.v1",
            "title": "What happened to a job",
            "summary": "Keyed by the job's id.",
            "headers": _CLOUD_EVENT,
            "payload": {"$ref": "#/components/schemas/StatusEvent"},
            "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": "0.5.0"}},
        },
        "workerStatus": {
            "name": "worker.{event}.v1",
            "title": "A worker about itself",
            "summary": "Every ten seconds, and once when it stops. Keyed by the worker's id.",
            "headers": _CLOUD_EVENT,
            "payload": {"$ref": "#/components/schemas/WorkerEvent"},
            "bindings": {"kafka": {"key": _TEXT, "bindingVersion": "0.5.0"}},
        },
        "typeAnnouncement": {
            "title": "A handler that a worker has",
            "summary": "Keyed by the type.",
            "payload": {"$ref": "#/components/schemas/TypeAnnouncement"},
            "bindings": {"kafka": {"key": _TEXT, "bindingVersion": "0.5.0"}},
        },
        "deadRecord": {
            "name": "record.dead_lettered.v1",
            "title": "A record that could not be read",
            "contentType": "application/octet-stream",
            "headers": _DEAD_HEADERS,
            "payload": {"type": "string", "format": "binary", "description": "The record's value as it was."},
        },
    }


def _with_header(schema: dict[str, Any], name: str) -> dict[str, Any]:
    return {**schema, "properties": {**schema["properties"], name: _TEXT}, "required": [*schema["required"], name]}


def _schemas() -> dict[str, Any]:
    _, made = models_json_schema(
        [(model, "validation") for model in _MODELS], ref_template="#/components/schemas/{model}"
    )
    return dict(made["$defs"])
