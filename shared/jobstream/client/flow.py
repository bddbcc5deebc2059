"""The HTTP calls about limits, queues and job types, as values; `Client.send` and `SyncClient.send` send them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from jobstream.client.calls import Call

_JSON = {"content-type": "application/json"}


def list_limits() -> Call:
    """``GET /limits``."""
    return Call("GET", "/limits")


def get_limit(name: str) -> Call:
    """``GET /limits/{name}``."""
    return Call("GET", _path("limits", name))


def set_limit(name: str, setting: Mapping[str, Any]) -> Call:
    """``PUT /limits/{name}``."""
    return Call("PUT", _path("limits", name), body=orjson.dumps(dict(setting)), headers=_JSON)


def remove_limit(name: str) -> Call:
    """``DELETE /limits/{name}``."""
    return Call("DELETE", _path("limits", name), repeatable=False)


def list_queues() -> Call:
    """``GET /queues``."""
    return Call("GET", "/queues")


def get_queue(name: str) -> Call:
    """``GET /queues/{name}``."""
    return Call("GET", _path("queues", name))


def change_queue(name: str, fields: Mapping[str, Any]) -> Call:
    """``PATCH /queues/{name}``."""
    return Call("PATCH", _path("queues", name), body=orjson.dumps(dict(fields)), headers=_JSON)


def list_types() -> Call:
    """``GET /job-types``."""
    return Call("GET", "/job-types")


def change_type(name: str, fields: Mapping[str, Any]) -> Call:
    """``PATCH /job-types/{type}``."""
    return Call("PATCH", _path("job-types", name), body=orjson.dumps(dict(fields)), headers=_JSON)


def _path(kind: str, name: str) -> str:
    return f"/{kind}/{quote(name, safe='')}"
