"""The HTTP calls about schedules, as values; `Client.send` and `SyncClient.send` send them."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import orjson

from jobstream.client.calls import Call

_JSON = {"content-type": "application/json"}


def create(schedule: Mapping[str, Any]) -> Call:
    """``POST /schedules``."""
    return Call("POST", "/schedules", body=orjson.dumps(dict(schedule)), headers=_JSON, repeatable=False)


def list_all(limit: int, cursor: str | None = None) -> Call:
    """``GET /schedules``."""
    params = {"limit": str(limit)} | ({} if cursor is None else {"cursor": cursor})
    return Call("GET", "/schedules", params)


def get(name: str) -> Call:
    """``GET /schedules/{name or id}``."""
    return Call("GET", _path(name))


def change(name: str, fields: Mapping[str, Any]) -> Call:
    """``PATCH /schedules/{name or id}``."""
    return Call("PATCH", _path(name), body=orjson.dumps(dict(fields)), headers=_JSON)


def remove(name: str) -> Call:
    """``DELETE /schedules/{name or id}``."""
    return Call("DELETE", _path(name), repeatable=False)


def trigger(name: str, overlap: str | None = None) -> Call:
    """``POST /schedules/{name or id}/trigger``."""
    params = {} if overlap is None else {"overlap": overlap}
    return Call("POST", f"{_path(name)}/trigger", params, repeatable=False)


def backfill(name: str, start: str, end: str, overlap: str | None = None) -> Call:
    """``POST /schedules/{name or id}/backfill``. Repeats make no second job for a tick."""
    span = {"from": start, "to": end} | ({} if overlap is None else {"overlap": overlap})
    return Call("POST", f"{_path(name)}/backfill", body=orjson.dumps(span), headers=_JSON)


def _path(name: str) -> str:
    return f"/schedules/{quote(name, safe='')}"
