"""What the commands share in speaking to people and to programs."""

import asyncio
import sys
from collections.abc import Coroutine
from contextlib import suppress
from enum import IntEnum, StrEnum
from typing import Any, NoReturn, TypeVar

import orjson
import typer

from jobstream.errors import ConfigurationError, JobstreamError

T = TypeVar("T")


class Exit(IntEnum):
    """Exit codes of every command."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    NOT_FOUND = 3
    NOT_COMPLETED = 4
    TOO_LATE = 5


class Format(StrEnum):
    """How data are printed."""

    TABLE = "table"
    JSON = "json"


def print_json(document: Any) -> None:
    """One document to stdout."""
    sys.stdout.write(orjson.dumps(document, option=orjson.OPT_INDENT_2).decode() + "\n")


def tell(text: str) -> None:
    """A line for people, to stderr. If nobody reads it any more, what is under way goes on all the same."""
    with suppress(OSError):
        typer.echo(text, err=True)


def fail(text: str, code: Exit = Exit.FAILED) -> NoReturn:
    """Say why on stderr, and exit."""
    tell(f"jobstream: {text}")
    raise typer.Exit(code)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine; what jobstream raises on purpose becomes one line on stderr and an exit code."""
    try:
        return asyncio.run(work)
    except ConfigurationError as error:
        fail(str(error), Exit.USAGE)
    except JobstreamError as error:
        fail(str(error))
