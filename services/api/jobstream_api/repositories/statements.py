"""Named SQL files, read once."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import orjson

from jobstream.contracts.status import TERMINAL

ENDED = sorted(status.value for status in TERMINAL)
"""The states of a job that is over."""


@cache
def statement(name: str) -> str:
    """The text of ``<name>.sql`` in this package."""
    return (files("jobstream_api.repositories") / f"{name}.sql").read_text()


def column(values: Sequence[Any]) -> Sequence[Any]:
    """A column for ``unnest``, which gives NULL where an array has ended.

    So a column of NULLs alone travels as an empty array: asyncpg spends as much on a NULL as on a value.
    """
    return [] if values and values[0] is None and values.count(None) == len(values) else values


def as_json(value: Any) -> str | None:
    """A value for an array of JSON documents; None stays NULL.

    Such arrays travel as text[]: asyncpg would take a list among jsonb[] for a further dimension.
    """
    return None if value is None else orjson.dumps(value).decode()
