"""Named SQL files, read once."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of ``<name>.sql`` in this package."""
    return (files("jobstream_api.repositories") / f"{name}.sql").read_text()
